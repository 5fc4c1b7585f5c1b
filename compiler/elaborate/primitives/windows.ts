/** What lies around entries of an axis: borders, windows, and the axis the other way round. */
import type { Build } from "../../graph/build.ts";
import type { Node, WindowAttributes } from "../../ir/node.ts";
import { countOf, fixed, isFree, showShape } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { checkedShape, toAxes, toAxis, toInteger, toNode } from "../tensors.ts";
import { number, tensor, type Value } from "../values.ts";
import type { PrimitiveTable } from "./primitive.ts";

export const windows: PrimitiveTable = {
  pad: {
    parameters: ["x", "before", "after", "axis", "value?"],
    doc: "x with so many entries more before and after those of an axis, of `value`, 0 unless told",
    apply: ({ build, freeName }, x, before, after, axis, value = number(0)) => {
      const node = toNode(build, x!);
      const counts = [toCount(before, "`before`"), toCount(after, "`after`")] as const;
      const at = toAxis(axis!, node.shape.length, showShape(node.shape, freeName));
      if (counts[0] + counts[1] === 0) return tensor(node);
      requireKnown("pad", node, at, freeName);
      const border = borderOf(build, node, value, freeName);
      return tensor(padded(build, node, at, counts, border, freeName));
    },
  },
  windows: {
    parameters: ["x", "size", "axis", "stride?", "dilation?"],
    doc: "[.., L, ..] → [.., number of windows, .., size]: the windows of an axis, along a last one",
    apply: ({ build, freeName }, x, size, axis, stride, dilation) => {
      const node = toNode(build, x!);
      const at = toAxis(axis!, node.shape.length, showShape(node.shape, freeName));
      requireKnown("windows", node, at, freeName);
      const made = build.windows(node, {
        ...along(at, stride, dilation),
        size: toInteger(size, "the size of a window"),
      });
      checkedShape(made.shape, freeName);
      return tensor(made);
    },
  },
  fold: {
    parameters: ["w", "length", "axis", "stride?", "dilation?"],
    doc: "[.., number of windows, .., size] → [.., length, ..]: windows added up where they lie along an axis",
    apply: ({ build, freeName }, w, length, axis, stride, dilation) => {
      const node = toNode(build, w!);
      const rank = node.shape.length - 1;
      const shown = showShape(node.shape.slice(0, -1), freeName);
      if (rank < 1) {
        throw new OpError(
          "bad-axis",
          "`fold` needs an axis of windows and, behind all others, what is in each",
          [],
          "give it what `windows(x, size, axis)` has made",
        );
      }
      const at = toAxis(axis!, rank, shown);
      requireKnown("fold", node, at, freeName);
      requireKnown("fold", node, rank, freeName);
      const made = build.fold(node, {
        ...along(at, stride, dilation),
        length: toInteger(length, "the length of the axis"),
      });
      checkedShape(made.shape, freeName);
      return tensor(made);
    },
  },
  flip: {
    parameters: ["x", "axis"],
    doc: "the entries of an axis, or of several, in the opposite order",
    apply: ({ build, freeName }, x, axis) => {
      const node = toNode(build, x!);
      const turned = toAxes(axis!, node, freeName);
      for (const at of turned) requireKnown("flip", node, at, freeName);
      const axes = node.shape.map((_, k) =>
        // From the last entry back.
        turned.includes(k)
          ? { start: countAt(node, k) - 1, fromEnd: false, step: -1 }
          : { start: 0, fromEnd: false, step: 1 },
      );
      return tensor(build.slice(node, axes, node.shape));
    },
  },
};

/** @throws OpError where the value is no whole number from 0 on */
function toCount(value: Value | undefined, what: string): number {
  const count = toInteger(value, what);
  if (count >= 0) return count;
  throw new OpError(
    "bad-size",
    `${what} is a number of entries to add, not ${count}`,
    [],
    "a slice takes entries away, as in x[:, 1:]",
  );
}

/** The batch's rows are apart. @throws OpError */
export function requireKnown(name: string, { shape }: Node, axis: number, freeName: string): void {
  if (!isFree(shape[axis]!)) return;
  throw new OpError(
    "free-slice",
    `\`${name}\` cannot run along the batch, axis ${axis} of ${showShape(shape, freeName)}: how many rows there are is not known when compiling`,
    [],
    "name another axis; each row of the batch is by itself",
  );
}

const countAt = ({ shape }: Node, axis: number): number => countOf(shape[axis]!);

const along = (axis: number, stride = number(1), dilation = number(1)): WindowAttributes => ({
  axis,
  stride: toInteger(stride, "`stride`"),
  dilation: toInteger(dilation, "`dilation`"),
});

/** One entry of what is around x, of its type where the number is one of them. */
function borderOf(build: Build, x: Node, value: Value, freeName: string): Node {
  if (value.kind === "number") {
    const isOwn = x.type === "int" ? Number.isInteger(value.value) : x.type === "bool" && value.value === 0;
    return build.constant(value.value, [], isOwn ? x.type : "float");
  }
  const node = toNode(build, value);
  if (node.shape.length === 0) return node;
  throw new OpError(
    "shape-mismatch",
    `\`value\` is one number, not ${showShape(node.shape, freeName)}`,
    [],
    "`concat` puts tensors before and after one another",
  );
}

function padded(
  build: Build,
  x: Node,
  axis: number,
  [before, after]: readonly [number, number],
  border: Node,
  freeName: string,
): Node {
  const size = countAt(x, axis);
  const shape = checkedShape(x.shape.with(axis, fixed(before + size + after)), freeName);
  const isZero = border.op === "constant" && Object.is(border.attributes.value, 0) && x.type !== "bool";
  if (isZero && border.type === x.type) {
    const axes = x.shape.map((_, k) => ({ start: k === axis ? before : 0, fromEnd: false, step: 1 }));
    return build.embed(x, axes, shape);
  }
  const [own, around] = x.type === border.type ? [x, border] : [build.toFloat(x), build.toFloat(border)];
  const borders = (count: number): Node[] =>
    count === 0 ? [] : [build.broadcast(around, x.shape.with(axis, fixed(count)))];
  return build.concat([...borders(before), own, ...borders(after)], axis);
}
