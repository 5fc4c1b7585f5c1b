/**
 * How values over all rows follow from values over parts of them: a table of formulas, and a
 * property of random graphs.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { joins, modelJoins } from "../compiler/graph/join.ts";
import type { Node } from "../compiler/ir/node.ts";
import { countOf, elements, fixed, free, isFree, isOne, type Shape, shapeAt } from "../compiler/ir/size.ts";
import { reachable } from "../compiler/graph/graph.ts";
import { listRoots } from "../compiler/graph/model.ts";
import { OpError } from "../compiler/ir/op-error.ts";
import type { Environment } from "../compiler/ops/op.ts";
import type { Join } from "../runtime/manifest.ts";
import { Formulas, stream, tensor } from "./helpers/graph.ts";
import { wholeAndParts } from "./helpers/in-parts.ts";

/**
 * Formulas of x: [N, 3], y: [N, 3], v: [N], labels c: int[N] of 3 classes, s: [3] without rows, and
 * a parameter w: [2, 3].
 */
const table: Record<Join, readonly string[]> = {
  constant: ["l2(w)", "sum(s)", "sum(w * s)", "1e-4 * l2(weights)", "N / N", "2 * N / N - 1"],
  rows: [
    "x",
    "softmax(x)",
    "x @ w'",
    "cumulative(x)",
    "argmax(x, axis = 1)",
    "mean(x, axis = 1)",
    "reshape(x, [3 * N])",
    "x'",
    "gather(x, c)",
    "one_hot(c, 3)",
    "where(x > 0, x, y)",
    "zeros([N, 2])",
    "N * v / N",
    "concat([x, y], axis = 1)",
    "dropout(x, 0.5)",
    "grad(sum(exp(x)), x)",
    "x[:, 1]",
  ],
  mean: [
    "mean(x)",
    "mse(x, y)",
    "mse(x, y) + 1e-4 * l2(weights)",
    "mean(x, axis = 0)",
    "sum(v) / N",
    "sum(v) / N * 2.5",
    "sum(v / N)",
    "mean(v) + mean(x) - 3 * mean(y)",
    "cross_entropy(x, c)",
    "cross_entropy(x, c) + 0.01 * l1(w)",
    "accuracy(x, c)",
    "binary_accuracy(x, y)",
    "bce_with_logits(x, y)",
    "huber(x, y)",
    "mean(softmax(x)[:, 0])",
    "mean(prod(x, axis = 1))",
    "(sum(v) + sum(x)) / (2 * N)",
    "v @ v / N",
    "x' @ x / N",
    "mean(logsumexp(x, axis = 1))",
    "mean(x) / 2 - 1",
    "sum(mean(x, axis = 0) * s)",
    "mean(x, axis = 0) @ w'",
    "where(sum(s) > 0, mean(v), mean(x))",
    "-mean(v)",
    "grad(mean(exp(x @ w')), w)",
    "2 / (3 * N) * sum(x)",
    "mean(max(x, axis = 1))",
    "concat([mean(x, axis = 0), s], axis = 0)",
    "1 - mean(v)",
  ],
  sum: [
    "sum(x)",
    "sum(v) * 2",
    "N",
    "3 * N",
    "sum(x > 0)",
    "x' @ x",
    "v @ v",
    "sum(x, axis = 0)",
    "N * mean(v)",
    "sum(v) + N",
    "sum(v) - 2 * N",
    "grad(sum(exp(x @ w')), w)",
    "sum(v) / sum(s)",
    "sum(c == 1)",
  ],
  max: [
    "max(x)",
    "max(x, axis = 0)",
    "max(abs(x - y))",
    "2 * max(x)",
    "-min(x)",
    "max(max(x), 3)",
    "max(v) / 4",
    "max(max(x), max(y))",
    "-2 * min(v)",
  ],
  min: ["min(x)", "min(v)", "-max(x)", "min(min(x, axis = 0))"],
  coupled: [
    "r2(x, y)",
    "sqrt(mse(x, y))",
    "var(x)",
    "x[0, 0]",
    "v[-1]",
    "softmax(x, axis = 0)",
    "x - mean(x, axis = 0)",
    "(x - mean(x, axis = 0)) / sqrt(var(x, axis = 0))",
    "argmax(x, axis = 0)",
    "prod(v)",
    "logsumexp(v)",
    "x / N",
    "v * iota(N)",
    "sum(v * x[:, 0]) / sum(v)",
    "max(x) + max(y)",
    "max(x) - min(x)",
    "max(x) * sum(s)",
    "sum(x) + l2(w)",
    "mean(v) + sum(v)",
    "mean(v) * mean(v)",
    "mean(v)^2",
    "N + 1",
    "sum(v) * 0 + 1 / N",
    "1 / N",
    "sqrt(N)",
    "sum(v) / N^2",
    "exp(mean(x))",
    "x * sum(x)",
    "reshape(x, [3, N])",
    "mean(x @ (x' @ x))",
    "where(mean(v) > 0, 1, 0)",
    "max(mean(v), 0)",
    "sum(v) * N",
    "min(max(x), 3)",
    "grad(mean(exp(x)), x)",
    "random_uniform([N])",
    "sum(iota(N) * v)",
    "max(v) * max(v)",
    "v - max(v)",
    "max(v / N)",
    "x @ (x' @ x)",
  ],
};

