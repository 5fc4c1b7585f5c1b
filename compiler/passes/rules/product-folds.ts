/**
 * Folds of a product, as products over windows: what the rows of a matrix, spread by columns, add to
 * the entries around them is the product of the windows around each entry with the columns, the
 * other way round. This is the transpose of a convolution, forward or back.
 *
 * With stride s each phase of an axis has some of the columns, and is a product of its own.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { elements, ONE, sameSize, type Shape } from "../../ir/size.ts";
import type { Phases } from "./gather.ts";
import { entries, type Folding, padAxis } from "./phases.ts";

/** A product whose rows and columns are some of the axes of what is folded. */
export interface SpreadProduct {
  readonly product: NodeOf<"matmul">;
  /** Axes of what is folded, in the order in which rows and columns have them. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/** Phases beyond which each would be too little of a product. */
const MOST_PHASES = 9;

/**
 * The product that `w` is, if its windows are rows and the places in them columns.
 * @param rank how many axes the result of all folds has
 */
export function spreadProduct(w: Node, foldings: readonly Folding[], rank: number): SpreadProduct | null {
  const order = w.op === "permute" ? w.attributes.axes : w.shape.map((_, axis) => axis);
  const split = w.op === "permute" ? w.operands[0]! : w;
  const product = split.op === "reshape" ? split.operands[0]! : split;
  if (product.op !== "matmul" || product.shape.length !== 2) return null;
  if (foldings.reduce((count, { stride }) => count * stride, 1) > MOST_PHASES) return null;
  // Axis k of the split product is axis `order.indexOf(k)` of what is folded.
  const axes = split.shape.map((_, k) => order.indexOf(k));
  for (const border of bordersOf(split.shape, product)) {
    const [rows, columns] = [axes.slice(0, border), axes.slice(border)];
    const fits = foldings.every(({ axis }, j) => rows.includes(axis) && columns.includes(rank + j));
    if (fits) return { product, rows, columns };
  }
  return null;
}

/** How many of the leading axes the rows of the product may be: axes of size 1 are either. */
function bordersOf(shape: Shape, product: Node): number[] {
  return Array.from({ length: shape.length + 1 }, (_, border) => border).filter((border) => {
    const [rows, columns] = [elements(shape.slice(0, border)), elements(shape.slice(border))];
    if (rows === null || columns === null) return false;
    return sameSize(rows, product.shape[0]!) && sameSize(columns, product.shape[1]!);
  });
}

/** What is added up in one phase of each axis, over [..result, ..places]: of places 1, or all of those that are apart. */
export function productAt(
  b: Build,
  { product, rows, columns }: SpreadProduct,
  w: Node,
  foldings: readonly Folding[],
  phases: Phases,
  rank: number,
): Node {
  const [given, weight] = product.operands;
  const depth = given!.shape[1]!;
  const sizes = (axes: readonly number[]): Shape => axes.map((axis) => w.shape[axis]!);
  let left = b.reshape(given!, [...sizes(rows), depth]);
  let right = b.reshape(weight!, [depth, ...sizes(columns)]);
  const places: number[] = [];
  // The whole is padded before windows of it are taken, which are never stored.
  for (const [j, { axis, before, after }] of foldings.entries())
    if (phases[j]) left = padAxis(b, left, rows.indexOf(axis), before, after);
  for (const [j, { axis, rows: count, before }] of foldings.entries()) {
    const phase = phases[j];
    if (phase === null || phase === undefined) continue;
    const row = rows.indexOf(axis);
    const column = 1 + columns.indexOf(rank + j);
    const around = count + phase.apart * (phase.count - 1);
    left = entries(b, left, row, before + phase.shift - phase.apart * (phase.count - 1), around);
    left = b.windows(left, { axis: row, size: phase.count, stride: 1, dilation: phase.apart });
    // Places from the last to the first, as windows further on have the entry further ahead.
    right = entries(b, right, column, phase.first + phase.step * (phase.count - 1), phase.count, -phase.step);
    places.push(column);
  }
  // [..rows, depth, ..places] and [depth, ..columns] → [..rows, ..places, depth] and [..places, depth, ..others].
  const m = rows.length;
  const apart = places.map((_, k) => m + 1 + k);
  const others = columns.map((_, k) => k + 1).filter((k) => !places.includes(k));
  const leftOrder = [...rows.map((_, k) => k), ...apart, m];
  const rightOrder = [...places, 0, ...others];
  const inner = elements([...apart.map((k) => left.shape[k]!), depth])!;
  const leftRows = left.shape.slice(0, m);
  const rightColumns = others.map((k) => right.shape[k]!);
  const made = b.matmul(
    b.reshape(b.permute(left, leftOrder), [elements(leftRows)!, inner]),
    b.reshape(b.permute(right, rightOrder), [inner, elements(rightColumns) ?? ONE]),
  );
  const axes = [...rows, ...others.map((k) => columns[k - 1]!)];
  const split = b.reshape(made, [...leftRows, ...rightColumns]);
  // The axes that are left, in their order; those of gathered places with size 1 among them.
  const kept = axes.toSorted((one, other) => one - other);
  const inOrder = b.permute(
    split,
    kept.map((axis) => axes.indexOf(axis)),
  );
  const shape = w.shape.map((_, axis) => (axes.includes(axis) ? inOrder.shape[kept.indexOf(axis)]! : ONE));
  return b.reshape(inOrder, shape);
}
