/**
 * Calls of the library's losses and metrics that cannot mean what they say, and calls like them
 * that do.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../compiler/index.ts";

const codes = [
  "single-column",
  "stretched-target",
  "logits-as-probabilities",
  "float-labels",
  "out-of-range",
  "idle-argument",
];

async function found(line: string): Promise<string[]> {
  const source = `model M {
    input x: [N, 3]
    input row: [1, 3]
    target y: [N, 3]
    target one: [N, 1]
    target t: [N]
    target label: int[N]
    z = dense(x, 3)
    c = dense(x, 1)
    p = sigmoid(c)
    ${line}
    ${line.startsWith("metric") ? "loss sum(z^2)" : ""}
  }`;
  const diagnostics = await check(source);
  return diagnostics.flatMap((d) =>
    codes.includes(d.code)
      ? [
          `${d.severity} ${d.code} at ${source.slice(d.labels[0]!.span.start, d.labels[0]!.span.end)}: ${d.help}`,
        ]
      : d.severity === "error"
        ? [`error ${d.code}: ${d.message}`]
        : [],
  );
}

const told: readonly (readonly [line: string, what: RegExp])[] = [
  ["metric accuracy(c, one)", /^error single-column at accuracy: .*binary_accuracy\(p, y\)/],
  ["metric accuracy(c, label)", /^error single-column/],
  ["metric accuracy(p, one > 0.5)", /^error single-column/],
  ["metric accuracy(z[:, 0:1], label)", /^error single-column/],
  ["loss cross_entropy(c, label)", /^error single-column at cross_entropy: .*bce_with_logits\(z, y\)/],
  ["loss cross_entropy(c, one)", /^error single-column/],
  ["output q = softmax(c)", /^warning single-column at softmax: .*sigmoid\(z\)/],
  ["output q = softmax(row, axis = 0)", /^warning single-column/],
  ["output q = dense(x, 1, softmax)", /^warning single-column/],
  ["output q = log_softmax(c)", /^warning single-column at log_softmax: .*softplus/],
  ["output q = argmax(c, axis = -1)", /^warning single-column at argmax: .*p > 0.5/],
  ["loss mse(z, one)", /^warning stretched-target at mse: .*broadcast\(y, \[N, 3\]\)/],
  ["loss mse(c, y)", /^warning stretched-target at mse: .*broadcast\(prediction, \[N, 3\]\)/],
  ["loss mae(z, one)", /^warning stretched-target/],
  ["loss huber(z, one)", /^warning stretched-target/],
  ["loss bce(sigmoid(z), one)", /^warning stretched-target/],
  ["loss bce_with_logits(z, one)", /^warning stretched-target/],
  ["loss hinge(z, one)", /^warning stretched-target/],
  ["metric r2(z, one)", /^warning stretched-target/],
  ["metric binary_accuracy(sigmoid(z), one)", /^warning stretched-target/],
  ["loss mse(x, row)", /^warning stretched-target/],
  ["loss bce(c, one)", /^warning logits-as-probabilities at bce: .*bce_with_logits\(z, y\)/],
  ["metric f1(c, one)", /^warning logits-as-probabilities at f1: .*f1\(z, y, threshold = 0\)/],
  ["metric rmse(z, one)", /^warning stretched-target/],
  ["metric binary_accuracy(c, one)", /^warning logits-as-probabilities at binary_accuracy: .*threshold = 0/],
  ["loss nll(softmax(z), label)", /^warning logits-as-probabilities at nll: .*cross_entropy/],
  ["loss kl_div(softmax(z), softmax(y))", /^warning logits-as-probabilities at kl_div: .*log_softmax/],
  ["metric accuracy(z, t)", /^warning float-labels at accuracy: .*int\[N\]/],
];

const meant: readonly string[] = [
  "metric accuracy(z, label)",
  "metric accuracy(z, y)",
  "metric recall(z, argmax(z, axis = -1))",
  "metric binary_accuracy(p, one)",
  "metric binary_accuracy(c, one, threshold = 0)",
  "metric binary_accuracy(c, one, 0)",
  "loss cross_entropy(z, label)",
  "loss cross_entropy(z, y)",
  "loss mse(z, y)",
  "loss mse(c, one)",
  "loss mse(z, 0)",
  "loss mse(z, [1, 0, 0])",
  "loss mse(z, broadcast(one, shape(z)))",
  "loss mse(c[:, 0], t)",
  "loss mse(sum(z), 3)",
  "loss bce(p, one)",
  "loss bce_with_logits(c, one)",
  "loss nll(log_softmax(z), label)",
  "loss kl_div(log_softmax(z), softmax(y))",
  "metric r2(z, y)",
  "output q = softmax(z)",
  "output q = softmax(c, axis = 0)",
  "output q = argmax(z, axis = 1)",
];

describe("told, with what is meant", () => {
  test.each(told)("%s", async (line, what) => {
    const said = await found(line);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(what);
  });
});

describe("nothing is said of", () => {
  test.each(meant)("%s", async (line) => {
    expect(await found(line)).toEqual([]);
  });

  test("a definition of one's own by the same name", async () => {
    const source = `fn mse(a, b) = mean((a - b)^2)
      model M { input x: [N, 3] target y: [N, 1] loss mse(dense(x, 3), y) }`;
    expect((await check(source)).map((d) => d.code)).toEqual(["shadows-std"]);
  });

  test.each(["examples", "test/cases", "test/oracle"])("the programs of %s", async (folder) => {
    const root = new URL(`../${folder}/`, import.meta.url);
    for (const file of readdirSync(root).filter((name) => name.endsWith(".nn"))) {
      const readImport = async (path: string): Promise<string> => readFileSync(new URL(path, root), "utf8");
      const given = await check(readFileSync(new URL(file, root), "utf8"), { file, readImport });
      expect(
        given.filter((d) => codes.includes(d.code)).map((d) => d.message),
        file,
      ).toEqual([]);
    }
  });
});
