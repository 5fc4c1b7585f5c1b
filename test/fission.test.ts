/** What does not depend on what a loop carries leaves the loop, and no value changes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Node } from "../compiler/ir/node.ts";
import { shapeAt } from "../compiler/ir/size.ts";
import { Formulas, modelOf, stream, values } from "./helpers/graph.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";
import {
  type Draw,
  drawnGraph,
  type DrawnGraph,
  type DrawnLoop,
  shapesGiven,
} from "./helpers/random-loops.ts";

const BATCH = 2;

function given(seed: number): Record<string, number[]> {
  const next = stream(seed);
  return Object.fromEntries(
    Object.entries(shapesGiven).map(([name, shape]) => {
      const count = shapeAt(shape, BATCH).reduce((all, size) => all * size, 1);
      const isLabel = name === "ids" || name === "labels";
      return [name, Array.from({ length: count }, () => (isLabel ? Math.floor(3 * next()) : 2 * next() - 1))];
    }),
  );
}

const split = (b: Formulas, roots: readonly Node[]): readonly Node[] =>
  runPasses(modelOf(b.graph, roots), "fission", "simplify").roots.outputs.map(({ node }) => node);

describe("values stay", () => {
  const number = fc.nat(1000);
  const draw: fc.Arbitrary<Draw> = fc.tuple(number, number, number, number);
  const loop: fc.Arbitrary<DrawnLoop> = fc.record({
    reverse: fc.boolean(),
    carries: fc.integer({ min: 1, max: 2 }),
    body: fc.array(draw, { minLength: 1, maxLength: 6 }),
    results: fc.array(draw, { minLength: 1, maxLength: 3 }),
  });
  const graph: fc.Arbitrary<DrawnGraph> = fc.record({
    loops: fc.array(loop, { minLength: 1, maxLength: 2 }),
    inner: fc.option(loop),
  });
  test("of loops that are drawn", () => {
    fc.assert(
      fc.property(graph, fc.nat(), (drawing, seed) => {
        const { b, roots } = drawnGraph(drawing);
        const data = given(seed);
        const wanted = values(roots, data, BATCH);
        const found = values(split(b, roots), data, BATCH);
        for (const [i, row] of wanted.entries()) expectNear(found[i]!, row);
      }),
      { numRuns: 100 },
    );
  });
});

test("of a product of what is carried and never changes, which has no places", () => {
  const b = new Formulas();
  const [x, w, still] = [b.input("x", 3, "N", 2), b.input("w", 2, 2), b.input("still", "N", 2)];
  const loop = b.graph.loop(3, false);
  const [h, s] = [b.carried(loop, 0, still), b.carried(loop, 1, still)];
  const next = [b.tanh(b.add(b.add(b.pick(x, loop), h), b.matmul(s, w))), s];
  const roots = next.map((value) => b.scan(loop, value, { first: [still, still], next }));
  const data = { x: drawn(12), w: drawn(4), still: drawn(4) };
  const wanted = values(roots, data, 2);
  for (const [i, row] of values(split(b, roots), data, 2).entries()) expectNear(row, wanted[i]!);
});

const drawn = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i + count));

function expectNear(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  for (const [i, x] of wanted.entries())
    if (!(Object.is(found[i], x) || Math.abs(found[i]! - x) <= 1e-9 * scale)) expect(found).toEqual(wanted);
}
