/** Ops that move entries and compute nothing: views, their transposes, and concatenation. */
import type { Node, OpName, SliceAxis } from "../ir/node.ts";
import {
  countOf,
  elements,
  isEmpty,
  isFree,
  isOne,
  sameDimension,
  sameSize,
  type Shape,
  shapeAt,
  showShape,
  type Size,
  sizeAt,
  sumOfSizes,
} from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { union, ZERO } from "./interval.ts";
import { movement, view } from "./movement-kind.ts";
import type { OpTable, Values } from "./op.ts";
import { commonType, requireTypes } from "./operand-types.ts";
import { copyView, count, permuted, rowMajor, walk } from "./strided.ts";
import { windowOps } from "./windows.ts";

type MovementName = "reshape" | "permute" | "broadcast" | "slice" | "embed" | "concat";

/**
 * The view that a slice takes of a tensor of `shape`: where it starts, and its strides, in
 * elements.
 */
function sliceView(
  axes: readonly SliceAxis[],
  shape: readonly number[],
): { readonly start: number; readonly strides: readonly number[] } {
  const strides = rowMajor(shape);
  const start = axes.reduce(
    (sum, { start: first, fromEnd }, axis) => sum + strides[axis]! * (fromEnd ? shape[axis]! - first : first),
    0,
  );
  return { start, strides: axes.map(({ step }, axis) => step * strides[axis]!) };
}

/** Whether `part` entries from a slice of `whole` exist, for every batch of at least one row. */
function sliceFits({ start, fromEnd, step }: SliceAxis, whole: Size, part: Size): boolean {
  if (!Number.isInteger(start) || !Number.isInteger(step)) return false;
  if (isEmpty(part)) return true;
  // Both ends are affine in N; such an expression holds for every N ≥ 1 if it holds at 1 and its
  // slope is not adverse.
  return [1, 2].every((n) => {
    const size = sizeAt(whole, n);
    const first = fromEnd ? size - start : start;
    const last = first + step * (sizeAt(part, n) - 1);
    return first >= 0 && first < size && last >= 0 && last < size;
  });
}

function requireSlice(name: string, axes: readonly SliceAxis[], whole: Shape, part: Shape): void {
  const fits =
    axes.length === whole.length &&
    part.length === whole.length &&
    axes.every((axis, i) => sliceFits(axis, whole[i]!, part[i]!));
  if (fits) return;
  throw new OpError("bad-slice", `\`${name}\` reaches outside of the tensor`, [
    showShape(whole),
    showShape(part),
  ]);
}

