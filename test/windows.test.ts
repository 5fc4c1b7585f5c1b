/**
 * Windows and their transpose: what they hold is told here entry by entry, over every small
 * geometry, by the evaluator, in kernels' terms, and in planned memory.
 */
import { describe, expect, test } from "vitest";
import { reachable } from "../compiler/graph/graph.ts";
import { countOf } from "../compiler/ir/size.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import {
  countIn,
  draws,
  faultOfLowering,
  foldAlong,
  foldsOfFormulas,
  foldsOfProducts,
  geometries,
  type Geometry,
  inside,
  told,
  windowsAlong,
} from "./helpers/folds.ts";
import { ALL, Formulas, pass, values } from "./helpers/graph.ts";
import { expectScheduled, modelOf } from "./helpers/schedule.ts";

/** Axes before and behind the one with windows. */
const [OUTER, INNER] = [2, 3];

/** x [OUTER, length, INNER] → [OUTER, windows, INNER, size], by the definition. */
function windowsOf(x: readonly number[], { length, size, stride, dilation }: Geometry): number[] {
  const count = countIn({ length, size, stride, dilation });
  const found: number[] = [];
  for (let a = 0; a < OUTER; a++)
    for (let i = 0; i < count; i++)
      for (let c = 0; c < INNER; c++)
        for (let u = 0; u < size; u++) found.push(x[(a * length + stride * i + dilation * u) * INNER + c]!);
  return found;
}

/** w [OUTER, windows, INNER, size] → [OUTER, length, INNER], by the definition. */
function foldOf(w: readonly number[], { length, size, stride, dilation }: Geometry): number[] {
  const count = countIn({ length, size, stride, dilation });
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
    const count = countIn({ length, size, stride, dilation });
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
    const windows = b.windows(b.windows(x, windowsAlong(1, rows)), windowsAlong(2, columns));
    const back = b.fold(b.mul(windows, windows), foldAlong(2, columns));
    const folded = b.fold(back, foldAlong(1, rows));
    const { model } = pass(b, [b.mul(b.sum(windows, [4, 5]), 2), folded], ["lower", "simplify"]);
    const inputs = { x: x.shape };
    expectScheduled(modelOf(b.graph, { inputs, roots: { outputs: model.roots.outputs } }), 2);
  }
});

const pairs = (all: readonly Geometry[], step: number): (readonly [rows: Geometry, columns: Geometry])[] =>
  all.map((rows, i) => [rows, all[(i * step + 5) % all.length]!]);

test("folds of formulas are computed entry by entry, and are what they were", () => {
  for (const [rows, columns] of pairs([...geometries([1, 5, 6, 8])], 11)) {
    const folds = foldsOfFormulas(rows, columns);
    const cut = folds.nodes.map((node, k) => inside(folds.b, node, 1 + (k % 2)));
    expect(faultOfLowering(folds, folds.nodes), `${told(rows)} by ${told(columns)}`).toBeNull();
    // By themselves: a fold that is read as a whole is not cut.
    expect(faultOfLowering(folds, cut), `cut, ${told(rows)} by ${told(columns)}`).toBeNull();
  }
});

test("folds of products are products over windows, and are what they were", () => {
  const all = [...geometries([1, 5, 6, 8])].filter(({ stride }) => stride < 4);
  for (const [rows, columns] of pairs(all, 13)) {
    const folds = foldsOfProducts(rows, columns);
    for (const node of folds.nodes.flatMap((whole) => [whole, inside(folds.b, whole, 1)])) {
      expect(faultOfLowering(folds, [node]), `${told(rows)} by ${told(columns)}`).toBeNull();
      // Nothing is added up but in products.
      const { nodes } = pass(folds.b, [node], ["lower", "simplify"]);
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
