/** A loss that is not finite any more: which tensor made it so, in which layer, step and row. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-diverged-"));
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

/** Rows 0 … 19, of which row 13 is (0, 0). */
const data = ["--data", "x=rows.csv:a,b", "y=rows.csv:y", "--batch", "4"];
beforeAll(() => {
  const lines = Array.from({ length: 20 }, (_, i) =>
    i === 13 ? "0,0,1" : `${1 + (i % 3)},${2 - (i % 2)},1`,
  );
  write("rows.csv", `a,b,y\n${lines.join("\n")}\n`);
});

const inputs = "  input x: [N, 2]\n  target y: [N, 1]\n";

interface Case {
  readonly name: string;
  readonly source: string;
  /** What the text says beside step and epoch. */
  readonly says: readonly string[];
  readonly tensor: object;
  readonly args?: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "log of 0 in a layer",
    source: `layer odd(x, n) {\n  z = dense(x, n, use_bias = false)\n  return log(abs(z))\n}\nmodel M {\n${inputs}  h = odd(x, 3)\n  loss mse(dense(h, 1), y)\n  optimizer sgd(lr = 0)\n}\n`,
    says: [
      "--> m.nn:3:10",
      "log(0) is -Infinity, in row 13 of the data, from 0",
      "in layer `h` (odd)",
      "keep the operand away from 0",
    ],
    tensor: { layer: "h", callee: "odd", pass: "forward", op: "log", value: "-Infinity", row: 13 },
  },
  {
    name: "division by 0, with rows held out",
    source: `model M {\n${inputs}  s = sum(x, axis = -1, keep = true)\n  inverse = 1 / s\n  loss mse(dense(inverse, 1), y)\n  optimizer sgd(lr = 0)\n}\n`,
    says: ["--> m.nn:5:", "is Infinity, in row 13 of the data, from 0", "`inverse: [N, 1] = "],
    tensor: { layer: null, pass: "forward", value: "Infinity", row: 13 },
    args: ["--validate", "0.2", "--seed", "1"],
  },
  {
    name: "division by 0 in a loop, whose first place is the last",
    source: `model M {\n${inputs}  s = scan(x, zeros([N]), (h, v) => 1 / (v + h), axis = 1, reverse = true)\n  loss mse(dense(s, 1), y)\n  optimizer sgd(lr = 0)\n}\n`,
    says: ["--> m.nn:4:", "is Infinity, in row 13 of the data, from 0, at place 1 of the scan"],
    tensor: { layer: null, pass: "forward", value: "Infinity", row: 13, places: [1] },
  },
  {
    name: "overflow in exp, beside a mask that is infinite on purpose",
    source: `model M {\n${inputs}  z = dense(x, 3)\n  masked = where(z > z, z, where(iota(3) == 0, -inf, z))\n  p = softmax(masked)\n  big = exp(50 * sum(x, axis = -1, keep = true))\n  loss mse(sum(p, axis = -1, keep = true) + big, y)\n  optimizer sgd(lr = 0)\n}\n`,
    says: ["--> m.nn:7:9", "exp(", "`big: [N, 1] = exp", "subtract its largest entry first"],
    tensor: { pass: "forward", op: "exp", value: "Infinity" },
  },
  {
    name: "the side of a `where` that was chosen, though the other is infinite too",
    source: `model M {\n${inputs}  s = sum(x, axis = -1, keep = true)\n  hidden = log(s)\n  big = exp(1000 + s)\n  h = dense(where(s == 0, big, hidden), 1)\n  loss mse(h, y)\n  optimizer sgd(lr = 0)\n}\n`,
    says: ["exp(1000) is Infinity, in row 13"],
    tensor: { pass: "forward", op: "exp", row: 13 },
  },
  {
    name: "a softmax of a row that a mask leaves nothing of",
    source: `model M {\n${inputs}  z = dense(x, 3)\n  masked = where(x[:, 0] != 0, 1, 0)\n  p = softmax(where(reshape(masked, [N, 1]) == 1, z, -inf))\n  loss mse(sum(p, axis = -1, keep = true), y)\n  optimizer sgd(lr = 0)\n}\n`,
    says: ["--> m.nn:6:7", "in row 13 of the data"],
    tensor: { pass: "forward", op: "softmax", value: "NaN", row: 13 },
  },
  {
    name: "a learning rate so large that the loss overflows",
    source: `model M {\n${inputs}  z = dense(x, 3, tanh)\n  p = dense(z, 1)\n  loss mse(p, y)\n  optimizer sgd(lr = 1e25)\n}\n`,
    says: ["at step 2, in epoch 1", "--> m.nn:6:8", "try a smaller --lr"],
    tensor: { step: 2, pass: "forward", op: "mul", value: "Infinity" },
  },
  {
    name: "weights that overflow",
    source: `model M {\n  param w = 1\n  loss -w\n  optimizer sgd(lr = 1e38)\n}\n`,
    says: ["at step 5", "in the update of `w`", "that was in step 4, after which `w` was not finite"],
    tensor: { step: 4, layer: null, pass: "update", op: "add", value: "Infinity" },
  },
  {
    name: "a gradient that is infinite where the loss is finite",
    source: `layer root(x: [..., I]) {\n  param w: [I] ~ zeros\n  return x * sqrt(w)\n}\nmodel M {\n${inputs}  h = root(x)\n  loss mse(dense(h, 1), y)\n  optimizer sgd(lr = 0.1)\n}\n`,
    says: [
      "--> m.nn:3:14",
      "/ 0 is ",
      "on the way back through layer `h` (root)",
      "that was in step 1, after which `h.w` was not finite",
    ],
    tensor: { step: 1, layer: "h", callee: "root", pass: "backward", op: "div" },
  },
  {
    name: "an optimizer of one's own",
    source: `optimizer odd(lr = 1) {\n  param = param - lr * grad / (3 - step)\n}\nmodel M {\n${inputs}  loss mse(dense(x, 1), y)\n  optimizer odd(lr = 0.001)\n}\n`,
    says: ["--> m.nn:2:", " / 0 is ", "in the update of `dense."],
    tensor: { step: 3, pass: "update", op: "div" },
  },
];

