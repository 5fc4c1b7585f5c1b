/** Which axes of a matrix product the axes of a view of it are made of. */
import type { Node, NodeOf } from "../../ir/node.ts";
import {
  countOf,
  divideSize,
  isBelow,
  isFree,
  isOne,
  multiplySize,
  ONE,
  sameSize,
  type Shape,
  type Size,
} from "../../ir/size.ts";

/** Every so many entries of an axis of the product. */
export interface AxisPart {
  /** The axis of the product. */
  readonly of: number;
  readonly size: Size;
  /** Entries of that axis from one step to the next. */
  readonly stride: Size;
}

export interface ViewOfProduct {
  readonly product: NodeOf<"matmul">;
  /** Of each axis of the view, the outermost part first; an axis of size 1 has none. */
  readonly axes: readonly (readonly AxisPart[])[];
}

/** Null where there is no product under reshapes and permutations, or its axes are not cut evenly. */
export function viewOfProduct(node: Node): ViewOfProduct | null {
  const views: (NodeOf<"reshape"> | NodeOf<"permute">)[] = [];
  let product = node;
  while (product.op === "reshape" || product.op === "permute") {
    views.push(product);
    product = product.operands[0]!;
  }
  if (product.op !== "matmul") return null;
  let axes: AxisPart[][] | null = product.shape.map((size, of) =>
    isOne(size) ? [] : [{ of, size, stride: ONE }],
  );
  for (const view of views.toReversed()) {
    if (axes === null) return null;
    const before: AxisPart[][] = axes;
    axes =
      view.op === "permute"
        ? view.attributes.axes.map((axis) => before[axis]!)
        : regrouped(before.flat(), view.shape);
  }
  return axes === null ? null : { product, axes: axes.map(joined) };
}

/** The outer of two parts of an axis comes first. */
export const byNesting = (one: AxisPart, other: AxisPart): number =>
  one.of - other.of ||
  Number(isFree(other.stride)) - Number(isFree(one.stride)) ||
  countOf(other.stride) - countOf(one.stride);

/** The same parts over the axes of another shape; null where one would have to be cut within a step. */
function regrouped(parts: readonly AxisPart[], shape: Shape): AxisPart[][] | null {
  const rest = [...parts];
  const axes: AxisPart[][] = [];
  for (const size of shape) {
    const axis: AxisPart[] = [];
    let have = ONE;
    while (!sameSize(have, size)) {
      const next = rest.shift();
      if (next === undefined || !isBelow(have, size) || (isFree(have) && isFree(next.size))) return null;
      const more = multiplySize(have, next.size);
      if (isBelow(more, size) || sameSize(more, size)) {
        axis.push(next);
        have = more;
        continue;
      }
      const outer = divideSize(size, have);
      const inner = outer === null ? null : divideSize(next.size, outer);
      if (outer === null || inner === null) return null;
      axis.push({ ...next, size: outer, stride: multiplySize(next.stride, inner) });
      rest.unshift({ ...next, size: inner });
      have = size;
    }
    axes.push(axis);
  }
  return axes;
}

/** Neighboring parts of an axis of the product as one. */
function joined(parts: readonly AxisPart[]): AxisPart[] {
  const result: AxisPart[] = [];
  for (const part of parts) {
    const before = result.at(-1);
    const continues =
      before?.of === part.of &&
      !(isFree(part.size) && isFree(part.stride)) &&
      !(isFree(part.size) && isFree(before.size)) &&
      sameSize(before.stride, multiplySize(part.stride, part.size));
    if (before !== undefined && continues)
      result.splice(-1, 1, { ...part, size: multiplySize(before.size, part.size) });
    else result.push(part);
  }
  return result;
}