export const movementOps = {
  ...windowOps,
  reshape: {
    name: "reshape",
    ...view,
    formula: "the same entries in another shape",
    infer([x], { shape }) {
      const [before, after] = [elements(x!.shape), elements(shape)];
      if (before === null || after === null || !sameSize(before, after)) {
        throw new OpError(
          "shape-mismatch",
          `${showShape(x!.shape)} cannot be reshaped to ${showShape(shape)}`,
          [showShape(x!.shape)],
        );
      }
      return { shape, type: x!.type };
    },
    vjp: (b, { operands: [x] }, g) => [b.reshape(g, x!.shape)],
    evaluate: ([x], { attributes }, { n }): Values => ({
      shape: shapeAt(attributes.shape, n),
      data: x!.data,
    }),
  },
  permute: {
    name: "permute",
    ...view,
    formula: "axes exchanged",
    infer([x], { axes }) {
      const once = x!.shape.every((_, axis) => axes.filter((a) => a === axis).length === 1);
      if (axes.length !== x!.shape.length || !once) {
        throw new OpError("bad-axis", `[${axes.join(", ")}] does not name each axis once`, [
          showShape(x!.shape),
        ]);
      }
      return { shape: axes.map((axis) => x!.shape[axis]!), type: x!.type };
    },
    vjp: (b, { attributes: { axes } }, g) => [
      b.permute(
        g,
        axes.map((_, axis) => axes.indexOf(axis)),
      ),
    ],
    evaluate: ([x], { attributes: { axes } }): Values => permuted(x!, axes),
  },
  broadcast: {
    name: "broadcast",
    ...view,
    formula: "axes of size 1 stretched",
    infer([x], { shape }) {
      const fits =
        shape.length === x!.shape.length &&
        x!.shape.every((size, axis) => isOne(size) || sameSize(size, shape[axis]!));
      if (!fits) {
        throw new OpError(
          "shape-mismatch",
          `${showShape(x!.shape)} does not broadcast to ${showShape(shape)}`,
          [showShape(x!.shape)],
        );
      }
      return { shape, type: x!.type };
    },
    vjp: (b, { operands: [x] }, g) => [b.unbroadcast(g, x!.shape)],
    evaluate([x], { operands: [operand], attributes }, { n }): Values {
      const strides = rowMajor(x!.shape).map((stride, axis) => (isOne(operand!.shape[axis]!) ? 0 : stride));
      return copyView(x!.data, shapeAt(attributes.shape, n), strides);
    },
  },
  slice: {
    name: "slice",
    ...view,
    formula: "entries start, start + step, … of each axis",
    infer([x], { axes, shape }) {
      requireSlice("slice", axes, x!.shape, shape);
      return { shape, type: x!.type };
    },
    vjp: (b, { operands: [x], attributes: { axes } }, g) => [b.embed(g, axes, x!.shape)],
    evaluate([x], { attributes: { axes, shape } }, { n }): Values {
      const { start, strides } = sliceView(axes, x!.shape);
      return copyView(x!.data, shapeAt(shape, n), strides, start);
    },
  },
  embed: {
    name: "embed",
    ...movement,
    formula: "zeros, with x where a slice would read",
    takes: "number",
    arity: [1, 1],
    range: ([x]) => union([x!, ZERO]),
    infer([x], { axes, shape }) {
      requireTypes("embed", "number", [x!]);
      requireSlice("embed", axes, shape, x!.shape);
      return { shape, type: x!.type };
    },
    vjp: (b, { operands: [x], attributes: { axes } }, g) => [b.slice(g, axes, x!.shape)],
    evaluate([x], { attributes }, { n }): Values {
      const shape = shapeAt(attributes.shape, n);
      const { start, strides } = sliceView(attributes.axes, shape);
      const data = new Float64Array(count(shape));
      walk(x!.shape, strides, start, (linear, offset) => {
        data[offset] = x!.data[linear]!;
      });
      return { shape, data };
    },
  },
  concat: {
    name: "concat",
    ...movement,
    formula: "one after another along an axis",
    takes: "any",
    arity: [1, Infinity],
    range: union,
    infer(operands, { axis }) {
      const first = operands[0]!;
      const remarks = operands.map((x) => showShape(x.shape));
      if (!Number.isInteger(axis) || axis < 0 || axis >= first.shape.length) {
        throw new OpError("bad-axis", `\`concat\` has no axis ${axis} here`, remarks);
      }
      const fits = operands.every(
        (x) =>
          x.shape.length === first.shape.length &&
          x.shape.every((size, i) => (i === axis ? sameDimension : sameSize)(size, first.shape[i]!)),
      );
      if (!fits) {
        throw new OpError(
          "shape-mismatch",
          `\`concat\` needs the sizes of all axes but ${axis} to agree, and the batch to stay one axis`,
          remarks,
        );
      }
      if (operands.some((x) => x.type === "bool")) requireTypes("concat", "bool", operands);
      const joined = sumOfSizes(operands.map((x) => x.shape[axis]!));
      return {
        shape: first.shape.map((size, i) => (i === axis ? joined : size)),
        type: commonType(operands),
      };
    },
    vjp(b, { operands, attributes: { axis }, shape }, g) {
      if (isFree(shape[axis]!)) {
        throw new OpError("no-derivative", "`concat` along the batch has no derivative here", [
          showShape(shape),
        ]);
      }
      let start = 0;
      return operands.map((x) => {
        const axes = shape.map((_, i) => ({ start: i === axis ? start : 0, fromEnd: false, step: 1 }));
        start += countOf(x.shape[axis]!);
        return b.slice(g, axes, x.shape);
      });
    },
    evaluate(operands, { attributes: { axis } }): Values {
      const first = operands[0]!.shape;
      const size = operands.reduce((sum, x) => sum + x.shape[axis]!, 0);
      const shape = first.map((s, i) => (i === axis ? size : s));
      const strides = rowMajor(shape);
      const data = new Float64Array(count(shape));
      let start = 0;
      for (const x of operands) {
        walk(x.shape, strides, start * strides[axis]!, (linear, offset) => {
          data[offset] = x.data[linear]!;
        });
        start += x.shape[axis]!;
      }
      return { shape, data };
    },
  },
} satisfies Pick<OpTable, MovementName | keyof typeof windowOps>;

type Records = typeof movementOps;
export type ViewName = {
  [K in keyof Records]: Records[K] extends { readonly isView: true } ? K : never;
}[keyof Records];
export type ViewNode = Extract<Node, { op: ViewName }>;

const records: Readonly<Partial<Record<OpName, object>>> = movementOps;
/** Whether each entry is one of the operand's, found by strides: no kernel computes it. */
export const isView = (node: Node): node is ViewNode => "isView" in (records[node.op] ?? {});

/** The tensor with the same entries in the same order. */
export function behindReshapes(node: Node): Node {
  let base = node;
  while (base.op === "reshape") base = base.operands[0]!;
  return base;
}
