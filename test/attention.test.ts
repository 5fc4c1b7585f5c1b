/** What the numbers of `oracle/attention.nn` and `oracle/transformers.nn` do not say of attention. */
import { describe, expect, it } from "vitest";
import { check, plan } from "../compiler/index.ts";
import { start } from "./helpers/model.ts";

describe("repeated blocks", () => {
  const model = (blocks: number): string => `model Blocks {
    input x: [N, 8, 16]
    target y: int[N]
    h = x
    for b in 0..${blocks} { h = transformer_block(h, 2, causal = true) }
    z = dense(mean(h, axis = 1), 10)
    output p = softmax(z)
    loss cross_entropy(z, y)
    optimizer adam
  }`;

  /** The functions that compute, by name, with the length of their text; entries only call them. */
  const kernels = async (blocks: number): Promise<readonly number[]> => {
    const { stages } = await plan(model(blocks));
    return [...stages.as.matchAll(/^function (?!\w+Part)\w+[^]*?^\}/gm)].map(([text]) => text.length);
  };

  it("share their kernels: nine are no more code than three", async () => {
    const [three, nine] = [await kernels(3), await kernels(9)];
    expect(three.length).toBeGreaterThan(30);
    expect(nine.length).toBe(three.length);
    const sum = (lengths: readonly number[]): number => lengths.reduce((a, b) => a + b, 0);
    // Names and constants have more digits.
    expect(sum(nine) / sum(three)).toBeLessThan(1.02);
  });
});

describe("layers of attention", () => {
  it("start as PyTorch's: Xavier's bounds over all three projections, biases of 0", async () => {
    const net = await start(`model M {
      input x: [N, 3, 32]
      output y = multi_head_attention(x, 4)
    }`);
    const weight = net.get("y.in_proj_weight").data;
    const bound = Math.sqrt(6 / (32 + 3 * 32));
    const largest = Math.max(...Array.from(weight, Math.abs));
    expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(largest).toBeGreaterThan(bound * 0.99);
    for (const path of ["y.in_proj_bias", "y.out_proj.bias"]) {
      expect(new Set(net.get(path).data)).toEqual(new Set([0]));
    }
  });

  it("drop out while training alone", async () => {
    const net = await start(`model M {
      input x: [N, 6, 8]
      b = transformer_block(x, 2, dropout = 0.5)
      output p = b
      loss mean(b^3)
      optimizer sgd(lr = 0)
    }`);
    const x = Array.from({ length: 96 }, (_, i) => Math.sin(7 * i));
    const gradient = (): number[] => Array.from(net.gradients({ x }).gradients["b.linear1.weight"]!.data);
    const [predicted, first] = [Array.from(net.predict({ x })["p"]!.data), gradient()];
    net.step({ x });
    expect(Array.from(net.predict({ x })["p"]!.data)).toEqual(predicted);
    expect(gradient()).not.toEqual(first);
  });

  it("rotary makes products that depend on the distance of two rows alone", async () => {
    const net = await start(
      `model M {
        input q: [N, 8]
        input k: [N, 8]
        rows = x => rotary(broadcast(stack([x], axis = 1), [N, 9, 8]))
        output a = rows(q) @ rows(k)'
      }`,
      { dtype: "f64" },
    );
    const draw = (salt: number): number[] => Array.from({ length: 8 }, (_, i) => Math.sin(salt + 3 * i));
    const { data } = net.predict({ q: draw(1), k: draw(2) })["a"]!;
    for (let t = 1; t < 9; t++) {
      for (let s = 1; s < 9; s++) expect(data[9 * t + s]).toBeCloseTo(data[9 * (t - 1) + s - 1]!, 12);
    }
    expect(data[1]).not.toBeCloseTo(data[9]!, 3);
  });

  it("take a mask of one word: true hides nothing, false everything", async () => {
    const net = await start(`model M {
      input x: [N, 3, 4]
      param w: [4] ~ ones
      q = x * w
      output all = attend(q, q, q, mask = true)
      output as_without = attend(q, q, q)
      output none = attend(q, q, q, mask = false)
      output causal_none = attend(q, q, q, mask = false, causal = true)
      output heads = multi_head_attention(q, 2, mask = false)
      loss mean(attend(q, q, q, mask = false)^2) + 3
    }`);
    const x = Array.from({ length: 24 }, (_, i) => Math.sin(5 * i));
    const { all, as_without, none, causal_none, heads } = net.predict({ x });
    expect(all).toEqual(as_without);
    for (const hidden of [none, causal_none, heads]) {
      expect(hidden!.shape).toEqual([2, 3, 4]);
      expect(new Set(hidden!.data)).toEqual(new Set([0]));
    }
    const { loss, gradients } = net.gradients({ x });
    expect(loss).toBe(3);
    expect(new Set(gradients["w"]!.data)).toEqual(new Set([0]));
  });

  it.each([
    ["multi_head_attention(x, 3)", "bad-size"],
    ["multi_head_attention(x, 2, x[..., :4])", "shape-mismatch"],
    ["multi_head_attention(x, 2, mask = x)", "type-mismatch"],
    ["attend(x, x, x[:, :3])", "shape-mismatch"],
    ["rotary(x[..., :5])", "bad-size"],
  ])("%s is %s", async (formula, code) => {
    const found = await check(`model M { input x: [N, 4, 8]\noutput y = ${formula} }`);
    expect(found.map((diagnostic) => diagnostic.code)).toEqual([code]);
  });
});

describe("is_same(a, b)", () => {
  it.each([
    ["x, x", true],
    ["x + 1, x + 1", true],
    ["x, x + 0", false],
    ["x, true", false],
    ["true, true", true],
    ["2, 1 + 1", true],
    ["2, [2]", false],
    ["[1, x], [1, x]", true],
    ["[1], [1, 2]", false],
    ["relu, relu", true],
    ["relu, tanh", false],
    ["N, N", true],
    ["N, 2 * N", false],
    ["all, all", true],
  ])("is_same(%s) is %s", async (values, is) => {
    const { analysis } = await plan(`model M {
      input x: [N, 2]
      if is_same(${values}) { output yes = x } else { output no = x }
    }`);
    expect(analysis.elaborated.roots.outputs.map(({ name }) => name)).toEqual([is ? "yes" : "no"]);
  });
});
