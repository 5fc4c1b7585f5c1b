/**
 * `check` of a file with many models: what it says of each, once, and how often it reads what they
 * share.
 */
import { expect, test } from "vitest";
import { check } from "../compiler/index.ts";

/**
 * Models of which every third has a mistake of shape and every fifth something unused; what they
 * share has a mistake too.
 */
const file = (count: number): string =>
  [
    'import { shared } from "./shared.nn"',
    "fn wrong(x) = x + unknown",
    ...Array.from({ length: count }, (_, i) =>
      [
        `model M${i} {`,
        "  input x: [N, 4]",
        ...(i % 5 === 0 ? ["  input idle: [N]"] : []),
        `  h = dense(shared(x), ${(i % 4) + 1}, relu)`,
        ...(i % 3 === 0 ? ["  bad = h @ ones([7, 2])"] : []),
        "  output h",
        "}",
      ].join("\n"),
    ),
  ].join("\n");

const codes = async (count: number, model?: string): Promise<readonly string[]> => {
  const found = await check(file(count), {
    readImport: async () => "fn shared(x) = 2 * x",
    ...(model === undefined ? {} : { model }),
  });
  return found.map((d) => `${d.code} ${d.labels[0]?.span.start}`);
};

test("all is said that is said of the models one by one, in their order", async () => {
  const one: string[] = [];
  for (let i = 0; i < 20; i++) one.push(...(await codes(20, `M${i}`)));
  const all = await codes(20);
  expect(all).toEqual([...new Set(one)]);
  expect(all[0]).toMatch(/^unknown-name/);
  expect(all.filter((said) => said.startsWith("shape-mismatch"))).toHaveLength(7);
});

test("imports are read once for all models", async () => {
  let reads = 0;
  await check(file(300), {
    readImport: async () => {
      reads++;
      return "fn shared(x) = 2 * x";
    },
  });
  expect(reads).toBe(1);
});

test("500 models are read, and one more is too many", async () => {
  const models = (count: number): string =>
    Array.from({ length: count }, (_, i) => `model M${i} { input x: [N, 1] output y = dense(x, 1) }`).join(
      "\n",
    );
  expect(await check(models(500))).toEqual([]);
  const [only, ...others] = await check(models(3000));
  expect(only).toMatchObject({ code: "too-many-models", severity: "error" });
  expect(only!.message).toContain("more than 500 models");
  expect(models(3000).slice(only!.labels[0]!.span.start)).toMatch(/^M500 /);
  expect(others).toEqual([]);
});
