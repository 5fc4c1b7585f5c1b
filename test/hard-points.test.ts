/**
 * Each line of `docs/hard-points.md`: what is right there, what a compiled model answers, and what
 * the others really answer.
 */
import { describe, expect, test } from "vitest";
import { check } from "../compiler/index.ts";
import {
  ours,
  points,
  python,
  sections,
  shown,
  tables,
  tfjsAnswers,
  torchAnswers,
} from "./helpers/hard-points.ts";
import { jaxRules } from "./helpers/jax-rules.ts";
import { page } from "./helpers/markdown.ts";
import { start } from "./helpers/model.ts";
import { skippedWithout } from "./helpers/skip.ts";

const markdown = page("hard-points.md");

describe.each(["f32", "f64"] as const)("compiled in %s", (dtype) => {
  const answers = ours(dtype);
  test.each(
    points.map((point, i) => [`${point.shows} of ${point.formula} at ${shown(point.at)}`, i] as const),
  )("%s", async (_, i) => {
    expect(shown((await answers)[i]!)).toBe(shown(points[i]!.is));
  });
});

const withTorch =
  python === undefined
    ? "SKIPPED: no Python with PyTorch 1.13 on this machine"
    : "as PyTorch and TensorFlow.js answer here";

describe.skipIf(skippedWithout(python))(`the page's tables, ${withTorch}`, () => {
  test("hold what was run", async () => {
    const squeezed = (text: string): string => text.replace(/-{3,}/g, "---").replace(/ +/g, " ");
    const wanted = tables({ torch: torchAnswers(python!), tfjs: await tfjsAnswers() });
    expect(squeezed(markdown)).toContain(squeezed(wanted));
  });
});

test("the page has every point, with the answer that is right", () => {
  for (const { title } of sections) expect(markdown).toContain(`\n## ${title}\n`);
  for (const { formula, is } of points) {
    const rows = markdown.split("\n").filter((line) => line.startsWith(`| \`${formula}\` `));
    expect(rows.some((row) => row.split("|").some((cell) => cell.trim() === shown(is)))).toBe(true);
  }
});

test("JAX's answers have as many entries as ours, and each of its rules leads to one", () => {
  const answered = points.flatMap(({ jax, is }) => (jax === undefined ? [] : [{ ...jax, ours: is }]));
  for (const { is, ours: right } of answered) expect(is).toHaveLength(right.length);
  expect(new Set(answered.flatMap(({ by }) => by))).toEqual(new Set(Object.keys(jaxRules)));
  // The two that have none are losses.
  expect(answered).toHaveLength(points.length - 2);
});

test("an empty axis is refused", async () => {
  const codes = (await check("model M { input x: [3]\n output y = sum(x[0:0]) }")).map((d) => d.code);
  expect(codes).toEqual(["bad-index"]);
});

test("a batch of one row", async () => {
  const net = await start(`model One {
    input x: [N, 3]
    target y: int[N]
    param w: [3] = [1, 2, 3]
    z = x * w
    output spread = var(x, axis = 0, correction = 0)
    output scaled = (x - mean(x, axis = 0)) / sqrt(var(x, axis = 0, correction = 0) + 1e-5)
    loss cross_entropy(z, y)
  }`);
  const given = { x: [[1e4, 0, -1e4]], y: [2] };
  expect([...net.predict(given)["spread"]!.data]).toEqual([0, 0, 0]);
  expect([...net.predict(given)["scaled"]!.data]).toEqual([0, 0, 0]);
  // z = (1e4, 0, -3e4): all of the softmax is at class 0, and the label is 2.
  expect(net.loss(given)).toBe(4e4);
  expect([...net.gradients(given).gradients["w"]!.data]).toEqual([1e4, 0, 1e4]);
  net.dispose();
});

test("the deviation of a batch of equal rows", async () => {
  const net = await start(`model Equal {
    input x: [N, 2]
    param w: [2] = [1, 2]
    loss sum(sqrt(var(x * w, axis = 0)))
  }`);
  expect([
    ...net.gradients({
      x: [
        [5, 1],
        [5, 4],
      ],
    }).gradients["w"]!.data,
  ]).toEqual([0, expect.closeTo(Math.sqrt(4.5), 5)]);
  net.dispose();
});
