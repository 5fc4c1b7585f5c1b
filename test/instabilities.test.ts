/** `unstable-formula`: what is warned of, where, and that the stable spellings and all programs of this project are not. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../compiler/index.ts";

const model = (formula: string): string =>
  `model M {\n  input x: [N, 3]\n  input y: [N, 3]\n  param w: [3] ~ ones\n  output z = ${formula}\n}`;

/** The operator or the function that each warning points at, and its help. */
async function warnings(source: string): Promise<{ readonly text: string; readonly help: string }[]> {
  const found = (await check(source)).filter((d) => d.code === "unstable-formula");
  return found.map(({ labels, help }) => {
    const span = labels[0]!.span;
    return { text: source.slice(span.start, span.end), help: help ?? "" };
  });
}

/** The formula, the operator or function that is pointed at, a word of the help, and the stable spelling. */
const unstable: readonly (readonly [string, string, RegExp, string])[] = [
  ["log(exp(x) + exp(y))", "log", /logsumexp/, "logsumexp(stack([x, y]), axis = 0)"],
  ["1 + log(2 + sum(exp(w * x)))", "log", /logsumexp/, "1 + logsumexp(concat([x, y], axis = 1))"],
  ["log(y * sigmoid(x))", "log", /log\(a\) \+ log\(b\)/, "log(y) + log(sigmoid(x))"],
  ["log(mean(softmax(x), axis = 0))", "log", /logsumexp/, "logsumexp(log_softmax(x), axis = 0)"],
  ["log(exp(-x^2) + exp(-y^2))", "log", /logsumexp/, "logsumexp(stack([-x^2, -y^2]), axis = 0)"],
  ["log(1 - tanh(x))", "log", /softplus/, "log(2) - softplus(2 * x)"],
  ["log(1 - softmax(x))", "log", /softmax/, "log(1 - sigmoid(x))"],
  ["exp(x) / (exp(x) + exp(y))", "/", /sigmoid\(a - b\)/, "sigmoid(x - y)"],
  ["exp(x) * y / sum(exp(x) * y, axis = -1, keep = true)", "/", /softmax/, "softmax(where(y > 0, x, -inf))"],
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