describe("a run that diverges names the first tensor that was not finite:", () => {
  test.each(cases)("$name", async ({ source, says, tensor, args = [] }) => {
    write("m.nn", source);
    const given = source.includes("input x") ? data : [];
    const { code, stdout, stderr } = await run("train", "m.nn", ...given, "--epochs", "9", ...args, "--json");
    expect(code).toBe(1);
    expect(stderr).toContain("error[diverged]: the loss stopped being finite at step ");
    for (const text of says) expect(stderr).toContain(text);
    const { diverged, diagnostics } = JSON.parse(stdout);
    expect(diverged.tensor).toMatchObject(tensor);
    // Forward it is the step whose loss shows it; an update is seen in the next.
    const later = diverged.tensor.pass === "forward" ? 0 : 1;
    expect(diverged.step - diverged.tensor.step).toBe(later);
    expect(stderr.includes("that was in step")).toBe(later === 1);
    expect(diagnostics).toMatchObject([{ code: "diverged", severity: "error", file: "m.nn" }]);
    expect(stderr).toContain(`m.nn:${diagnostics[0].line}:${diagnostics[0].column}`);
  });
});

test("of a run that went on from a file too, long after its last copy", async () => {
  // Its weights grow by a factor: 1.01^n passes what f32 has after thousands of steps.
  write("slow.nn", "model Slow {\n  param w = 1\n  loss -w^2\n  optimizer sgd(lr = 0.005)\n}\n");
  const { code } = await run("train", "slow.nn", "--epochs", "3000", "-o", "slow.safetensors");
  expect(code).toBe(0);
  const args = ["train", "slow.nn", "--epochs", "9000", "--resume", "slow.safetensors", "--json"];
  const { stdout } = await run(...args);
  const { diverged } = JSON.parse(stdout);
  // w² is beyond 3.4e38 once n · log 1.01 > ½ log 3.4e38.
  const step = Math.ceil(Math.log(3.4028e38) / 2 / Math.log(1.01)) + 1;
  expect(Math.abs(diverged.step - step)).toBeLessThan(3);
  expect(diverged.tensor).toMatchObject({ step: diverged.step, layer: null, value: "Infinity" });
});
