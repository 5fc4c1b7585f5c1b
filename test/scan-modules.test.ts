/**
 * Loops as modules: what they compute beside the evaluator, how many calls a place takes, that code
 * does not grow with the length, and the bits of threads.
 */
import { describe, expect, test } from "vitest";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { ownedBy, parametersOf } from "../compiler/graph/model.ts";
import { countOf, shapeAt } from "../compiler/ir/size.ts";
import { compile, type CompileOptions } from "../compiler/index.ts";
import type { Environment, Values } from "../compiler/ops/op.ts";
import { kernelsOf } from "../compiler/plan.ts";
import type { EntryName } from "../compiler/schedule/kernel.ts";
import { load } from "../runtime/index.ts";
import { stream } from "./fuzz/choices.ts";
import { loopModules } from "./helpers/loop-modules.ts";

const net = (cell: string, steps = 28, units = 64): string => `model Net {
  input x: [N, ${steps}, 28]
  target y: int[N]
  h = ${cell}(x, ${units})
  z = dense(h[:, -1], 10)
  output p = softmax(z)
  loss cross_entropy(z, y)
  optimizer sgd(lr = 0.1)
}`;

interface Ran {
  readonly ours: ReadonlyMap<string, ArrayLike<number>>;
  readonly theirs: ReadonlyMap<string, ArrayLike<number>>;
}

/** Outputs and gradients by an f64 module, and by the evaluator. */
async function run(source: string, n: number): Promise<Ran> {
  const { wasm, analysis } = await compile(source, { dtype: "f64" });
  const { joint } = analysis;
  const loaded = await load(wasm, { seed: 3 });
  const next = stream(n);
  const inputs = new Map(
    joint.inputs.map(({ name, shape }): [string, Values] => {
      const sizes = shapeAt(shape, n);
      const length = sizes.reduce((all, size) => all * size, 1);
      return [name, { shape: sizes, data: Float64Array.from({ length }, () => 2 * next() - 1) }];
    }),
  );
  const parameters = ownedBy(joint).map(({ path, shape }, index): [number, Values] => [
    index,
    { shape: shapeAt(shape, n), data: Float64Array.from(loaded.get(path).data) },
  ]);
  const environment: Environment = {
    n,
    inputs,
    parameters: new Map(parameters),
    states: new Map(),
    hyper: new Map(),
    step: 0,
    seed: 3,
  };
  const given = Object.fromEntries(inputs);
  const { gradients } = loaded.gradients(given);
  const ours = new Map([...Object.entries(loaded.predict(given)), ...Object.entries(gradients)]);
  const wanted = [
    ...joint.roots.outputs.map(({ name, node }) => ({ name, node })),
    ...parametersOf(joint).flatMap(({ path, gradient }) =>
      gradient === null ? [] : [{ name: path, node: gradient }],
    ),
  ];
  const values = evaluate(
    wanted.map(({ node }) => node),
    environment,
  );
  loaded.dispose();
  return {
    ours: new Map([...ours].map(([name, { data }]) => [name, data])),
    theirs: new Map(wanted.map(({ name }, i) => [name, values[i]!.data])),
  };
}

describe("beside the evaluator", () => {
  test.each(Object.entries(loopModules))("%s", async (_, source) => {
    for (const n of [1, 3, 17]) {
      const { ours, theirs } = await run(source, n);
      for (const [name, values] of theirs) {
        const found = ours.get(name)!;
        expect(found.length).toBe(values.length);
        for (let i = 0; i < values.length; i++)
          expect(Math.abs(found[i]! - values[i]!), `${name} ${i} of ${n} rows`).toBeLessThan(1e-12);
      }
    }
  });
});

/** How many calls each loop of an entry makes at a place. */
async function callsAtPlaces(source: string, entry: EntryName): Promise<number[]> {
  const { program } = await kernelsOf(source, {});
  const { loops } = program.entries.find(({ name }) => name === entry)!;
  return loops.map(({ first, last }) => last - first + 1);
}

describe("a place of a loop", () => {
  test.each(["rnn", "gru", "lstm"])(
    "of %s is a product and one pass over the gates, both ways",
    async (cell) => {
      expect(await callsAtPlaces(net(cell), "predict")).toEqual([2]);
      expect(await callsAtPlaces(net(cell), "step")).toEqual([2, 2]);
    },
  );
  test("whose product needs no function is one kernel, for which a short stack is kept", async () => {
    const linear = (steps: number): string => `model Linear {
      input x: [N, ${steps}, 4]
      param w: [32, 4] ~ xavier_uniform
      param u: [32, 32] ~ xavier_uniform
      h = scan(x, zeros([N, 32]), (h, x) => relu(x @ w' + h @ u'), axis = 1)
      output z = dense(h[:, -1], 3)
    }`;
    expect(await callsAtPlaces(linear(20), "predict")).toEqual([1]);
    expect(await callsAtPlaces(linear(1000), "predict")).toEqual([2]);
    const { program } = await kernelsOf(linear(1000), {});
    expect(program.buffers.filter(({ size }) => countOf(size) >= 32 * 1000 + 32)).toEqual([]);
  });
});

test.each(["rnn", "gru", "lstm"])("a thousand steps of %s are as much code as 28", async (cell) => {
  const bytes = async (steps: number, options: CompileOptions = {}): Promise<number> =>
    (await compile(net(cell, steps), options)).wasm.length;
  const [short, long] = [await bytes(28), await bytes(1000)];
  expect(Math.abs(long / short - 1)).toBeLessThan(0.01);
});

test("what is kept of 1,000 steps is what the loop back reads, and no copy of it", async () => {
  const { program } = await kernelsOf(net("rnn", 1000, 16), {});
  // Of each row: x once as it came and once by steps, x W, h, what flows from the gate.
  expect(program.arena.perRow / 4 / 1000).toBeLessThan(28 + 28 + 3 * 16 + 2);
});

test.each(["rnn", "gru", "lstm"])(
  "a %s whose last state alone is read predicts without a stack of states",
  async (cell) => {
    const lines = net(cell, 1000, 16).split("\n");
    const source = lines.filter((line) => !/target|loss|optimizer/.test(line)).join("\n");
    const { program } = await kernelsOf(source, {});
    const gates = cell === "gru" ? 3 : 4;
    // Of each row: x once as it came and once by steps, and its product with the gates' weights.
    expect(program.arena.perRow / 4 / 1000).toBeLessThan(28 + 28 + gates * 16 + 1);
  },
);

test.each(["lstm", "gru"])("three threads give the bits of one: %s", async (cell) => {
  const { wasm } = await compile(net(cell, 9, 32));
  const [one, many] = [await load(wasm, { seed: 1 }), await load(wasm, { seed: 1, threads: 3 })];
  const next = stream(1);
  for (const n of [1, 5, 33]) {
    const x = Float32Array.from({ length: n * 9 * 28 }, () => 2 * next() - 1);
    const y = Int32Array.from({ length: n }, () => Math.floor(10 * next()));
    expect([...many.predict({ x }).p!.data]).toEqual([...one.predict({ x }).p!.data]);
    expect(many.step({ x, y })).toBe(one.step({ x, y }));
    expect([...many.get("h.weight_hh_l0").data]).toEqual([...one.get("h.weight_hh_l0").data]);
  }
  one.dispose();
  many.dispose();
});
