/** Loops before and after they are split, for the tests and for mutants of the pass. */
import { fixed, shapeAt } from "../../compiler/ir/size.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { Formulas, modelOf, shapeOf, stream, values } from "./graph.ts";
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
export const faultOf = (drawing: DrawnGraph, seed: number): string | null =>
  faultOfSplit(drawnGraph(drawing), drawing.places, seed);

export function faultOfSplit(drawn: Drawn, places: number, seed = 1): string | null {
  const data = given(places, seed);
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

/** Places of `sumsOverPlaces`. */
export const lengths = [3, 2, 1] as const;

/**
 * A loop that carries from 0 and from another value, and another over its stacks, of which products
 * with what was carried are summed; and sums over the places of terms that only some are linear in.
 */
export function sumsOverPlaces(places: number, reverse: boolean): Drawn {
  const b = new Formulas();
  const rows = shapeOf("N", 3);
  const x = b.input("x", places, "N", 3);
  const weight = b.input("weight", 3, 3);
  const bias = b.broadcast(b.input("bias", 1, 3), rows);
  const loop = b.graph.loop(places, reverse);
  const first = [bias, b.zeros(rows), bias, bias];
  const [k, h, before, m] = first.map((start, i) => b.carried(loop, i, start)) as [Node, Node, Node, Node];
  const entry = b.pick(x, loop);
  const next = [
    b.tanh(b.add(k, entry)),
    b.sin(b.sub(b.matmul(h, weight), entry)),
    entry,
    // What is known of all places before the loop is read in it.
    b.cos(b.add(m, b.mul(b.exp(before), entry))),
  ];
  const stack = (value: Node): Node => b.scan(loop, value, { first, next });
  const back = b.graph.loop(places, !reverse);
  const summed = (value: Node): Node => b.sum(b.scan(back, value, { first: [], next: [] }), [0]);
  const [own, hs, ks] = [x, stack(h), stack(k)].map((of) => b.pick(of, back)) as [Node, Node, Node];
  const ids = b.pick(b.labels("ids", places, "N"), back);
  const product = b.matmul(b.transpose(own), ks);
  const square = b.matmul(b.transpose(ks), ks);
  const inverse = b.add(2, weight);
  const spread = b.broadcast(b.reshape(ids, shapeOf("N", 1)), rows);
  return {
    b,
    roots: [
      stack(b.mul(before, 2)),
      // These alone read the stacks of h and m.
      summed(b.matmul(b.transpose(own), hs)),
      summed(b.matmul(b.transpose(hs), own)),
      summed(b.matmul(b.transpose(own), b.pick(stack(m), back))),
      summed(product),
      b.sum(stack(k), [0]),
      b.sum(stack(k), [2]),
      summed(b.scatter(own, ids, fixed(3))),
      summed(b.scatter(b.reshape(own, shapeOf("N", 3, 1)), spread, fixed(3), 1)),
      summed(b.mul(product, weight)),
      summed(b.mul(product, product)),
      summed(b.div(product, inverse)),
      summed(b.div(inverse, product)),
      summed(b.add(product, weight)),
      summed(b.sub(product, b.matmul(b.transpose(ks), own))),
      summed(weight),
      summed(b.neg(b.transpose(product))),
      summed(b.sum(product, [1])),
      summed(b.tanh(product)),
      // Both of one value: a sum that needs no stack, and the stack.
      summed(square),
      b.mul(b.scan(back, square, { first: [], next: [] }), 2),
      summed(b.concat([product, weight], 0)),
    ],
  };
}

const opOf = (name: string): number => Object.keys(templates).indexOf(name);
const [ADD, TANH, DENSE, BIAS] = [opOf("add"), opOf("tanh"), opOf("dense"), opOf("bias")];

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

const one = (reverse: boolean, body: readonly Draw[]) => ({
  reverse,
  carries: 1,
  handed: null,
  body,
  results: [[0, 0, 0, 0]] satisfies Draw[],
});

/** Loops in loops, and a loop that carries on what it carries. */
export const loopsBesides: readonly (readonly [name: string, drawing: DrawnGraph])[] = [
  ...[true, false].map((reverse): [string, DrawnGraph] => [
    `a loop in a loop, reverse = ${reverse}`,
    {
      places: 3,
      loops: [
        one(reverse, [
          [DENSE, 0, 0, 0],
          [ADD, 1, 5, 0],
        ]),
      ],
      inner: one(!reverse, [
        [DENSE, 0, 0, 0],
        [TANH, 3, 0, 0],
        [ADD, 4, 1, 0],
      ]),
    },
  ]),
  [
    "a loop in a loop that waits for nothing",
    { places: 3, loops: [one(false, [[DENSE, 1, 0, 0]])], inner: one(false, [[ADD, 0, 1, 0]]) },
  ],
  [
    "entries of a cheap stack in another loop",
    {
      places: 3,
      loops: [{ ...one(false, [[BIAS, 1, 0, 0]]), results: [[0, 0, 1, 0]] }, one(true, [[ADD, 0, 2, 0]])],
      inner: null,
    },
  ],
  [
    "what was carried at the place before",
    {
      places: 3,
      loops: [{ ...one(false, [[ADD, 0, 2, 0]]), carries: 2, handed: 0, results: [[0, 6, 0, 0]] }],
      inner: null,
    },
  ],
];
