/**
 * Windows and their transpose: what they hold is told here entry by entry, over every small
 * geometry, by the evaluator, in kernels' terms, and in planned memory.
 */
import { describe, expect, test } from "vitest";
import { reachable } from "../compiler/graph/graph.ts";
import type { Node, SliceAxis } from "../compiler/ir/node.ts";
import { countOf, fixed, ONE, type Shape } from "../compiler/ir/size.ts";
import { windowCount } from "../compiler/ops/windows.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { ALL, Formulas, pass, shapeOf, stream, values } from "./helpers/graph.ts";
import { expectScheduled, modelOf } from "./helpers/schedule.ts";

interface Geometry {
  readonly length: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/** All that fit into short axes, and some of long windows. */
function* geometries(lengths: readonly number[]): Iterable<Geometry> {
  for (const length of lengths) {
    for (const size of [1, 2, 3, 5, 11]) {
      for (const stride of [1, 2, 3, 4]) {
        for (const dilation of [1, 2, 3]) {
          if (windowCount(length, size, stride, dilation) >= 1) yield { length, size, stride, dilation };
        }
      }
    }
  }
}

const told = ({ length, size, stride, dilation }: Geometry): string =>
  `${size} of ${length}, stride ${stride}, dilation ${dilation}`;

const draws = (count: number): number[] => {
  const next = stream(5);
  return Array.from({ length: count }, () => 2 * next() - 1);
};

/** Axes before and behind the one with windows. */
const [OUTER, INNER] = [2, 3];

/** x [OUTER, length, INNER] → [OUTER, windows, INNER, size], by the definition. */
function windowsOf(x: readonly number[], { length, size, stride, dilation }: Geometry): number[] {
  const count = windowCount(length, size, stride, dilation);
  const found: number[] = [];
  for (let a = 0; a < OUTER; a++)
    for (let i = 0; i < count; i++)
      for (let c = 0; c < INNER; c++)
        for (let u = 0; u < size; u++) found.push(x[(a * length + stride * i + dilation * u) * INNER + c]!);
  return found;
}

/** w [OUTER, windows, INNER, size] → [OUTER, length, INNER], by the definition. */
function foldOf(w: readonly number[], { length, size, stride, dilation }: Geometry): number[] {
  const count = windowCount(length, size, stride, dilation);
  const sums = Array.from({ length: OUTER * length * INNER }, () => 0);
  for (let a = 0; a < OUTER; a++)
    for (let i = 0; i < count; i++)
      for (let c = 0; c < INNER; c++)
        for (let u = 0; u < size; u++)
          sums[(a * length + stride * i + dilation * u) * INNER + c]! +=
            w[((a * count + i) * INNER + c) * size + u]!;
  return sums;
}

function expectNear(found: readonly number[], expected: readonly number[], what: string): void {
  expect(found.length, what).toBe(expected.length);
  for (const [i, x] of expected.entries()) expect(found[i], `${what}, entry ${i}`).toBeCloseTo(x, 12);
}

test("windows hold what their definition says", () => {
  for (const geometry of geometries([1, 2, 5, 6, 12, 13])) {
    const b = new Formulas();
    const x = draws(OUTER * geometry.length * INNER);
    const { size, stride, dilation } = geometry;
    const node = b.windows(b.input("x", OUTER, geometry.length, INNER), { axis: 1, size, stride, dilation });
    expectNear(values([node], { x })[0]!, windowsOf(x, geometry), told(geometry));
  }
});

test("fold adds windows up where they lie, as such and in the ops of kernels", () => {
  for (const geometry of geometries([1, 2, 5, 6, 12, 13, 14, 41])) {
    const b = new Formulas();
    const { length, size, stride, dilation } = geometry;
    const count = windowCount(length, size, stride, dilation);
    const w = draws(OUTER * count * INNER * size);
    const node = b.fold(b.input("w", OUTER, count, INNER, size), { axis: 1, length, stride, dilation });
    const expected = foldOf(w, geometry);
    expectNear(values([node], { w })[0]!, expected, told(geometry));
    const lowered = pass(b, [node], ["lower", "simplify"]).nodes;
    expectNear(values(lowered, { w })[0]!, expected, `${told(geometry)}, lowered`);
  }
});

test("windows and folds over two axes are computed in kernels", () => {
  const all = [...geometries([4, 9])];
  for (const [i, rows] of all.entries()) {
    const columns = all[(i * 7 + 3) % all.length]!;
    const b = new Formulas();
    const x = b.input("x", "N", rows.length, columns.length, INNER);
    const of = ({ size, stride, dilation }: Geometry, axis: number) => ({ axis, size, stride, dilation });
    const windows = b.windows(b.windows(x, of(rows, 1)), of(columns, 2));
    const back = b.fold(b.mul(windows, windows), {
      axis: 2,
      length: columns.length,
      stride: columns.stride,
      dilation: columns.dilation,
    });
    const folded = b.fold(back, {
      axis: 1,
      length: rows.length,
      stride: rows.stride,
      dilation: rows.dilation,
    });
    const { model } = pass(b, [b.mul(b.sum(windows, [4, 5]), 2), folded], ["lower", "simplify"]);
    const inputs = { x: x.shape };
    expectScheduled(modelOf(b.graph, { inputs, roots: { outputs: model.roots.outputs } }), 2);
  }
});

/** The slice that leaves off entries at both ends of axes 1 and 2, where there are as many. */
function inside({ shape }: Node, cut: number): [axes: SliceAxis[], shape: Shape] {
  const cuts = shape.map((size, axis) =>
    axis === 0 || axis === 3 ? 0 : Math.min(cut, (countOf(size) - 1) >> 1),
  );
  return [
    cuts.map((start) => ({ start, fromEnd: false, step: 1 })),
    shape.map((size, axis) => fixed(countOf(size) - 2 * cuts[axis]!)),
  ];
}

test("folds of formulas are computed entry by entry, and are what they were", () => {
  const all = [...geometries([1, 5, 6, 8])];
  for (const [i, rows] of all.entries()) {
    const columns = all[(i * 11 + 5) % all.length]!;
    const b = new Formulas();
    const x = b.input("x", 2, rows.length, columns.length, INNER);
    const of = ({ size, stride, dilation }: Geometry, axis: number) => ({ axis, size, stride, dilation });
    const back = ({ length, stride, dilation }: Geometry, axis: number) => ({
      axis,
      length,
      stride,
      dilation,
    });
    const windows = b.windows(b.windows(x, of(rows, 1)), of(columns, 2));
    const counts = windows.shape.slice(0, 4).map(countOf);
    const stretched = (node: Node): Node =>
      b.broadcast(b.reshape(node, [...node.shape, ONE, ONE]), windows.shape);
    const y = stretched(b.input("y", ...counts));
    const q = stretched(b.input("q", ...counts));
    const kernel = b.broadcast(b.input("k", INNER, rows.size, columns.size), windows.shape);
    const formulas: readonly Node[] = [
      // A pool, a depthwise convolution, a mean, what is 0 in a branch alone, and what is not 0.
      b.where(b.lt(windows, y), q, 0),
      b.neg(b.mul(q, kernel)),
      b.div(q, 9),
      b.where(b.gt(windows, 0), b.mul(kernel, q), b.mul(q, y)),
      b.add(b.mul(windows, q), 1),
    ];
    const plain = formulas.map((formula) => b.fold(b.fold(formula, back(columns, 2)), back(rows, 1)));
    const cut = plain.map((node, k) => b.slice(node, ...inside(node, 1 + (k % 2))));
    const size = counts.reduce((product, count) => product * count, 1);
    const given = {
      x: draws(2 * rows.length * columns.length * INNER),
      y: draws(size).map((v) => v / 2),
      q: draws(size).toReversed(),
      k: draws(INNER * rows.size * columns.size),
    };
    for (const [nodes, what] of [
      [plain, ""],
      // By themselves: a fold that is read as a whole is not cut.
      [cut, ", cut"],
    ] as const) {
      const expected = values(nodes, given);
      const lowered = values(pass(b, nodes, ["lower", "simplify"]).nodes, given);
      for (const [j, found] of lowered.entries())
        expectNear(found, expected[j]!, `formula ${j}${what}: ${told(rows)} by ${told(columns)}`);
    }
  }
});

test("folds of products are products over windows, and are what they were", () => {
  const all = [...geometries([1, 5, 6, 8])].filter(({ stride }) => stride < 4);
  for (const [i, rows] of all.entries()) {
    const columns = all[(i * 13 + 7) % all.length]!;
    const b = new Formulas();
    const [n, m] = [rows, columns].map(({ length, size, stride, dilation }) =>
      windowCount(length, size, stride, dilation),
    ) as [number, number];
    const [into, out] = [2, 3];
    const product = b.matmul(
      b.input("g", 2 * n * m, into),
      b.input("k", into, rows.size * columns.size * out),
    );
    const split = b.reshape(product, shapeOf(2, n, m, rows.size, columns.size, out));
    const formula = b.permute(split, [0, 1, 2, 5, 3, 4]);
    const back = ({ length, stride, dilation }: Geometry, axis: number) => ({
      axis,
      length,
      stride,
      dilation,
    });
    const folded = b.fold(b.fold(formula, back(columns, 2)), back(rows, 1));
    const given = { g: draws(2 * n * m * into), k: draws(into * rows.size * columns.size * out) };
    for (const node of [folded, b.slice(folded, ...inside(folded, 1))]) {
      const { nodes } = pass(b, [node], ["lower", "simplify"]);
      expectNear(values(nodes, given)[0]!, values([node], given)[0]!, `${told(rows)} by ${told(columns)}`);
      // Nothing is added up but in products.
      expect(reachable(nodes).filter(({ op }) => op === "add" || op === "sum")).toEqual([]);
    }
  }
});

test("what goes back through a pool is stored nowhere for each window", () => {
  const b = new Formulas();
  const x = b.input("x", "N", 9, 9, 4);
  const windows = b.windows(b.windows(x, { axis: 1, size: 3, stride: 2, dilation: 1 }), {
    axis: 2,
    size: 3,
    stride: 2,
    dilation: 1,
  });
  const pooled = b.reduce_max(windows, [4, 5]);
  const { model } = pass(b, [b.grad(b.sumAll(b.sin(pooled)), x)], [...ALL]);
  const program = schedule(
    modelOf(b.graph, { inputs: { x: x.shape }, roots: { outputs: model.roots.outputs } }),
  );
  const stored = program.buffers.flatMap(({ role, size }) =>
    role.kind === "temporary" ? [countOf(size)] : [],
  );
  // Nothing is larger than the pool's input, whose windows have 16 · 9 entries a channel.
  expect(Math.max(...stored)).toBeLessThanOrEqual(10 * 10 * 4);
});

describe("windows that are none", () => {
  const b = new Formulas();
  const x = b.input("x", "N", 5);
  const fine = { axis: 1, size: 2, stride: 1, dilation: 1 };
  test.each([
    ["the batch", { ...fine, axis: 0 }, "bad-axis"],
    ["no axis", { ...fine, axis: 2 }, "bad-axis"],
    ["a window of none", { ...fine, size: 0 }, "bad-size"],
    ["half a stride", { ...fine, stride: 0.5 }, "bad-size"],
    ["too long a window", { ...fine, size: 3, dilation: 3 }, "bad-size"],
  ])("%s", (_, attributes, code) => {
    expect(() => b.windows(x, attributes)).toThrow(expect.objectContaining({ code }));
  });
  const w = b.input("w", "N", 4, 3);
  test.each([
    ["of another number", { axis: 1, length: 7, stride: 1, dilation: 1 }, "shape-mismatch"],
    ["along the batch", { axis: 0, length: 6, stride: 1, dilation: 1 }, "bad-axis"],
    ["along the window", { axis: 2, length: 6, stride: 1, dilation: 1 }, "bad-axis"],
    ["of no length", { axis: 1, length: 0, stride: 1, dilation: 1 }, "bad-size"],
  ])("folds %s", (_, attributes, code) => {
    expect(() => b.fold(w, attributes)).toThrow(expect.objectContaining({ code }));
    expect(countOf(b.fold(w, { axis: 1, length: 6, stride: 1, dilation: 1 }).shape[1]!)).toBe(6);
  });
});
