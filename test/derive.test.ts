/**
 * `nndsl derive`: the formulas of the chapter, by their letters; and every activation's derivative
 * beside central differences.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import katex from "katex";
import { describe, expect, test } from "vitest";
import { runHere } from "./helpers/run-cli.ts";
import { erf, evaluateFormula } from "./helpers/formula.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nndsl-derive-"));

interface Formula {
  readonly of: string;
  readonly wrt: string;
  readonly text: string;
  readonly latex: string;
}

async function derive(...args: readonly string[]): Promise<readonly Formula[]> {
  const { code, stdout } = await runHere(["derive", ...args, "--json"], root);
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { formulas: readonly Formula[] }).formulas;
}

let files = 0;
function program(text: string): string {
  const path = join(folder, `m${files++}.nn`);
  writeFileSync(path, text);
  return path;
}

/** The right side of the last line. */
const gradient = ({ text }: Formula): string => text.split("\n").at(-1)!.split(" = ").slice(1).join(" = ");
const lines = (formulas: readonly Formula[]): Record<string, string[]> =>
  Object.fromEntries(formulas.map(({ wrt, text }) => [wrt, text.split("\n")]));

describe("the chapter's forms", () => {
  test.each([
    ["identity", "identity'(z) = 1"],
    ["step", "step'(z) = 0"],
    ["sigmoid", "sigmoid'(z) = σ(z)(1 - σ(z))"],
    ["tanh", "tanh'(z) = 1 - tanh(z)²"],
    ["relu", "relu'(z) = [z > 0]"],
    ["leaky_relu", "leaky_relu'(z) = 1 if z > 0, else 0.01"],
    ["elu", "elu'(z) = 1 if z > 0, else exp(z)"],
    ["softplus", "softplus'(z) = σ(z)"],
    ["swish", "swish'(z) = σ(z)(1 + z(1 - σ(z)))"],
    ["softsign", "softsign'(z) = 1/(1 + |z|)²"],
    ["gelu_erf", "gelu_erf'(z) = z exp(-z²/2)/√(2π) + (1 + erf(z/√2))/2"],
    ["softmax", "∇z = softmax(z) ∘ (δ - Σⱼ δ ∘ softmax(z))"],
    ["log_softmax", "∇z = δ - (Σⱼ δ) ∘ softmax(z)"],
  ])("of %s", async (name, formula) => {
    const [first] = await derive(`std:${name}`);
    expect(first!.text).toBe(formula);
    expect(first!.of).toBe(`${name}(z)`);
    expect(first!.wrt).toBe("z");
  });

  test("gelu, whose tanh is used twice, names it", async () => {
    const [gelu] = await derive("std:gelu");
    expect(gelu!.text.split("\n")).toEqual([
      "t1 = tanh(√(2/π) z(1 + 0.044715 z²))",
      "gelu'(z) = √(2/π) z(1 - t1²)(1 + 0.134145 z²)/2 + (1 + t1)/2",
    ]);
  });

  test("softmax with cross-entropy at the logits", async () => {
    const file = program(
      "model M { input x: [N, 4] target y: int[N] z = dense(x, 3) output p = softmax(z) loss cross_entropy(z, y) }",
    );
    const [z] = await derive(file, "--wrt", "z");
    expect(z).toMatchObject({ of: "loss", wrt: "z", text: "∇z = (softmax(z) - onehot(y))/N" });
    expect(z!.latex).toBe(
      String.raw`\nabla_{\!z} L = \frac{\operatorname{softmax}(z) - \operatorname{onehot}(y)}{N}`,
    );
  });

  test("the same where cross-entropy is typed plainly", async () => {
    const [z] = await derive("examples/plain-cross-entropy.nn", "--wrt", "z");
    expect(gradient(z!)).toBe("(softmax(z) - onehot(y))/N");
  });

  test("sigmoid with binary cross-entropy at the logits", async () => {
    const [z] = await derive("examples/xor.nn", "--wrt", "z");
    expect(gradient(z!)).toBe("(σ(z) - y)/N");
  });

  test("two thirds is 2/3, and 0.3 as it was written", async () => {
    const text =
      "model M { input z: [N, 3] target y: [N, 3] param a = 2 d = z - y loss mean(d^2) + 0.3 * a }";
    const formulas = await derive(program(text), "--wrt", "d,a");
    expect(formulas.map((f) => f.text)).toEqual(["∇d = 2 d/(3 N)", "∇a = 0.3"]);
    expect(formulas[0]!.latex).toBe(String.raw`\nabla_{\!d} L = \frac{2\,d}{3\,N}`);
    const sum = await derive(
      program("model M { param a = 2 param b = 3 loss 2 * a * b / 3 + a / b }"),
      "--wrt",
      "a",
    );
    expect(sum[0]!.text).toBe("∂L/∂a = 1/b + 2 b/3");
  });

  test("a linear layer: δᵀ x and δ W", async () => {
    const file = program("model M { input x: [N, 4] param W: [3, 4] ~ zeros output z = x @ W' }");
    const formulas = await derive(file, "--wrt", "W,x");
    expect(formulas.map(({ text }) => text)).toEqual(["∇W = δᵀ x", "∇x = δ W"]);
    expect(formulas[0]!.latex).toBe(String.raw`\nabla_{\!W} = \delta^{\top}\,x`);
  });

  test("a chain: products, entry by entry in place of diagonal matrices", async () => {
    expect(lines(await derive("examples/xor.nn"))).toEqual({
      "h.weight": ["δz = (σ(z) - y)/N", "δh = δz z.weight", "δh.z = δh ∘ h ∘ (1 - h)", "∇h.weight = δh.zᵀ x"],
      "h.bias": ["δz = (σ(z) - y)/N", "δh = δz z.weight", "δh.z = δh ∘ h ∘ (1 - h)", "∇h.bias = Σₙ δh.z"],
      "z.weight": ["δz = (σ(z) - y)/N", "∇z.weight = δzᵀ h"],
      "z.bias": ["δz = (σ(z) - y)/N", "∇z.bias = Σₙ δz"],
    });
  });

  test("a deep net's layers go by their numbers, relu by where it is positive", async () => {
    const formulas = await derive("examples/mnist.nn", "--wrt", "h.0.weight");
    expect(formulas[0]!.text.split("\n")).toEqual([
      "δlogits = (softmax(logits) - onehot(y))/N",
      "δh.1 = δlogits logits.weight",
      "δh.1.z = [h.1 > 0] ∘ δh.1",
      "δh.0 = δh.1.z h.1.weight",
      "δh.0.z = [h.0 > 0] ∘ δh.0",
      "∇h.0.weight = δh.0.zᵀ x",
    ]);
  });

  test("what a layer computes itself goes by its path, as what the layers in it do", async () => {
    const file = program(
      "layer scaled(x) { h = dense(x, 4) size = mean(h^2) return h / size } " +
        "model M { input x: [N, 4] s = scaled(x) s = scaled(s) loss mean(s^2) }",
    );
    const formulas = await derive(file, "--wrt", "s.1,s.1.size,s.0");
    expect(formulas.map(({ text }) => text.split("\n").at(-1))).toEqual([
      "∇s.1 = s.1/(2 N)",
      "∇s.1.size = -Σₙⱼ ∇s.1 ∘ s.1/s.1.size",
      "∇s.0 = δs.1.h s.1.h.weight",
    ]);
  });

  test("the computational graph f = (x + y)(y - z)", async () => {
    expect(lines(await derive("examples/graph.nn"))).toEqual({
      x: ["δg = h", "∂L/∂x = δg"],
      y: ["∂L/∂y = g + h"],
      z: ["δh = g", "∂L/∂z = -δh"],
    });
  });

  test("text shows the forward pass and each step once", async () => {
    const { stdout } = await runHere(["derive", "examples/xor.nn"], root);
    expect(stdout).toBe(`Forward
  h.z = x h.weightᵀ + h.bias
  h = σ(h.z)
  z = h z.weightᵀ + z.bias
  L = (Σₙ (softplus(z) - y ∘ z))/N

Derived
  δz = (σ(z) - y)/N
  δh = δz z.weight
  δh.z = δh ∘ h ∘ (1 - h)
  ∇h.weight = δh.zᵀ x
  ∇h.bias = Σₙ δh.z
  ∇z.weight = δzᵀ h
  ∇z.bias = Σₙ δz
`);
  });
});

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const softplus = (z: number): number => Math.log(1 + Math.exp(z));
const elu = (z: number, alpha = 1): number => (z > 0 ? z : alpha * Math.expm1(z));
/** Definitions from their papers, not from the library. */
const activations: Readonly<Record<string, (z: number) => number>> = {
  identity: (z) => z,
  step: (z) => (z >= 0 ? 1 : 0),
  sigmoid,
  tanh: Math.tanh,
  relu: (z) => Math.max(z, 0),
  leaky_relu: (z) => Math.max(z, 0.01 * z),
  elu,
  selu: (z) => 1.0507009873554805 * elu(z, 1.6732632423543772),
  softplus,
  softsign: (z) => z / (1 + Math.abs(z)),
  swish: (z) => z * sigmoid(z),
  silu: (z) => z * sigmoid(z),
  gelu: (z) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))),
  gelu_erf: (z) => 0.5 * z * (1 + erf(z / Math.SQRT2)),
  mish: (z) => z * Math.tanh(softplus(z)),
  hard_sigmoid: (z) => Math.min(Math.max(z / 6 + 0.5, 0), 1),
  hard_tanh: (z) => Math.min(Math.max(z, -1), 1),
};

