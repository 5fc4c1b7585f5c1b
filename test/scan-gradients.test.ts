/**
 * Reverse mode through loops, in f64: what `grad` gives of what a `scan` computes, against central
 * differences of it.
 */
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import type { Model } from "../compiler/graph/model.ts";
import { countOf, isFree } from "../compiler/ir/size.ts";
import type { Environment, Values } from "../compiler/ops/op.ts";

/** Rows of a batch in all tests. */
const ROWS = 2;

type Data = Readonly<Record<string, Values>>;

/** Numbers that look drawn, of which no two are equal. */
function drawn(shape: readonly number[], seed: number): Values {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float64Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));
  return { shape, data };
}

const environment = (inputs: Data): Environment => ({
  n: ROWS,
  inputs: new Map(Object.entries(inputs)),
  parameters: new Map(),
  states: new Map(),
  hyper: new Map(),
  step: 0,
  seed: 0,
});

/** The outputs of a model by name, where all that it reads are inputs. */
function outputs({ roots }: Model, inputs: Data): Data {
  const values = evaluate(
    roots.outputs.map(({ node }) => node),
    environment(inputs),
  );
  return Object.fromEntries(roots.outputs.map(({ name }, i) => [name, values[i]!]));
}

/** The model after the passes that end with the joint graph, and inputs for it. */
async function made(body: string, given: Data = {}): Promise<{ model: Model; inputs: Data }> {
  const { joint } = await analyze(`model M {\n${body}\n}`);
  const inputs = joint.inputs.map(({ name, shape }, i) => {
    const sizes = shape.map((size) => (isFree(size) ? ROWS : countOf(size)));
    return [name, given[name] ?? drawn(sizes, i + 1)] as const;
  });
  return { model: joint, inputs: Object.fromEntries(inputs) };
}

/** The slope of the output `of` by an input, by central differences. */
function slope(model: Model, inputs: Data, of: string, by: string): number[] {
  const step = 1e-5;
  const at = (i: number, move: number): number => {
    const { shape, data } = inputs[by]!;
    const moved = data.slice();
    moved[i]! += move;
    const values = outputs(model, { ...inputs, [by]: { shape, data: moved } })[of]!.data;
    return values.reduce((sum, x) => sum + x, 0);
  };
  return [...inputs[by]!.data].map((_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

/**
 * Expects that the outputs `d_X` of a model are the slopes of Σ `of` by the inputs X, and that of
 * `dd_X` of Σ `second`.
 */
async function expectSlopes(body: string, given: Data = {}): Promise<void> {
  const { model, inputs } = await made(body, given);
  const found = outputs(model, inputs);
  for (const [name, { data }] of Object.entries(found)) {
    const by = /^d+_(.*)$/.exec(name)?.[1];
    if (by === undefined) continue;
    const wanted = slope(model, inputs, name.startsWith("dd_") ? "second" : "loss_is", by);
    expect(data.length, name).toBe(wanted.length);
    wanted.forEach((x, i) => expect(data[i]!, `${name} ${i} of ${body}`).toBeCloseTo(x, 7));
    expect(
      data.some((x) => x !== 0),
      name,
    ).toBe(true);
  }
}

describe("a loop that carries one tensor", () => {
  for (const length of [1, 2, 5])
    for (const reverse of ["", ", reverse = true"])
      test(`tanh rnn of ${length} steps${reverse}`, async () => {
        await expectSlopes(`
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input w: [3, 4]
  input u: [4, 4]
  input b: [4]
  input v: [N, ${length}, 4]
  hs = scan(x, h0, (h, x) => tanh(x @ w + h @ u + b), axis = -2${reverse})
  output loss_is = sum(hs^2 * v)
  output d_x = grad(loss_is, x)
  output d_h0 = grad(loss_is, h0)
  output d_w = grad(loss_is, w)
  output d_u = grad(loss_is, u)
  output d_b = grad(loss_is, b)
`);
      });
});
