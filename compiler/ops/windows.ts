/** Windows of an axis, which overlap where they begin closer together than they are long. */
import type { NodeOf, WindowAttributes } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { countOf, fixed, isFree, type Shape, showShape } from "../ir/size.ts";
import { total, union, ZERO } from "./interval.ts";
import { movement, view } from "./movement-kind.ts";
import type { OpTable, Values } from "./op.ts";
import { requireTypes } from "./operand-types.ts";
import { copyView, count, rowMajor, walk } from "./strided.ts";

/** Entries from the first of a window to its last. */
export const spanOf = (size: number, dilation: number): number => dilation * (size - 1) + 1;

/** How many windows an axis of `length` has; 0 or less where not even one fits. */
export const windowCount = (length: number, size: number, stride: number, dilation: number): number =>
  Math.floor((length - spanOf(size, dilation)) / stride) + 1;

/** Whether two windows share an entry. */
export function overlaps(node: NodeOf<"windows"> | NodeOf<"fold">): boolean {
  const { axis, stride, dilation } = node.attributes;
  const [windows, size] = (node.op === "windows" ? node : node.operands[0]!).shape.flatMap(
    (of, i, { length }) => (i === axis || i === length - 1 ? countOf(of) : []),
  ) as [number, number];
  // stride·i = dilation·u first at i = dilation / g, u = stride / g.
  const g = commonDivisor(stride, dilation);
  return windows > dilation / g && size > stride / g;
}

export const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** `7`, or `7 to 8` where the stride leaves some over. */
function lengthFor(windows: number, size: number, { stride, dilation }: WindowAttributes): string {
  const least = stride * (windows - 1) + spanOf(size, dilation);
  return stride === 1 ? String(least) : `${least} to ${least + stride - 1}`;
}

/** @throws OpError where windows of `size` do not lie in `whole` */
function requireWindows(name: string, whole: Shape, size: number, of: WindowAttributes): void {
  const { axis, stride, dilation } = of;
  const remarks = [showShape(whole)];
  if (!Number.isInteger(axis) || axis < 0 || axis >= whole.length)
    throw new OpError("bad-axis", `\`${name}\` has no axis ${axis} here`, remarks);
  if (isFree(whole[axis]!)) {
    throw new OpError("bad-axis", `\`${name}\` does not run along the batch, whose rows are apart`, remarks);
  }
  if (![size, stride, dilation].every((n) => Number.isInteger(n) && n >= 1)) {
    throw new OpError(
      "bad-size",
      `\`${name}\` needs a size, a stride and a dilation of 1 or more, not ${size}, ${stride} and ${dilation}`,
      remarks,
      "windows begin `stride` entries apart, and have `size` entries that are `dilation` apart",
    );
  }
  if (windowCount(countOf(whole[axis]!), size, stride, dilation) < 1) {
    const span = spanOf(size, dilation);
    throw new OpError(
      "bad-size",
      dilation === 1
        ? `windows of ${size} do not fit into axis ${axis}, whose size is ${countOf(whole[axis]!)}`
        : `windows of ${size} entries, ${dilation} apart, reach over ${span}, but axis ${axis} has size ${countOf(whole[axis]!)}`,
      remarks,
      "`pad` the axis first, or take smaller windows",
    );
  }
}

/** Strides of the windows of what has `strides`. */
const windowStrides = (
  strides: readonly number[],
  { axis, stride, dilation }: WindowAttributes,
): number[] => [...strides.with(axis, strides[axis]! * stride), strides[axis]! * dilation];

export const windowOps = {
  windows: {
    name: "windows",
    ...view,
    formula: "x[.., stride·i + dilation·u, ..] at [.., i, .., u]",
    infer([x], attributes) {
      const { axis, size, stride, dilation } = attributes;
      requireWindows("windows", x!.shape, size, attributes);
      const windows = windowCount(countOf(x!.shape[axis]!), size, stride, dilation);
      return { shape: [...x!.shape.with(axis, fixed(windows)), fixed(size)], type: x!.type };
    },
    vjp: (b, { operands: [x], attributes: { axis, stride, dilation } }, g) => [
      b.fold(g, { axis, length: countOf(x!.shape[axis]!), stride, dilation }),
    ],
    evaluate([x], { attributes }): Values {
      const { axis, size, stride, dilation } = attributes;
      const windows = windowCount(x!.shape[axis]!, size, stride, dilation);
      const shape = [...x!.shape.with(axis, windows), size];
      return copyView(x!.data, shape, windowStrides(rowMajor(x!.shape), attributes));
    },
  },
  fold: {
    name: "fold",
    ...movement,
    formula: "Σ x[.., i, .., u] over the i, u with stride·i + dilation·u = k, at [.., k, ..]",
    takes: "number",
    arity: [1, 1],
    // Of no window, or of some.
    range: ([x]) => union([total(x!), ZERO]),
    inKernels: false,
    infer([x], attributes) {
      requireTypes("fold", "number", [x!]);
      const { axis, length, stride, dilation } = attributes;
      const remarks = [showShape(x!.shape)];
      const size = x!.shape.at(-1);
      const windows = x!.shape[axis];
      if (size === undefined || windows === undefined || axis < 0 || axis === x!.shape.length - 1)
        throw new OpError("bad-axis", `\`fold\` has no axis ${axis} before the last one here`, remarks);
      if (isFree(size) || isFree(windows))
        throw new OpError("bad-axis", "`fold` does not run along the batch, whose rows are apart", remarks);
      if (!Number.isInteger(length) || length < 1)
        throw new OpError(
          "bad-size",
          `the length of an axis is 1 or more, not ${length}`,
          remarks,
          "give the length of the axis that the windows lie along",
        );
      const shape = x!.shape.slice(0, -1).with(axis, fixed(length));
      requireWindows("fold", shape, countOf(size), attributes);
      const fitting = windowCount(length, countOf(size), stride, dilation);
      if (fitting !== countOf(windows)) {
        throw new OpError(
          "shape-mismatch",
          `an axis of ${length} has ${fitting} windows of ${countOf(size)}, not ${countOf(windows)}`,
          remarks,
          `${countOf(windows)} of them lie in an axis of ${lengthFor(countOf(windows), countOf(size), attributes)}`,
        );
      }
      return { shape, type: x!.type };
    },
    vjp: (b, { operands: [x], attributes: { axis, stride, dilation } }, g) => [
      b.windows(g, { axis, size: countOf(x!.shape.at(-1)!), stride, dilation }),
    ],
    evaluate([x], { attributes }): Values {
      const shape = x!.shape.slice(0, -1).with(attributes.axis, attributes.length);
      const data = new Float64Array(count(shape));
      walk(x!.shape, windowStrides(rowMajor(shape), attributes), 0, (linear, offset) => {
        data[offset]! += x!.data[linear]!;
      });
      return { shape, data };
    },
  },
} satisfies Pick<OpTable, "windows" | "fold">;
