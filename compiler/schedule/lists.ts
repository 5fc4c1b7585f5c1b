/**
 * Views whose axes are lists of loops. A reshape that joins axes which do not lie in one stride,
 * such as the windows of an image as rows of a matrix, is no strided view; but each of its axes is
 * still gone through by loops inside one another. A product reads such factors as they lie.
 */
import type { Node } from "../ir/node.ts";
import {
  addAffine,
  type Affine,
  divideSize,
  isBelow,
  isFree,
  isOne,
  movingBy,
  multiplySize,
  ONE,
  sameAffine,
  sameSize,
  scale,
  type Shape,
  type Size,
  ZERO,
} from "../ir/size.ts";
import { isLaid, type LaidNode } from "./kinds.ts";
import type { Loop } from "./kernel.ts";
import type { Locate, Region } from "./place.ts";
import { contiguous, sliceView, type View, windowsView } from "./view.ts";

/** Outermost first; one of size 1 has none. */
export type Axis = readonly Loop[];

export interface ListView {
  readonly offset: Affine;
  readonly axes: readonly Axis[];
}

/** The loops as axes of a view. */
export const loopsAsView = ({ offset, axes }: ListView): View => {
  const loops = axes.flat();
  return { offset, shape: loops.map(({ size }) => size), strides: loops.map(({ stride }) => stride) };
};

/** What lies in memory under views, as lists of loops over the axes of `shape`; `null` where it cannot be read so. */
export function locateLists(
  node: Node,
  locate: Locate,
  shape: Shape,
): { readonly region: Region; readonly lists: ListView; readonly base: Node } | null {
  const views: LaidNode[] = [];
  let base = node;
  for (let place = locate(base); ; place = locate(base)) {
    if (place !== undefined) {
      let lists: ListView | null = listsOf(place.strip ?? contiguous(base.shape));
      for (const view of views.toReversed()) {
        if (lists !== null) lists = moved(view, lists);
      }
      lists = lists === null ? null : regrouped(lists, shape);
      return lists === null ? null : { region: place.region, lists: merged(lists), base };
    }
    if (!isLaid(base)) return null;
    views.push(base);
    base = base.operands[0]!;
  }
}

const listsOf = ({ offset, shape, strides }: View): ListView => ({
  offset,
  axes: shape.map((size, axis) => (isOne(size) ? [] : [{ size, stride: strides[axis]! }])),
});

/** How a view reads what its operand reads through `lists`. */
function moved(node: LaidNode, lists: ListView): ListView | null {
  const { offset, axes } = lists;
  switch (node.op) {
    case "permute":
      return { offset, axes: node.attributes.axes.map((axis) => axes[axis]!) };
    case "broadcast": {
      const { shape } = node.attributes;
      const stretched = (axis: Axis, size: Size): Axis =>
        axis.length === 0 && !isOne(size) ? [{ size, stride: ZERO }] : axis;
      return { offset, axes: axes.map((axis, i) => stretched(axis, shape[i]!)) };
    }
    case "reshape":
      return regrouped(lists, node.attributes.shape);
    case "pick": {
      const [first, ...rest] = axes as [Axis, ...Axis[]];
      if (first.length > 1) return null;
      const stride = first[0]?.stride ?? ZERO;
      return { offset: addAffine(offset, movingBy(node.attributes.loop, stride)), axes: rest };
    }
    case "slice":
    case "windows": {
      // An axis of several loops goes through whole, or not at all.
      const single = singleLoops(node, merged(lists));
      if (single === null) return null;
      const { view, whole } = single;
      const result =
        node.op === "slice"
          ? sliceView(view, node.attributes.axes, node.shape)
          : windowsView(view, node.attributes, node.shape);
      const own = listsOf(result);
      return { ...own, axes: own.axes.map((axis, i) => whole[i] ?? axis) };
    }
    default:
      return node satisfies never;
  }
}

/** The axes as those of a view, where the ones of several loops are left as they are. */
function singleLoops(
  node: Node,
  { offset, axes }: ListView,
): { readonly view: View; readonly whole: readonly (Axis | null)[] } | null {
  const operand = node.operands[0]!;
  const whole = axes.map((axis, i) => {
    if (axis.length <= 1) return null;
    const untouched =
      node.op === "slice" ? isWhole(node, i) : node.op === "windows" && node.attributes.axis !== i;
    return untouched ? axis : undefined;
  });
  if (whole.includes(undefined)) return null;
  return {
    view: { offset, shape: operand.shape, strides: axes.map((axis) => axis[0]?.stride ?? ZERO) },
    whole: whole.map((axis) => axis ?? null),
  };
}

function isWhole(node: Extract<LaidNode, { op: "slice" }>, axis: number): boolean {
  const { start, fromEnd, step } = node.attributes.axes[axis]!;
  const [before, after] = [node.operands[0]!.shape[axis]!, node.shape[axis]!];
  return start === 0 && !fromEnd && step === 1 && sameSize(before, after);
}

/** The same loops over the axes of another shape; `null` where one would have to be cut within a step. */
function regrouped({ offset, axes }: ListView, shape: Shape): ListView | null {
  const loops = axes.flat();
  const grouped: Axis[] = [];
  let next = loops.shift();
  for (const size of shape) {
    const axis: Loop[] = [];
    let have = ONE;
    while (!sameSize(have, size)) {
      if (next === undefined || !isBelow(have, size)) return null;
      if (isFree(have) && isFree(next.size)) return null;
      const more = multiplySize(have, next.size);
      if (isBelow(more, size) || sameSize(more, size)) {
        axis.push(next);
        have = more;
        next = loops.shift();
        continue;
      }
      // The outer part of the loop is what is missing here.
      const missing = divideSize(size, have);
      const rest = missing === null ? null : divideSize(next.size, missing);
      if (missing === null || rest === null) return null;
      axis.push({ size: missing, stride: scale(next.stride, rest) });
      have = size;
      next = { size: rest, stride: next.stride };
    }
    grouped.push(axis);
  }
  return next === undefined || isOne(next.size) ? { offset, axes: grouped } : null;
}

/** Neighbors in one axis that are gone through without a break are one loop. */
const merged = ({ offset, axes }: ListView): ListView => ({ offset, axes: axes.map(mergedAxis) });

function mergedAxis(axis: Axis): Axis {
  const loops: Loop[] = [];
  for (const loop of axis) {
    const outer = loops.at(-1);
    const fits =
      outer !== undefined &&
      sameAffine(outer.stride, scale(loop.stride, loop.size)) &&
      !(isFree(outer.size) && isFree(loop.size));
    if (fits) loops.splice(-1, 1, { size: multiplySize(outer.size, loop.size), stride: loop.stride });
    else loops.push(loop);
  }
  return loops;
}
