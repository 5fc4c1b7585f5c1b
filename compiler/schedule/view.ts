/**
 * Strided views: where the entries of a tensor lie in a run of elements. Every movement op
 * (reshape, permute, broadcast, slice) is arithmetic on a view and costs nothing; only a reshape
 * that would need the entries in another order is not a view.
 */
import type { Loop } from "../ir/loop.ts";
import type { Attributes, SliceAxis } from "../ir/node.ts";
import {
  addAffine,
  affine,
  type Affine,
  affineOf,
  isBelow,
  isFree,
  isOne,
  isZero,
  movingBy,
  multiplyAffine,
  multiplySize,
  ONE,
  sameAffine,
  sameSize,
  scale,
  type Shape,
  type Size,
  ZERO,
} from "../ir/size.ts";
import type { LaidNode } from "./kinds.ts";
import { affineKey } from "./value-key.ts";

/**
 * The entry at indices i is element `offset + Σ strides[k] · i[k]`. An axis of size 1 has stride 0.
 */
export interface View {
  readonly offset: Affine;
  readonly shape: Shape;
  readonly strides: readonly Affine[];
}

/** The shape without its axes of size 1. */
export const squeeze = (shape: Shape): Size[] => shape.filter((size) => !isOne(size));

/** Whether neighbors of `fine`, made one, give `coarse`; both without axes of size 1. */
export function mergesInto(fine: Shape, coarse: Shape): boolean {
  let next = 0;
  for (const size of coarse) {
    let have = ONE;
    while (!sameSize(have, size)) {
      const more = fine[next++];
      if (more === undefined || !isBelow(have, size) || (isFree(have) && isFree(more))) return false;
      have = multiplySize(have, more);
    }
  }
  return next === fine.length;
}

/** Row-major, without gaps. */
export function contiguous(shape: Shape): View {
  const strides: Affine[] = [];
  let stride = affine(1);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    strides[axis] = isOne(size) ? ZERO : stride;
    // Past the outermost axis the product may hold N twice where it is never used.
    if (axis > 0 && !isOne(size)) stride = scale(stride, size);
  }
  return { offset: ZERO, shape, strides };
}

/** A view whose value is the index along one axis: iota. */
export function indexAlong(shape: Shape, axis: number): View {
  return {
    offset: ZERO,
    shape,
    strides: shape.map((size, k) => (k === axis && !isOne(size) ? affine(1) : ZERO)),
  };
}

function permuteView(view: View, axes: readonly number[]): View {
  return {
    offset: view.offset,
    shape: axes.map((axis) => view.shape[axis]!),
    strides: axes.map((axis) => view.strides[axis]!),
  };
}

/** Axes of size 1 are stretched to `shape`, of the same rank. */
export function broadcastView(view: View, shape: Shape): View {
  return {
    offset: view.offset,
    shape,
    strides: view.strides.map((stride, axis) =>
      sameSize(view.shape[axis]!, shape[axis]!) && !isOne(shape[axis]!) ? stride : ZERO,
    ),
  };
}

/** Entries start, start + step, … of each axis. */
export function sliceView(view: View, axes: readonly SliceAxis[], shape: Shape): View {
  let offset = view.offset;
  const strides = view.strides.map((stride, axis) => {
    const { start, fromEnd, step } = axes[axis]!;
    // From the end: size - start.
    const first = fromEnd ? addAffine(affineOf(view.shape[axis]!), affine(-start)) : affine(start);
    if (!isZero(stride)) offset = addAffine(offset, multiplyAffine(first, stride));
    return isOne(shape[axis]!) ? ZERO : multiplyAffine(stride, affine(step));
  });
  return { offset, shape, strides };
}

/** Windows overlap where strides of both axes reach the same entry. */
export function windowsView(
  view: View,
  { axis, stride, dilation }: Attributes["windows"],
  shape: Shape,
): View {
  const along = view.strides[axis]!;
  const strides = [
    ...view.strides.with(axis, multiplyAffine(along, affine(stride))),
    multiplyAffine(along, affine(dilation)),
  ];
  return { offset: view.offset, shape, strides: strides.map((own, i) => (isOne(shape[i]!) ? ZERO : own)) };
}

/**
 * The same entries in row-major order under another shape; `null` where that is no strided view.
 */
export function reshapeView(view: View, shape: Shape): View | null {
  const axes = view.shape.map((_, axis) => axis).filter((axis) => !isOne(view.shape[axis]!));
  const targets = shape.map((_, axis) => axis).filter((axis) => !isOne(shape[axis]!));
  const strides: Affine[] = shape.map(() => ZERO);
  let from = 0;
  let to = 0;
  // Groups of axes with equal products, as small as possible: [2, 3 | 4] → [6 | 2, 2].
  while (from < axes.length && to < targets.length) {
    const [firstFrom, firstTo] = [from, to];
    let have = view.shape[axes[from++]!]!;
    let want = shape[targets[to++]!]!;
    while (!sameSize(have, want)) {
      const extendHave = isBelow(have, want);
      if (extendHave ? from === axes.length : to === targets.length) return null;
      if (extendHave) have = multiplySize(have, view.shape[axes[from++]!]!);
      else want = multiplySize(want, shape[targets[to++]!]!);
    }
    for (let k = firstFrom; k + 1 < from; k++) {
      const inner = scale(view.strides[axes[k + 1]!]!, view.shape[axes[k + 1]!]!);
      if (!sameAffine(view.strides[axes[k]!]!, inner)) return null;
    }
    let stride = view.strides[axes[from - 1]!]!;
    for (let k = to - 1; k >= firstTo; k--) {
      strides[targets[k]!] = stride;
      if (k > firstTo) stride = scale(stride, shape[targets[k]!]!);
    }
  }
  return { offset: view.offset, shape, strides };
}

/** The entry of the first axis at the place of a loop. */
export const pickView = ({ offset, shape, strides }: View, loop: Loop): View => ({
  offset: addAffine(offset, movingBy(loop, strides[0]!)),
  shape: shape.slice(1),
  strides: strides.slice(1),
});

/** How a view reads what its operand reads through `view`. `null`: strides cannot. */
export function moveView(node: LaidNode, view: View): View | null {
  switch (node.op) {
    case "pick":
      return pickView(view, node.attributes.loop);
    case "reshape":
      return reshapeView(view, node.attributes.shape);
    case "permute":
      return permuteView(view, node.attributes.axes);
    case "broadcast":
      return broadcastView(view, node.attributes.shape);
    case "slice":
      return sliceView(view, node.attributes.axes, node.attributes.shape);
    case "windows":
      return windowsView(view, node.attributes, node.shape);
    default:
      return node satisfies never;
  }
}

/**
 * The first row of a table, for each entry of `shape`: [...batch, ...ids, ...rest], of a table of
 * [...batch, rows, ...rest].
 */
export function rowsView({ offset, shape: table, strides }: View, shape: Shape, batch: number): View {
  const ids = shape.length - (table.length - batch - 1);
  return {
    offset,
    shape,
    strides: shape.map((_, axis) =>
      axis < batch ? strides[axis]! : axis < ids ? ZERO : strides[axis - ids + batch + 1]!,
    ),
  };
}

/** Equal text for equal views of one run of elements. */
export const viewKey = (view: View): string => [view.offset, ...view.strides].map(affineKey).join(",");

export const sameView = (a: View, b: View): boolean =>
  a === b ||
  (sameAffine(a.offset, b.offset) &&
    a.strides.length === b.strides.length &&
    a.strides.every((stride, axis) => sameAffine(stride, b.strides[axis]!)));