test("every activation of the library is among them, or is one of rows", () => {
  const text = readFileSync(join(root, "std/activations.nn"), "utf8");
  const names = [...text.matchAll(/^fn (\w+)\(z/gm)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !(name in activations))).toEqual(["softmax", "log_softmax"]);
});

test.each(Object.entries(activations))("the written derivative of %s is its slope", async (name, f) => {
  const [formula] = await derive(`std:${name}`);
  const h = 1e-6;
  for (const z of [-3.7, -2.1, -0.9, -0.3, 0.2, 0.8, 1.7, 2.9, 3.6]) {
    const values: Record<string, number> = { z };
    let slope = NaN;
    for (const line of formula!.text.split("\n")) {
      const [left, ...right] = line.split(" = ");
      slope = evaluateFormula(right.join(" = "), values);
      values[left!] = slope;
    }
    // Seven digits of each constant are written.
    expect(slope).toBeCloseTo((f(z + h) - f(z - h)) / (2 * h), 5);
  }
});

test.each([
  "std:softmax",
  "std:gelu",
  "std:hard_sigmoid",
  "std:dense",
  "std:maxout",
  "std:glu",
  "std:prelu",
  "std:huber",
  "examples/mnist.nn",
  "examples/decay.nn",
  "examples/regularized.nn",
  "examples/graph.nn",
])("KaTeX reads the LaTeX of %s", async (what) => {
  const formulas = await derive(what);
  expect(formulas.length).toBeGreaterThan(0);
  for (const { latex } of formulas) {
    expect(katex.renderToString(latex, { throwOnError: true, strict: "error" })).toContain("katex");
  }
});

