/** Views of views, and computing before the entries are many. */
import { remake } from "../../graph/graph.ts";
import type { SliceAxis } from "../../ir/node.ts";
import { countOf, isFree, isOne, ONE, sameShape, type Shape } from "../../ir/size.ts";
import { isElementwise } from "../../ops/elementwise.ts";
import type { Rule } from "../rewrite.ts";
import { elementwiseNames } from "../../ops/elementwise.ts";
import { isConstant, resized } from "./match.ts";
import { sliceOfProduct } from "./slices-of-products.ts";

/**
 * Where a layer puts parts together and the next takes them apart, each part is a value of its own.
 */
export const sliceOfConcat: Rule = {
  name: "slice-of-concat",
  formula: "the slice of concat(…, x, …) that is x → x",
  at: ["slice"],
  rewrite({ as }, node) {
    if (node.op !== "slice") return null;
    const whole = as(node.operands[0]!, "concat");
    if (whole === null) return null;
    const { axis } = whole.attributes;
    const { axes } = node.attributes;
    const others = axes.every(
      ({ start, fromEnd, step }, i) => i === axis || (start === 0 && !fromEnd && step === 1),
    );
    const own = axes[axis]!;
    if (!others || own.fromEnd || own.step !== 1) return null;
    let start = 0;
    for (const part of whole.operands) {
      if (start === own.start && sameShape(part.shape, node.shape)) return part;
      // Where parts end on a free axis is not known.
      if (isFree(part.shape[axis]!)) return null;
      start += countOf(part.shape[axis]!);
    }
    return null;
  },
};

/** The parts of one tensor, put together again: the inputs of all steps of a recurrent net. */
const concatOfSlices: Rule = {
  name: "concat-of-slices",
  formula: "concat(x[a:b], x[b:c], …) → x[a:c]",
  at: ["concat"],
  rewrite({ b, as }, node) {
    if (node.op !== "concat") return null;
    const { axis } = node.attributes;
    const slices = node.operands.flatMap((part) => as(part, "slice") ?? []);
    const [first] = slices;
    if (first === undefined || slices.length < node.operands.length) return null;
    const x = first.operands[0]!;
    const { axes } = first.attributes;
    let { start } = axes[axis]!;
    for (const slice of slices) {
      const fits = slice.attributes.axes.every((own, i) =>
        i === axis ? own.start === start && !own.fromEnd && own.step === 1 : sameAxis(own, axes[i]!),
      );
      if (slice.operands[0] !== x || !fits || isFree(slice.shape[axis]!)) return null;
      start += countOf(slice.shape[axis]!);
    }
    return b.slice(x, axes, node.shape);
  },
};