const model = (formula: string): string => `
fn cumulative(x) = concat([x[:, 0:1], x[:, 0:1] * x[:, 1:2], x[:, 0:1] * x[:, 1:2] * x[:, 2:3]], axis = 1)
model Test {
  input x: [N, 3]
  input y: [N, 3]
  input v: [N]
  input c: int[N]
  input s: [3]
  param w: [2, 3] ~ normal
  output value = ${formula}
}`;

/** Numbers for every input and parameter: rows all different. */
function environmentOf(
  inputs: readonly Node[],
  parameters: readonly Shape[],
  n: number,
  seed: number,
): Environment {
  const next = stream(seed);
  const draw = (shape: Shape, int: boolean) => {
    const sizes = shapeAt(shape, n);
    const count = sizes.reduce((a, b) => a * b, 1);
    return tensor(
      sizes,
      Array.from({ length: count }, () => (int ? Math.floor(next() * 3) : next() * 4 - 2)),
    );
  };
  return {
    n,
    inputs: new Map(
      inputs.map((node) => [
        node.op === "input" ? node.attributes.name : "",
        draw(node.shape, node.type === "int"),
      ]),
    ),
    parameters: new Map(parameters.map((shape, i) => [i, draw(shape, false)])),
    states: new Map(),
    hyper: new Map(),
    step: 3,
    seed: 7,
  };
}

const inputNodes = (roots: readonly Node[]): readonly Node[] =>
  reachable(roots).filter(({ op }) => op === "input");

function expectEqual(whole: ArrayLike<number>, parts: ArrayLike<number>): void {
  expect(parts.length).toBe(whole.length);
  for (let i = 0; i < whole.length; i++) {
    const [a, b] = [whole[i]!, parts[i]!];
    if (Number.isFinite(a)) expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(a)));
    else expect(b).toBe(a);
  }
}

describe.each(Object.entries(table))("%s", (join, formulas) => {
  test.each(formulas)("%s", async (formula) => {
    const { joint } = await analyze(model(formula));
    expect(modelJoins(joint).outputs).toEqual([join]);
    if (join === "coupled") return;
    const [output] = joint.roots.outputs;
    const inputs = inputNodes(listRoots(joint));
    const environment = environmentOf(
      inputs,
      joint.persistent.map(({ shape }) => shape),
      7,
      5,
    );
    // The table names every kind once.
    const node = { node: output!.node, join: join as Join };
    const [{ whole, parts }] = wholeAndParts([node], inputs, environment, [2, 4, 1]) as [
      ReturnType<typeof wholeAndParts>[0],
    ];
    expectEqual(whole.data, parts.data);
  });
});