test("the LaTeX of a list of numbers is the list, whose points are none of a path", async () => {
  const { stdout } = await runHere(["derive", "examples/iris.nn", "--format", "latex"], root);
  expect(stdout).toContain(String.raw`\frac{x - [5.843, 3.057, 3.758, 1.199]}{[0.828, 0.436, 1.765, 0.762]}`);
});

describe("what cannot be derived is told in words", () => {
  test.each([
    [["std:gelo"], "unknown-function", "did you mean std:gelu?"],
    [["std:adam"], "nothing-to-derive", "derive a model"],
    [["std:kaiming_uniform"], "nothing-to-derive", "std:gelu"],
    [["examples/xor.nn", "--wrt", "h.weigth"], "unknown-wrt", "did you mean `h.weight`?"],
  ])("%j", async (args, code, help) => {
    const result = await runHere(["derive", ...args, "--json"], root);
    expect(result.code).toBe(1);
    const [first] = (JSON.parse(result.stdout) as { diagnostics: { code: string; help: string }[] })
      .diagnostics;
    expect(first!.code).toBe(code);
    expect(first!.help).toContain(help);
  });

  test("labels have no gradient", async () => {
    const file = program(
      "model M { input x: [N, 4] target y: int[N] z = dense(x, 3) loss cross_entropy(z, y) }",
    );
    const { code, stderr } = await runHere(["derive", file, "--wrt", "y"], root);
    expect(code).toBe(1);
    expect(stderr).toContain("`y` holds ints");
  });

  test("and a wrong program as everywhere", async () => {
    const { code, stderr } = await runHere(["derive", program("model M { output p = q }")], root);
    expect(code).toBe(1);
    expect(stderr).toContain("error[");
  });
});
