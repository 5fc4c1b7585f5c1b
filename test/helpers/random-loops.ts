/** Graphs with loops whose bodies are drawn: a list of numbers says which. */
import type { Build } from "../../compiler/graph/build.ts";
import type { Carries } from "../../compiler/ir/loops.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { countOf, ONE, type Shape } from "../../compiler/ir/size.ts";
import { Formulas, shapeOf } from "./graph.ts";

/** An op, its operands and a further choice, each by a number that is read as often as there are choices. */
export type Draw = readonly [op: number, a: number, b: number, c: number];

/** A loop by the ops of its body, and what is read of it. */
export interface DrawnLoop {
  readonly reverse: boolean;
  readonly carries: number;
  /** Carried on as the second value: a carried value or an entry as it is, by number; else it is made. */
  readonly handed: number | null;
  readonly body: readonly Draw[];
  readonly results: readonly Draw[];
}

const ROWS = shapeOf("N", 3);

/** What bodies read beside entries: weights, a vector, a table for each row of the batch, labels. */
interface Given {
  readonly weight: Node;
  readonly bias: Node;
  readonly memory: Node;
  readonly table: Node;
  readonly labels: Node;
}

type Template = (
  b: Build,
  x: Node,
  y: Node,
  given: Given & { readonly ids: Node; readonly choice: number },
) => Node;

const at = (start: number) => ({ start, fromEnd: false, step: 1 });
const columns = (b: Build, x: Node, from: number, to: number): Node =>
  b.slice(x, [at(0), at(from)], [ROWS[0]!, shapeOf(to - from)[0]!]);
const wide = (b: Build, x: Node): Node => b.broadcast(x, ROWS);

/** Functions from [N, 3] to [N, 3], with every kind of op somewhere inside. */
export const templates: Readonly<Record<string, Template>> = {
  add: (b, x, y) => b.add(x, y),
  sub: (b, x, y) => b.sub(x, y),
  mul: (b, x, y) => b.mul(x, y),
  neg: (b, x) => b.neg(x),
  bias: (b, x, _, { bias }) => b.add(x, bias),
  complement: (b, x) => b.sub(1, x),
  tanh: (b, x) => b.tanh(x),
  sigmoid: (b, x) => b.sigmoid(x),
  where: (b, x, y) => b.where(b.gt(x, y), x, b.mul(y, 0.5)),
  dense: (b, x, _, { weight }) => b.matmul(x, weight),
  "dense on the left": (b, x, _, { weight }) => b.transpose(b.matmul(weight, b.transpose(x))),
  "product of both": (b, x, y) => b.matmul(y, b.matmul(b.transpose(x), y)),
  "product with the batch": (b, x, _, { memory }) =>
    b.reshape(b.matmul(b.reshape(x, shapeOf("N", 1, 3)), memory), ROWS),
  "product with the batch on the left": (b, x, _, { memory }) =>
    b.reshape(b.matmul(memory, b.reshape(x, shapeOf("N", 3, 1))), ROWS),
  "product of batches": (b, x, y, { memory }) => {
    const weights = b.mul(memory, b.reshape(x, shapeOf("N", 3, 1)));
    return b.reshape(b.matmul(b.reshape(y, shapeOf("N", 1, 3)), weights), ROWS);
  },
  "sum of rows": (b, x) => wide(b, b.sum(x, [0])),
  "sum of columns": (b, x, y) => b.mul(wide(b, b.sum(x, [1])), y),
  softmax: (b, x) => b.softmax(x, 1),
  largest: (b, x, y) => b.sub(y, b.reduce_max(x, [1])),
  logsumexp: (b, x, y) => b.sub(y, b.logsumexp(x, [1])),
  argmax: (b, x) => wide(b, b.toFloat(b.argmax(x, [1]))),
  cumsum: (b, x) => b.cumsum(x, 1),
  recur: (b, x, y) => b.recur(b.tanh(x), y, 1),
  rank: (b, x) => b.toFloat(b.rank(x)),
  concat: (b, x, y, { choice }) => {
    const cut = 1 + (choice % 2);
    return b.concat([columns(b, x, 0, cut), columns(b, y, cut, 3)], 1);
  },
  embed: (b, x, _, { choice }) => b.embed(columns(b, x, 0, 2), [at(0), at(choice % 2)], ROWS),
  outer: (b, x, y) => {
    const shape = shapeOf("N", 3, 3);
    const both = b.mul(
      b.reshape(x, shapeOf("N", 3, 1)),
      b.broadcast(b.reshape(y, shapeOf("N", 1, 3)), shape),
    );
    return b.reshape(b.sum(both, [1]), ROWS);
  },
  permute: (b, x, y) => b.transpose(b.mul(b.transpose(x), b.transpose(y))),
  windows: (b, x) => {
    const windows = b.windows(x, { axis: 1, size: 2, stride: 1, dilation: 1 });
    return b.fold(b.mul(windows, 0.5), { axis: 1, length: 3, stride: 1, dilation: 1 });
  },
  take: (b, x, _, { table, ids }) => b.add(x, b.take(table, ids)),
  "take by the batch": (b, x, _, { memory, ids }) =>
    b.add(x, b.reshape(b.take(memory, b.reshape(ids, shapeOf("N", 1)), 1), ROWS)),
  "take from entries": (b, x, y, { ids }) => {
    const table = b.reshape(x, shapeOf("N", 3, 1));
    return b.mul(y, b.reshape(b.take(table, b.reshape(ids, shapeOf("N", 1)), 1), shapeOf("N", 1)));
  },
  gather: (b, x, y, { ids }) => b.mul(y, b.reshape(b.gather(x, ids), shapeOf("N", 1))),
  "one hot": (b, x, _, { ids }) => b.mul(x, b.oneHot(ids, 3)),
  scatter: (b, x, y, { ids }) => b.matmul(y, b.scatter(x, ids, shapeOf(3)[0]!)),
  "scatter by one table": (b, x, y, { labels }) => b.matmul(y, b.scatter(x, labels, shapeOf(3)[0]!)),
};

