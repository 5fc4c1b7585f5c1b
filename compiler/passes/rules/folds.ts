/** `fold` as a gather: each entry of the result is the sum of the windows that cover it. */
import type { Build } from "../../graph/build.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { countOf, fixed } from "../../ir/size.ts";
import { isElementwise } from "../../ops/elementwise.ts";
import type { Rule } from "../rewrite.ts";
import { Gather, type Phases } from "./gather.ts";
import { turned } from "./merging.ts";
import { productAt, spreadProduct } from "./product-folds.ts";
import {
  entries,
  type Folding,
  foldingOf,
  interleaved,
  isApart,
  merged,
  padAxis,
  type Phase,
} from "./phases.ts";

export const foldRules: readonly Rule[] = [
  {
    name: "lower-fold",
    formula: "fold(w)[k] → Σ w[i, u] over the windows i that have k at u",
    at: ["fold"],
    rewrite({ b, readers }, node) {
      if (node.op !== "fold") return null;
      // Folds of one formula along several axes are one sum, and of one that is cut nothing else is
      // made.
      const users = readers(node);
      if (users?.length === 1 && (users[0]!.op === "fold" || isCut(users[0]!))) return null;
      const all = node.shape.map((size) => ({ offset: 0, length: countOf(size) }));
      return gathered(b, node, all) ?? oneByOne(b, node);
    },
  },
  {
    name: "lower-cut-fold",
    formula: "fold(w)[a:b] → Σ w[i, u] over the windows i that have a … b - 1 at u",
    at: ["slice"],
    rewrite({ b, isShared }, node) {
      const fold = node.operands[0]!;
      if (node.op !== "slice" || fold.op !== "fold" || !isCut(node) || isShared(fold)) return null;
      const wanted = node.attributes.axes.map(({ start }, axis) => ({
        offset: start,
        length: countOf(node.shape[axis]!),
      }));
      const { foldings } = foldingsOf(b, fold, wanted);
      const isElsewhere = wanted.some(
        ({ offset, length }, axis) =>
          (offset > 0 || length !== countOf(fold.shape[axis]!)) && !foldings.some((own) => own.axis === axis),
      );
      const found = isElsewhere ? null : gathered(b, fold, wanted);
      return found ?? b.slice(oneByOne(b, fold), node.attributes.axes, node.shape);
    },
  },
];

/** Terms that are added up one by one; more are a sum over an axis. */
const MOST_TERMS = 8;

/** Whether it takes neighbors from each axis. */
const isCut = (node: Node): boolean =>
  node.op === "slice" && node.attributes.axes.every(({ fromEnd, step }) => !fromEnd && step === 1);

/** Along each axis the entries that are wanted. */
type Wanted = readonly { readonly offset: number; readonly length: number }[];

/** The folds inside one another, the outermost first, and what is folded. */
function foldingsOf(
  b: Build,
  node: NodeOf<"fold">,
  wanted: Wanted,
): { readonly foldings: readonly Folding[]; readonly w: Node } {
  const foldings: Folding[] = [];
  let w: Node = node;
  while (w.op === "fold") {
    const { axis } = w.attributes;
    if (foldings.some((folding) => folding.axis === axis) || axis >= node.shape.length) break;
    foldings.push(foldingOf(w, wanted[axis]));
    w = w.operands[0]!;
  }
  // A formula is turned by way of its operands.
  if (w.op === "permute" && isElementwise(w.operands[0]!)) w = turned(b, w.operands[0]!, w.attributes.axes);
  return { foldings, w };
}

/** All folds at once, of a product or of a formula that can be computed entry by entry; else null. */
function gathered(b: Build, node: NodeOf<"fold">, wanted: Wanted): Node | null {
  const { foldings, w } = foldingsOf(b, node, wanted);
  const rank = node.shape.length;
  const isGathered = foldings.map((folding) => !isApart(folding));
  const at = isGathered.includes(true) ? phaseOf(b, w, foldings, rank, isGathered) : () => w;
  if (at === null) return null;
  // Phase after phase of the axes whose windows overlap.
  const over = (j: number, phases: Phases): Node => {
    if (j === foldings.length) return at(phases);
    const folding = foldings[j]!;
    if (!isGathered[j]!) return over(j + 1, [...phases, null]);
    const found = folding.phases.map((phase) => (phase === null ? null : over(j + 1, [...phases, phase])));
    return interleaved(b, folding, found);
  };
  return sideBySide(b, over(0, []), foldings, rank);
}