test("loss and metrics have their kinds beside those of the outputs", async () => {
  const { joint } = await analyze(`model Test {
    input x: [N, 2]
    target y: [N, 1]
    p = dense(x, 1)
    output p
    output total = sum(p)
    metric r2(p, y)
    metric mae(p, y)
    loss mse(p, y)
    loss 1e-3 * l2(weights)
    optimizer sgd(lr = 0.1)
  }`);
  expect(modelJoins(joint)).toEqual({ outputs: ["rows", "sum"], metrics: ["coupled", "mean"], loss: "mean" });
});

/** What a random graph grows by: an op, and numbers that choose its operands and attributes. */
interface Step {
  readonly op: keyof typeof grow;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;

/** All subsets of the axes but none. */
const axesOf = ({ shape }: Node, choice: number): number[] => {
  const subset = (choice % (2 ** shape.length - 1)) + 1;
  return shape.flatMap((_, axis) => ((subset >> axis) & 1 ? [axis] : []));
};

const shapes: readonly Shape[] = [
  [],
  [fixed(3)],
  [free()],
  [free(), fixed(3)],
  [fixed(3), free()],
  [free(3)],
  [fixed(1), free()],
  [free(), fixed(1)],
];

const grow = {
  neg: (b, x) => b.neg(x),
  tanh: (b, x) => b.tanh(x),
  abs: (b, x) => b.abs(x),
  floor: (b, x) => b.elementwise("floor", x),
  relu: (b, x) => b.relu(x),
  cast: (b, x) => b.toFloat(b.gt(x, 0)),
  reciprocal: (b, x) => b.reciprocal(x),
  add: (b, x, y) => b.add(x, y),
  sub: (b, x, y) => b.sub(x, y),
  mul: (b, x, y) => b.mul(x, y),
  div: (b, x, y) => b.div(x, y),
  max: (b, x, y) => b.max(x, y),
  min: (b, x, y) => b.min(x, y),
  where: (b, x, y) => b.where(b.lt(x, 0.5), y, b.neg(y)),
  select: (b, x, y) => b.where(b.gt(b.sum(y, axesOf(y, 6)), 0), x, 0),
  compare: (b, x, y) => b.where(b.le(x, y), x, y),
  sum: (b, x, _, c) => b.sum(x, axesOf(x, c)),
  prod: (b, x, _, c) => b.prod(x, axesOf(x, c)),
  reduceMax: (b, x, _, c) => b.reduce_max(x, axesOf(x, c)),
  reduceMin: (b, x, _, c) => b.reduce_min(x, axesOf(x, c)),
  logsumexp: (b, x, _, c) => b.logsumexp(b.tanh(x), axesOf(x, c)),
  argmax: (b, x, _, c) => b.reduce("argmax", x, [c % x.shape.length]),
  softmax: (b, x, _, c) => b.softmax(b.tanh(x), c % x.shape.length),
  mean: (b, x) => b.mean(x),
  matmul: (b, x, y) => b.matmul(x, y),
  gram: (b, x, y) => b.matmul(b.transpose(x), y),
  outer: (b, x, y) => b.matmul(x, b.transpose(y)),
  transpose: (b, x) => b.transpose(x),
  reshape: (b, x, _, c) => b.reshape(x, pick(shapes, c)),
  drop: (b, x) =>
    b.reshape(
      x,
      x.shape.filter((size) => !isOne(size)),
    ),
  broadcast: (b, x, _, c) => b.broadcast(x, pick(shapes, c)),
  first: (b, x, _, c) =>
    b.slice(
      x,
      x.shape
        .map((_size, axis) => ({ start: 0, fromEnd: axis === c % 2 && c > 5, step: 1 }))
        .map((a) => (a.fromEnd ? { ...a, start: 1, step: -1 } : a)),
      x.shape.map((size, axis) => (axis === c % x.shape.length && c % 3 > 0 ? fixed(1) : size)),
    ),
  embed: (b, x) =>
    b.embed(
      x,
      x.shape.map(() => ({ start: 0, fromEnd: false, step: 1 })),
      x.shape.map((size) => (isFree(size) ? size : fixed(countOf(size) + 1))),
    ),
  windows: (b, x, _, c) => b.windows(x, { axis: c % x.shape.length, size: 2, stride: 1, dilation: 1 }),
  fold: (b, x, _, c) => {
    const axis = c % Math.max(1, x.shape.length - 1);
    return b.fold(x, {
      axis,
      length: countOf(x.shape[axis]!) + countOf(x.shape.at(-1)!) - 1,
      stride: 1,
      dilation: 1,
    });
  },
  concat: (b, x, y, c) => b.concat([x, y], c % Math.max(1, x.shape.length)),
  oneHot: (b, x) => b.oneHot(x, 3),
  gather: (b, x, y) => b.gather(x, y),
  cumsum: (b, x, _, c) => b.cumsum(x, c % 2),
  cumprod: (b, x, _, c) => b.cumprod(x, c % 2),
  recur: (b, x, y, c) => b.recur(x, y, c % 2),
  rank: (b, x) => b.rank(x),
  take: (b, x, y, c) => b.take(x, y, c % 2),
  scatter: (b, x, y, c) => b.scatter(x, y, c % 3 === 0 ? free() : fixed(3), c % 2),
} satisfies Record<string, (b: Formulas, x: Node, y: Node, c: number) => Node>;

function randomGraph(steps: readonly Step[]): readonly Node[] {
  const b = new Formulas();
  const pool: Node[] = [
    b.input("x", "N", 3),
    b.input("v", "N"),
    b.labels("c", "N"),
    b.input("s", 3),
    b.parameter(0, 3, 3),
    b.extent(free()),
    b.constant(0),
    b.constant(2),
    b.constant(-0.5),
    b.iota(0, [free()]),
    b.iota(1, [free(), fixed(3)]),
  ];
  const sources = pool.length;
  for (const { op, a, b: second, c } of steps) {
    try {
      // Late nodes more often than early ones, so that formulas grow deep.
      const late = (index: number): Node => pick(index % 3 === 0 ? pool : pool.slice(-6), index >> 2);
      const make: (b: Formulas, x: Node, y: Node, c: number) => Node = grow[op];
      const node = make(b, late(a), late(second), c);
      if (elements(node.shape) !== null && countOf(elements(node.shape)!) < 100) pool.push(node);
    } catch (error) {
      // Shapes that do not fit: another step may.
      if (!(error instanceof OpError) && !(error instanceof TypeError)) throw error;
    }
  }
  return pool.slice(sources);
}

const step = fc.record<Step>({
  op: fc.constantFrom(...(Object.keys(grow) as (keyof typeof grow)[])),
  a: fc.nat(997),
  b: fc.nat(997),
  c: fc.nat(10),
});

test("random graphs: what is said to join does, however the rows are divided", () => {
  const seen = new Map<Join, number>();
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 2, maxLength: 25 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }),
      fc.nat(2 ** 31),
      (steps, cuts, seed) => {
        const roots = randomGraph(steps);
        const kinds = joins(roots);
        const parted = roots.flatMap((node, i) => {
          const join = kinds[i]!;
          seen.set(join, (seen.get(join) ?? 0) + 1);
          return join === "coupled" ? [] : [{ node, join }];
        });
        const inputs = inputNodes(roots);
        const n = cuts.reduce((a, b) => a + b, 0);
        const environment = environmentOf(inputs, [[fixed(3), fixed(3)]], n, seed);
        for (const [i, { whole, parts }] of wholeAndParts(parted, inputs, environment, cuts).entries()) {
          const { node, join } = parted[i]!;
          for (const [at, a] of whole.data.entries()) {
            const b = parts.data[at]!;
            // Where numbers overflow, a sum of parts may have met ∞ - ∞ and the whole may not.
            if (!Number.isFinite(a) || !Number.isFinite(b) || Math.abs(a) > 1e6) continue;
            expect(
              Math.abs(a - b),
              `${join}: ${node.op} of [${node.operands.map(({ op }) => op).join(", ")}]`,
            ).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(a)));
          }
        }
      },
    ),
    { numRuns: 6000 },
  );
  // The graphs have some of every kind, or nothing was shown.
  for (const join of Object.keys(table)) expect(seen.get(join as Join), join).toBeGreaterThan(100);
});
