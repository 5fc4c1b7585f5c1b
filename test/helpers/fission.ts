/** Loops before and after they are split, for the tests and for mutants of the pass. */
import { shapeAt } from "../../compiler/ir/size.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { modelOf, stream, values } from "./graph.ts";
import {
  type Draw,
  type Drawn,
  type DrawnGraph,
  drawnGraph,
  shapesGiven,
  templates,
} from "./random-loops.ts";

const BATCH = 2;

function given(places: number, seed: number): Record<string, number[]> {
  const next = stream(seed);
  return Object.fromEntries(
    Object.entries(shapesGiven(places)).map(([name, shape]) => {
      const count = shapeAt(shape, BATCH).reduce((all, size) => all * size, 1);
      const isLabel = name === "ids" || name === "labels";
      return [name, Array.from({ length: count }, () => (isLabel ? Math.floor(3 * next()) : 2 * next() - 1))];
    }),
  );
}

/** The roots after the pass. */
export const splitLoops = ({ b, roots }: Drawn): readonly Node[] =>
  runPasses(modelOf(b.graph, roots), "fission", "simplify").roots.outputs.map(({ node }) => node);

/** What is another number after the pass; null where nothing is. */
export function faultOf(drawing: DrawnGraph, seed: number): string | null {
  const drawn = drawnGraph(drawing);
  const data = given(drawing.places, seed);
  const wanted = values(drawn.roots, data, BATCH);
  const found = values(splitLoops(drawn), data, BATCH);
  for (const [i, row] of wanted.entries()) {
    const scale = row.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const isNear = (x: number, y: number): boolean => Object.is(x, y) || Math.abs(x - y) <= 1e-9 * scale;
    const at = row.findIndex((x, k) => !isNear(x, found[i]![k]!));
    if (at >= 0 || row.length !== found[i]!.length)
      return `result ${i}, entry ${at}: ${found[i]![at]}, not ${row[at]}`;
  }
  return null;
}

const ADD = Object.keys(templates).indexOf("add");

/** Each op on what is picked, on what is carried and on both, where the loop needs it and where not, stacked and summed. */
export const loopsOfEachOp: readonly (readonly [name: string, drawing: DrawnGraph])[] = Object.keys(
  templates,
).flatMap((name, op) =>
  [", carried on", "", ", of what never changes"].map((how) => {
    const isLast = how === ", carried on";
    const isStill = how.endsWith("changes");
    // The pool is [what is carried, two entries, the bias, …]; what comes last is carried on.
    const body: Draw[] = [
      [op, 1, 2, 0],
      [op, 2, 0, 1],
      [ADD, 0, 2, 0],
    ];
    if (isLast) body.push([op, 0, 1, 0]);
    const results = [1, 2, 3, 4].flatMap((which) => [0, 1, 2].map((reading): Draw => [reading, which, 0, 0]));
    const kept = isStill ? { carries: 2, handed: 1 } : { carries: 1, handed: null };
    return [
      `${name}${how}`,
      { places: 3, loops: [{ reverse: isLast, ...kept, body, results }], inner: null },
    ] as const;
  }),
);
