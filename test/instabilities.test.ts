/**
 * `unstable-formula`: what is warned of, where, and that the stable spellings and all programs of
 * this project are not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../compiler/index.ts";

const model = (formula: string): string =>
  `model M {\n  input x: [N, 3]\n  input y: [N, 3]\n  param w: [3] ~ ones\n  param v: [3, 3] ~ ones\n  output z = ${formula}\n}`;

/** The operator or the function that each warning points at, and its help. */
async function warnings(source: string): Promise<{ readonly text: string; readonly help: string }[]> {
  const found = (await check(source)).filter((d) => d.code === "unstable-formula");
  return found.map(({ labels, help }) => {
    const span = labels[0]!.span;
    return { text: source.slice(span.start, span.end), help: help ?? "" };
  });
}

/**
 * The formula, the operator or function that is pointed at, a word of the help, and the stable
 * spelling.
 */
const unstable: readonly (readonly [string, string, RegExp, string])[] = [
  ["log(exp(x) @ exp(w))", "log", /logsumexp/, "logsumexp(x + w, axis = 1)"],
  ["log(softmax(x) @ softmax(v))", "log", /logsumexp/, "log(softmax(x) @ softmax(v) + 1e-7)"],
  ["log1p(exp(x) @ exp(w))", "log1p", /logsumexp/, "log1p(exp(clamp(x, -5, 5)) @ exp(tanh(w)))"],
  ["log(1 - erf(x))", "log", /1e-7/, "log(max(1 - erf(x), 1e-7))"],
  ["log(0.5 + 0.5 * erf(x / sqrt(2)))", "log", /1e-7/, "log(max(0.5 + 0.5 * erf(x / sqrt(2)), 1e-7))"],
  ["log1p(erf(x))", "log1p", /1e-7/, "log1p(max(erf(x), -0.99))"],
  ["x / sqrt(sum(x^2))", "/", /1e-12/, "x / sqrt(sum(x^2) + 1e-12)"],
  [
    "(x - mean(x, axis = 0)) / sqrt(var(x, axis = 0))",
    "/",
    /1e-5/,
    "(x - mean(x, axis = 0)) / sqrt(var(x, axis = 0) + 1e-5)",
  ],
  ["mean(x^2) - mean(x)^2", "-", /var/, "var(x, correction = 0)"],
];

describe("a warning that points at the formula and names the stable one", () => {
  test.each(unstable)("%s", async (formula, text, help, stable) => {
    const found = await warnings(model(formula));
    expect(found.map((w) => w.text)).toEqual([text]);
    expect(found[0]!.help).toMatch(help);
    expect(await warnings(model(stable)), `${stable} is stable`).toEqual([]);
  });
});

describe("no warning", () => {
  test.each([
    "log(1 + exp(x))",
    "log(exp(x) + exp(y))",
    "1 + log(2 + sum(exp(w * x)))",
    "log(y * sigmoid(x))",
    "log(mean(softmax(x), axis = 0))",
    "log(exp(-x^2) + exp(-y^2))",
    "log(1 - tanh(x))",
    "log(1 - softmax(x))",
    "exp(x) / (exp(x) + exp(y))",
    "exp(x) * y / sum(exp(x) * y, axis = -1, keep = true)",
    "log(1 - exp(-x))",
    "log(1 - tanh(x)^2 + 1e-6)",
    "log(max(1 - tanh(x)^2, 1e-6))",
    "log(clamp(sigmoid(x), 1e-7, 1 - 1e-7))",
    "log(1 - clamp(sigmoid(x), 1e-7, 1 - 1e-7))",
    "log(1 - x^2)",
    "log(where(y == 1, sigmoid(x), 1 - sigmoid(x)))",
    "log(sum(y * exp(x - max(x))))",
    "-log(-log(sigmoid(x)))",
    "log(y * w * exp(x) / (1 + exp(w * x)) + exp(y))",
    "log(sum(exp(x)))",
    "exp(x) / sum(exp(x), axis = -1, keep = true)",
    "exp(x - max(x)) / sum(y * exp(x - max(x)))",
    "log(1 + x^2)",
    "log(exp(clamp(x, -5, 5)) + 2)",
    "log(exp(tanh(x)) + y)",
    "exp(-x^2) / (1 + exp(-y^2))",
    "log(sigmoid(x) + 1e-7)",
    "x / (sqrt(sum(x^2)) + 1e-5)",
    "x / max(sqrt(sum(x^2)), 1e-5)",
    "mean(x^2) - mean(y)^2",
    "1 / (exp(x) - 1)",
  ])("%s", async (formula) => {
    expect(await warnings(model(formula))).toEqual([]);
  });

  test.each(["examples", "test/cases", "test/oracle"])(
    "in the programs of %s, which use all of the library",
    async (folder) => {
      const root = new URL(`../${folder}/`, import.meta.url);
      const files = readdirSync(root).filter((name) => name.endsWith(".nn"));
      expect(files.length).toBeGreaterThan(2);
      for (const file of files) {
        const source = readFileSync(new URL(file, root), "utf8");
        const readImport = async (path: string): Promise<string> => readFileSync(new URL(path, root), "utf8");
        const codes = (await check(source, { file, readImport })).map((d) => d.code);
        expect(codes, file).not.toContain("unstable-formula");
      }
    },
  );
});

test("a chain of ten thousand sums is read in pieces, not anew from each of its links", async () => {
  const source = "model M { input x: [N]  for i in 0..10000 { x = x + i }  output y = x }";
  expect(await check(source)).toEqual([]);
}, 20_000);