/** The node of a template by number, from operands of a pool by number. */
function drawn(
  b: Build,
  pool: readonly Node[],
  [op, x, y, choice]: Draw,
  given: Given & { readonly ids: Node },
): Node {
  const all = Object.values(templates);
  const of = (i: number): Node => pool[i % pool.length]!;
  return all[op % all.length]!(b, of(x), of(y), { ...given, choice });
}

/** What is read of loops: stacks, sums over the places, entries of the last place. */
const readings: readonly ((b: Build, stack: Node, places: number) => Node)[] = [
  (_, stack) => stack,
  (b, stack) => b.sum(stack, [0]),
  (b, stack) => b.sum(stack, [0, 1]),
  (b, stack, places) => b.slice(stack, [at(places - 1), at(0), at(0)], [ONE, ...ROWS]),
  (b, stack) => b.add(b.sum(b.mul(stack, 2), [0, 2]), b.sum(stack, [0, 2])),
];

/** A loop over stacks [T, N, 3], its results, and the stacks of two values of its body. */
function loopOver(
  b: Build,
  stacks: readonly Node[],
  drawing: DrawnLoop,
  given: Given,
  ids: Node,
  inner: DrawnLoop | null,
): { readonly results: readonly Node[]; readonly stacks: readonly Node[] } {
  const places = countOf(ids.shape[0]!);
  const loop = b.graph.loop(places, drawing.reverse);
  const first = [b.zeros(ROWS), wide(b, given.bias)].slice(0, drawing.carries);
  const carried = first.map((x, i) => b.carried(loop, i, x));
  const entries = stacks.map((x) => b.pick(x, loop));
  const pool = [...carried, ...entries, wide(b, given.bias)];
  const leaves = pool.length;
  const more = { ...given, ids: b.pick(ids, loop) };
  for (const draw of drawing.body) pool.push(drawn(b, pool, draw, more));
  if (inner !== null) {
    const rows = b.permute(given.memory, [1, 0, 2]);
    const turns = b.concat([rows, b.reshape(pool.at(-1)!, [ONE, ...ROWS])], 0);
    const labels = b.broadcast(b.reshape(more.ids, shapeOf(1, "N")), shapeOf(4, "N"));
    const made = loopOver(b, [turns], inner, given, labels, null);
    pool.push(b.reshape(b.sum(made.stacks[0]!, [0]), ROWS));
  }
  const { handed } = drawing;
  const next = first.map((_, i) =>
    i === 1 && handed !== null ? pool[handed % leaves]! : b.tanh(pool.at(-1 - i)!),
  );
  const carries: Carries = { first, next };
  const scan = (i: number): Node =>
    b.scan(loop, [...pool, ...next].at(-1 - (i % (pool.length + next.length)))!, carries);
  return {
    results: drawing.results.map(([how, which]) => readings[how % readings.length]!(b, scan(which), places)),
    stacks: [scan(0), scan(drawing.results[0]?.[2] ?? 1)],
  };
}

export interface DrawnGraph {
  readonly places: number;
  readonly loops: readonly DrawnLoop[];
  readonly inner: DrawnLoop | null;
}

export interface Drawn {
  readonly b: Formulas;
  readonly roots: readonly Node[];
}

/** Loops one after another, each over what the one before left. */
export function drawnGraph({ places, loops, inner }: DrawnGraph): Drawn {
  const b = new Formulas();
  const given: Given = {
    weight: b.input("weight", 3, 3),
    bias: b.input("bias", 1, 3),
    memory: b.input("memory", "N", 3, 3),
    table: b.input("table", 3, 3),
    labels: b.labels("labels", "N"),
  };
  const ids = b.labels("ids", places, "N");
  let stacks: readonly Node[] = [
    b.input("x", places, "N", 3),
    b.permute(b.input("y", "N", places, 3), [1, 0, 2]),
  ];
  const roots: Node[] = [];
  for (const [i, loop] of loops.entries()) {
    const made = loopOver(b, stacks, loop, given, ids, i === 0 ? inner : null);
    roots.push(...made.results);
    stacks = [...made.stacks, stacks[0]!];
  }
  return { b, roots };
}

export const shapesGiven = (places: number): Readonly<Record<string, Shape>> => ({
  weight: shapeOf(3, 3),
  bias: shapeOf(1, 3),
  memory: shapeOf("N", 3, 3),
  table: shapeOf(3, 3),
  labels: shapeOf("N"),
  ids: shapeOf(places, "N"),
  x: shapeOf(places, "N", 3),
  y: shapeOf("N", places, 3),
});
