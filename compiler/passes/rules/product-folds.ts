/**
 * Folds of a product, as products over windows: what the rows of a matrix, spread by columns, add to
 * the entries around them is the product of the windows around each entry with the columns, the
 * other way round. This is the transpose of a convolution, forward or back; of one in groups the
 * groups are a batch of products.
 *
 * With stride s each phase of an axis has some of the columns, and is a product of its own.
 */
import type { Build } from "../../graph/build.ts";
import type { Node } from "../../ir/node.ts";
import { elements, ONE, type Shape } from "../../ir/size.ts";
import type { Phases } from "./gather.ts";
import { entries, type Folding, padAxis } from "./phases.ts";
import { type AxisPart, byNesting, viewOfProduct } from "./product-axes.ts";

/** A product whose rows have the windows that are folded, and its columns the places in them. */
export interface SpreadProduct {
  readonly left: Node;
  readonly right: Node;
  /** What the axes of what is folded are made of, one behind the other. */
  readonly parts: readonly AxisPart[];
  /** Numbers of parts, in the order in which the product has them. */
  readonly batch: readonly number[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Of each fold the parts that are its windows and the places in them. */
  readonly folded: readonly { readonly windows: number; readonly places: number }[];
}

/** Phases beyond which each would be too little of a product. */
const MOST_PHASES = 9;

/**
 * The product that `w` is a view of, if its windows are rows and the places in them columns, or the
 * other way round.
 * @param rank how many axes the result of all folds has
 */
export function spreadProduct(
  b: Build,
  w: Node,
  foldings: readonly Folding[],
  rank: number,
): SpreadProduct | null {
  if (foldings.reduce((count, { stride }) => count * stride, 1) > MOST_PHASES) return null;
  const view = viewOfProduct(w);
  if (view === null) return null;
  const [columnAxis, rowAxis] = [view.product.shape.length - 1, view.product.shape.length - 2];
  for (const [windowsOf, placesOf] of [
    [rowAxis, columnAxis],
    [columnAxis, rowAxis],
  ] as const) {
    // An axis of size 1 may be of any.
    const missing = new Map(
      foldings.flatMap(({ axis }, j) => [[axis, windowsOf] as const, [rank + j, placesOf]]),
    );
    const axes = view.axes.map((parts, axis): readonly AxisPart[] => {
      const of = missing.get(axis);
      return parts.length > 0 || of === undefined ? parts : [{ of, size: ONE, stride: ONE }];
    });
    const isOf = (axis: number, of: number): boolean => axes[axis]!.length === 1 && axes[axis]![0]!.of === of;
    if (!foldings.every(({ axis }, j) => isOf(axis, windowsOf) && isOf(rank + j, placesOf))) continue;
    const parts = axes.flat();
    const inOrder = parts.map((_, k) => k).toSorted((one, other) => byNesting(parts[one]!, parts[other]!));
    const partOf = (axis: number): number => parts.indexOf(axes[axis]![0]!);
    const [given, weight] = view.product.operands as [Node, Node];
    const isTurned = windowsOf === columnAxis;
    return {
      left: isTurned ? b.transpose(weight) : given,
      right: isTurned ? b.transpose(given) : weight,
      parts,
      batch: inOrder.filter((k) => parts[k]!.of < rowAxis),
      rows: inOrder.filter((k) => parts[k]!.of === windowsOf),
      columns: inOrder.filter((k) => parts[k]!.of === placesOf),
      folded: foldings.map(({ axis }, j) => ({ windows: partOf(axis), places: partOf(rank + j) })),
    };
  }
  return null;
}

/** What is added up in one phase of each axis, over [..result, ..places]: of places 1, or all of those that are apart. */
export function productAt(
  b: Build,
  { left: given, right: weight, parts, batch, rows, columns, folded }: SpreadProduct,
  w: Node,
  foldings: readonly Folding[],
  phases: Phases,
  rank: number,
): Node {
  const depth = given.shape.at(-1)!;
  const sizes = (some: readonly number[]): Shape => some.map((k) => parts[k]!.size);
  const n = batch.length;
  let left = b.reshape(given, [...sizes(batch), ...sizes(rows), depth]);
  let right = b.reshape(weight, [...sizes(batch), depth, ...sizes(columns)]);
  const rowOf = (j: number): number => n + rows.indexOf(folded[j]!.windows);
  const columnOf = (j: number): number => n + 1 + columns.indexOf(folded[j]!.places);
  const places: number[] = [];
  let shape = w.shape;
  // The whole is padded before windows of it are taken, which are never stored.
  for (const [j, { before, after }] of foldings.entries())
    if (phases[j]) left = padAxis(b, left, rowOf(j), before, after);
  for (const [j, { axis, rows: count, before }] of foldings.entries()) {
    const phase = phases[j];
    if (phase === null || phase === undefined) continue;
    const [row, column] = [rowOf(j), columnOf(j)];
    const around = count + phase.apart * (phase.count - 1);
    left = entries(b, left, row, before + phase.shift - phase.apart * (phase.count - 1), around);
    left = b.windows(left, { axis: row, size: phase.count, stride: 1, dilation: phase.apart });
    // Places from the last to the first, as windows further on have the entry further ahead.
    right = entries(b, right, column, phase.first + phase.step * (phase.count - 1), phase.count, -phase.step);
    places.push(column);
    shape = shape.with(axis, left.shape[row]!).with(rank + j, ONE);
  }
  // [..batch, ..rows, depth, ..places] and [..batch, depth, ..columns] → [..batch, ..rows, ..places, depth]
  // and [..batch, ..places, depth, ..others].
  const m = n + rows.length;
  const first = batch.map((_, k) => k);
  const apart = places.map((_, k) => m + 1 + k);
  const others = columns.map((_, k) => n + 1 + k).filter((k) => !places.includes(k));
  const leftOrder = [...first, ...rows.map((_, k) => n + k), ...apart, m];
  const rightOrder = [...first, ...places, n, ...others];
  const inner = elements([...apart.map((k) => left.shape[k]!), depth])!;
  const leftRows = left.shape.slice(n, m);
  const rightColumns = others.map((k) => right.shape[k]!);
  const stacked = n === 0 ? [] : [elements(sizes(batch))!];
  const made = b.matmul(
    b.reshape(b.permute(left, leftOrder), [...stacked, elements(leftRows)!, inner]),
    b.reshape(b.permute(right, rightOrder), [...stacked, inner, elements(rightColumns)!]),
  );
  const split = b.reshape(made, [...sizes(batch), ...leftRows, ...rightColumns]);
  // The parts that are left, in their order; where places were gathered size 1 is put among the axes.
  const kept = [...batch, ...rows, ...others.map((k) => columns[k - n - 1]!)];
  const order = kept.toSorted((one, other) => one - other).map((part) => kept.indexOf(part));
  return b.reshape(b.permute(split, order), shape);
}