/** What is added up in one phase of each axis whose windows overlap, over [..result, ..places]. */
function phaseOf(
  b: Build,
  w: Node,
  foldings: readonly Folding[],
  rank: number,
  isGathered: readonly boolean[],
): ((phases: Phases) => Node) | null {
  const product = spreadProduct(b, w, foldings, rank);
  if (product !== null) return (phases) => productAt(b, product, w, foldings, phases, rank);
  const gather = new Gather(b, foldings, rank);
  if (!gather.fits(w, isGathered)) return null;
  return (phases) => summedPlaces(b, gather.at(w, phases), w, foldings, phases, rank);
}

/** The places of windows that are apart beside one another, behind the axis of these windows. */
function sideBySide(b: Build, x: Node, foldings: readonly Folding[], rank: number): Node {
  const apart = foldings.flatMap((folding, j) => (isApart(folding) ? [{ folding, place: rank + j }] : []));
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const order = axes.flatMap((axis) => [
    axis,
    ...apart.flatMap(({ folding, place }) => (folding.axis === axis ? [place] : [])),
  ]);
  const rest = x.shape.flatMap((_, axis) => (order.includes(axis) ? [] : [axis]));
  const inOrder = turned(b, x, [...order, ...rest]);
  const dense = b.reshape(inOrder, inOrder.shape.slice(0, order.length));
  return apart
    .map(({ folding }) => folding)
    .sort((one, other) => other.axis - one.axis)
    .reduce((y, folding) => {
      // Of the axes before it, those that have places too.
      const at = order.indexOf(folding.axis);
      const padded = padAxis(b, y, at + 1, 0, folding.stride - folding.size);
      return merged(b, padded, at, folding.offset, folding.length);
    }, dense);
}

/** One fold of anything. */
function oneByOne(b: Build, node: NodeOf<"fold">): Node {
  const w = node.operands[0]!;
  const { axis } = node.attributes;
  const folding = foldingOf(node);
  const padded = padAxis(b, w, axis, folding.before, folding.after);
  const phases = folding.phases.map((phase) => (phase === null ? null : summed(b, padded, folding, phase)));
  return interleaved(b, folding, phases);
}

/** Σ_v w[.., q + shift - apart·v, .., first + step·v] for each q. */
function summed(b: Build, w: Node, folding: Folding, phase: Phase): Node {
  const { axis, rows, before } = folding;
  const { first, step, count, shift, apart } = phase;
  const last = w.shape.length - 1;
  const shape = w.shape.slice(0, -1).with(axis, fixed(rows));
  if (count > MOST_TERMS) return summedAlong(b, w, folding, phase);
  // The first windows first.
  const terms = Array.from({ length: count }, (_, i) => {
    const v = count - 1 - i;
    const window = entries(b, w, axis, before + shift - apart * v, rows);
    return b.reshape(entries(b, window, last, first + step * v, 1), shape);
  });
  return terms.reduce((sum, term) => b.add(sum, term));
}

/**
 * The same as a sum over an axis: in row-major [windows, size] places v = count - 1 … 0 lie
 * apart·size - step behind one another, which are windows of the run.
 */
function summedAlong(b: Build, w: Node, { axis, rows, before }: Folding, phase: Phase): Node {
  const { first, step, count, shift, apart } = phase;
  const last = w.shape.length - 1;
  const size = countOf(w.shape[last]!);
  const others = w.shape.map((_, k) => k).filter((k) => k !== axis && k !== last);
  const rest = others.map((k) => w.shape[k]!);
  const windows = countOf(w.shape[axis]!);
  const run = b.reshape(b.permute(w, [...others, axis, last]), [...rest, fixed(windows * size)]);
  const start = (before + shift - apart * (count - 1)) * size + first + step * (count - 1);
  const dilation = apart * size - step;
  const used = entries(b, run, others.length, start, size * (rows - 1) + dilation * (count - 1) + 1);
  const runs = b.windows(used, { axis: others.length, size: count, stride: size, dilation });
  const sum = b.reshape(b.sum(runs, [last]), [...rest, fixed(rows)]);
  const back = others.map((_, k) => k).toSpliced(axis, 0, others.length);
  return b.permute(sum, back);
}

/** The sum over places of windows that overlap, and those of others beside one another. */
function summedPlaces(
  b: Build,
  x: Node,
  w: Node,
  foldings: readonly Folding[],
  phases: Phases,
  rank: number,
): Node {
  let shape = w.shape;
  for (const [j, { axis, rows }] of foldings.entries()) {
    const phase = phases[j];
    if (phase) shape = shape.with(axis, fixed(rows)).with(rank + j, fixed(phase.count));
  }
  const places = phases.flatMap((phase, j) => (phase !== null && phase.count > 1 ? [rank + j] : []));
  return b.sum(b.broadcast(x, shape), places);
}