export const views: readonly Rule[] = [
  {
    name: "view-of-constant",
    formula: "a view of a number → the number",
    at: ["reshape", "permute", "broadcast", "slice", "windows"],
    rewrite: ({ b }, { operands: [x], shape }) =>
      isConstant(x!) ? b.constant(x.attributes.value, shape, x.type) : null,
  },
  {
    name: "reshape-twice",
    formula: "reshape of reshape → one reshape",
    at: ["reshape"],
    rewrite({ b, as }, { operands: [x], shape }) {
      const inner = as(x!, "reshape");
      return inner === null ? null : b.reshape(inner.operands[0]!, shape);
    },
  },
  {
    name: "permute-twice",
    formula: "permute of permute → one permute",
    at: ["permute"],
    rewrite({ b, as }, node) {
      if (node.op !== "permute") return null;
      const inner = as(node.operands[0]!, "permute");
      if (inner === null) return null;
      const axes = node.attributes.axes.map((axis) => inner.attributes.axes[axis]!);
      return b.permute(inner.operands[0]!, axes);
    },
  },
  {
    name: "permute-ones",
    formula: "permute that moves axes of size 1 alone → reshape",
    at: ["permute"],
    rewrite({ b }, node) {
      if (node.op !== "permute") return null;
      const x = node.operands[0]!;
      const moving = node.attributes.axes.filter((axis) => !isOne(x.shape[axis]!));
      return moving.every((axis, i) => i === 0 || axis > moving[i - 1]!) ? b.reshape(x, node.shape) : null;
    },
  },
  {
    name: "broadcast-twice",
    formula: "broadcast of broadcast → one broadcast",
    at: ["broadcast"],
    rewrite({ b, as }, { operands: [x], shape }) {
      const inner = as(x!, "broadcast");
      return inner === null ? null : b.broadcast(inner.operands[0]!, shape);
    },
  },
  {
    name: "permute-stretched",
    formula: "permute of broadcast → broadcast of permute",
    at: ["permute"],
    rewrite({ b, as }, node) {
      if (node.op !== "permute") return null;
      const inner = as(node.operands[0]!, "broadcast");
      return inner === null
        ? null
        : b.broadcast(b.permute(inner.operands[0]!, node.attributes.axes), node.shape);
    },
  },
  {
    name: "reshape-stretched",
    formula: "reshape of broadcast that adds or drops axes of size 1 alone → broadcast of reshape",
    at: ["reshape"],
    rewrite({ b, as }, { operands: [x], shape }) {
      const inner = as(x!, "broadcast");
      if (inner === null || !sameShape(withoutOnes(inner.shape), withoutOnes(shape))) return null;
      // The axes that are not of size 1 keep their order, so each finds the size it had before it
      // was stretched.
      const source = inner.operands[0]!;
      const before = source.shape.filter((_, axis) => !isOne(inner.shape[axis]!));
      let next = 0;
      const reshaped = shape.map((size) => (isOne(size) ? ONE : before[next++]!));
      return b.broadcast(b.reshape(source, reshaped), shape);
    },
  },
  {
    name: "slice-all",
    formula: "x[:] → x; embed likewise",
    at: ["slice", "embed"],
    rewrite(_, node) {
      if (node.op !== "slice" && node.op !== "embed") return null;
      const x = node.operands[0]!;
      const whole = node.attributes.axes.every(
        ({ start, fromEnd, step }) => start === 0 && !fromEnd && step === 1,
      );
      return whole && sameShape(x.shape, node.shape) ? x : null;
    },
  },
  {
    name: "embed-twice",
    formula: "embed of embed → one embed",
    at: ["embed"],
    rewrite({ b, as }, node) {
      if (node.op !== "embed") return null;
      const inner = as(node.operands[0]!, "embed");
      if (inner === null) return null;
      const axes = node.attributes.axes.map((outer, i) => composed(outer, inner.attributes.axes[i]!));
      const known = axes.filter((axis) => axis !== null);
      return known.length === axes.length ? b.embed(inner.operands[0]!, known, node.shape) : null;
    },
  },
  {
    name: "slice-twice",
    formula: "slice of slice → one slice",
    at: ["slice"],
    rewrite({ b, as }, node) {
      if (node.op !== "slice") return null;
      const inner = as(node.operands[0]!, "slice");
      if (inner === null) return null;
      const axes = node.attributes.axes.map((outer, i) => composed(inner.attributes.axes[i]!, outer));
      const known = axes.filter((axis) => axis !== null);
      return known.length === axes.length ? b.slice(inner.operands[0]!, known, node.shape) : null;
    },
  },
  sliceOfConcat,
  sliceOfProduct,
  concatOfSlices,
  {
    name: "slice-embedded",
    formula: "the slice that undoes an embed → x",
    at: ["slice"],
    rewrite({ as }, node) {
      if (node.op !== "slice") return null;
      const inner = as(node.operands[0]!, "embed");
      if (inner === null || !sameShape(inner.operands[0]!.shape, node.shape)) return null;
      const same = inner.attributes.axes.every((axis, i) => sameAxis(axis, node.attributes.axes[i]!));
      return same ? inner.operands[0]! : null;
    },
  },
  {
    name: "compute-before-stretching",
    formula: "f(broadcast x, broadcast y, c) → broadcast f(x, y, c)",
    at: elementwiseNames,
    rewrite({ b }, node) {
      if (!isElementwise(node) || !node.operands.every((x) => x.op === "broadcast" || isConstant(x)))
        return null;
      const sources = node.operands.flatMap((x) => (x.op === "broadcast" ? [x.operands[0]!.shape] : []));
      const shape = node.shape.map((size, axis) => (sources.every((s) => isOne(s[axis]!)) ? ONE : size));
      if (sources.length === 0 || sameShape(shape, node.shape)) return null;
      const small = node.operands.map((x) => resized(b, x.op === "broadcast" ? x.operands[0]! : x, shape));
      return b.broadcast(remake(b.graph, node, small), node.shape);
    },
  },
  {
    name: "compute-before-reshaping",
    formula: "f(reshape x, reshape y, c) → reshape f(x, y, c)",
    at: elementwiseNames,
    rewrite({ b }, node) {
      if (!isElementwise(node)) return null;
      const reshaped = node.operands.filter((x) => !isConstant(x));
      const shape = reshaped[0]?.operands[0]?.shape;
      if (shape === undefined) return null;
      if (!reshaped.every((x) => x.op === "reshape" && sameShape(x.operands[0]!.shape, shape))) return null;
      const flat = node.operands.map((x) => resized(b, x.op === "reshape" ? x.operands[0]! : x, shape));
      return b.reshape(remake(b.graph, node, flat), node.shape);
    },
  },
  {
    name: "transposed-product",
    formula: "(A B)' → B' A'",
    at: ["permute"],
    rewrite({ b, as, isShared }, node) {
      if (node.op !== "permute") return null;
      const product = as(node.operands[0]!, "matmul");
      const { axes } = node.attributes;
      const rank = axes.length;
      const exchanged = axes.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
      if (product === null || !exchanged || isShared(product)) return null;
      const [left, right] = product.operands;
      return b.matmul(b.transpose(right!), b.transpose(left!));
    },
  },
];

const withoutOnes = (shape: Shape): Shape => shape.filter((size) => !isOne(size));

const sameAxis = (a: SliceAxis, c: SliceAxis): boolean =>
  a.start === c.start && a.fromEnd === c.fromEnd && a.step === c.step;

/**
 * Entry start₂ + i step₂ of the entries start₁ + j step₁; null where the inner end is not a known
 * number.
 */
function composed(inner: SliceAxis, outer: SliceAxis): SliceAxis | null {
  if (outer.fromEnd) return null;
  const start = inner.fromEnd
    ? inner.start - outer.start * inner.step
    : inner.start + outer.start * inner.step;
  return { start, fromEnd: inner.fromEnd, step: inner.step * outer.step };
}
