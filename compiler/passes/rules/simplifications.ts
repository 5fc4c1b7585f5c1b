/**
 * Formulas that cost more than they need, and cheaper ones of the same value: to the bit, or to rounding where a constant is folded or a sum
 * is joined. None makes or hides a NaN or an infinity (so `0 · x` stays), and none re-associates sums of tensors.
 */
import type { Build } from "../../ir/build.ts";
import { remake } from "../../ir/graph.ts";
import type { ElementwiseName, Node, NodeOf, OpName, ReductionName, SliceAxis } from "../../ir/node.ts";
import { elements, isOne, ONE, sameShape, type Shape } from "../../ir/size.ts";
import type { Environment, Op } from "../../ops/op.ts";
import { ops } from "../../ops/table.ts";
import type { Rule, Site } from "../rewrite.ts";
import { isConstant, orders, unspread } from "./match.ts";

/** Elementwise ops and reductions by the family of their records. */
const namesOf = (family: Op<OpName>["family"]): OpName[] =>
  Object.values(ops).flatMap((op) => (op.family === family ? [op.name] : []));
const ELEMENTWISE = namesOf("elementwise");

const isElementwise = (node: Node): node is NodeOf<ElementwiseName> & Node =>
  ops[node.op].family === "elementwise";

const arithmetic: readonly Rule[] = [
  {
    name: "fold-constants",
    formula: "f(2, 3) → its value",
    at: ELEMENTWISE,
    rewrite({ b }, node) {
      if (!node.operands.every((x) => isConstant(x))) return null;
      const numbers = node.operands.map((x) => (isConstant(x) ? x.attributes.value : NaN));
      return b.constant(valueOf(node, numbers), node.shape, node.type);
    },
  },
  {
    name: "constant-last",
    formula: "c + x → x + c, c x → x c",
    at: ["add", "mul"],
    rewrite({ b }, node) {
      const [a, c] = node.operands;
      if (!isConstant(a!) || isConstant(c!)) return null;
      return node.op === "add" ? b.add(c!, a) : b.mul(c!, a);
    },
  },
  {
    name: "add-zero",
    formula: "x ± 0 → x",
    at: ["add", "sub"],
    rewrite: (_, { operands: [x, zero], type }) => (isConstant(zero!, 0) && x!.type === type ? x! : null),
  },
  {
    name: "subtract-from-zero",
    formula: "0 - x → -x",
    at: ["sub"],
    rewrite: ({ b }, { operands: [zero, x] }) => (isConstant(zero!, 0) ? b.neg(x!) : null),
  },
  {
    name: "times-one",
    formula: "x · 1 → x, x / 1 → x",
    at: ["mul", "div"],
    rewrite: (_, { operands: [x, one], type }) => (isConstant(one!, 1) && x!.type === type ? x! : null),
  },
  {
    name: "times-minus-one",
    formula: "x · -1 → -x, x / -1 → -x",
    at: ["mul", "div"],
    rewrite: ({ b }, { operands: [x, one], type }) =>
      isConstant(one!, -1) && x!.type === type ? b.neg(x!) : null,
  },
  {
    name: "divide-by-power-of-two",
    formula: "x / 2^k → x · 2^-k",
    at: ["div"],
    rewrite({ b }, { operands: [x, c] }) {
      if (!isConstant(c!) || !isPowerOfTwo(c.attributes.value)) return null;
      return b.mul(x!, 1 / c.attributes.value);
    },
  },
  {
    name: "one-over",
    formula: "1 / x → reciprocal x",
    at: ["div"],
    rewrite: ({ b }, { operands: [one, x] }) => (isConstant(one!, 1) ? b.reciprocal(x!) : null),
  },
  {
    name: "merge-factors",
    formula: "(x a) b → x (a b), for numbers a and b",
    at: ["mul"],
    rewrite({ b, as }, { operands: [scaled, c] }) {
      const inner = as(scaled!, "mul");
      const a = inner?.operands[1];
      if (inner === null || a === undefined || !isConstant(a) || !isConstant(c!)) return null;
      const product = a.attributes.value * c.attributes.value;
      // A product out of range is not the product of the two in steps.
      return isOrdinary(product) ? b.mul(inner.operands[0]!, product) : null;
    },
  },
  {
    name: "double-negation",
    formula: "--x → x",
    at: ["neg"],
    rewrite: ({ as }, { operands: [x] }) => as(x!, "neg")?.operands[0] ?? null,
  },
  {
    name: "negated-difference",
    formula: "-(a - b) → b - a",
    at: ["neg"],
    rewrite({ b, as }, { operands: [x] }) {
      const difference = as(x!, "sub");
      return difference === null ? null : b.sub(difference.operands[1]!, difference.operands[0]!);
    },
  },
  {
    name: "negated-scale",
    formula: "-(x c) → x (-c), for a number c",
    at: ["neg"],
    rewrite({ b, as }, { operands: [x] }) {
      const product = as(x!, "mul");
      const c = product?.operands[1];
      return product === null || c === undefined || !isConstant(c)
        ? null
        : b.mul(product.operands[0]!, -c.attributes.value);
    },
  },
  {
    name: "add-negated",
    formula: "a + -b → a - b, -a + b → b - a, a - -b → a + b, -a - b → -(a + b)",
    at: ["add", "sub"],
    rewrite(site, node) {
      if (node.op === "sub") {
        const right = withoutMinus(site, node.operands[1]!);
        if (right !== null) return site.b.add(node.operands[0]!, right);
        const left = site.as(node.operands[0]!, "neg");
        return left === null ? null : site.b.neg(site.b.add(left.operands[0]!, node.operands[1]!));
      }
      for (const [x, y] of orders(node)) {
        const positive = withoutMinus(site, y);
        if (positive !== null) return site.b.sub(x, positive);
      }
      return null;
    },
  },
  {
    name: "twice",
    formula: "x + x → 2 x",
    at: ["add"],
    rewrite: ({ b }, { operands: [x, y] }) => (x === y ? b.mul(x!, 2) : null),
  },
  {
    name: "common-factor",
    formula: "c x ± c y → c (x ± y), where c is a number or the inverse of a size; where(t, c, 0) is c [t]",
    at: ["add", "sub"],
    rewrite(site, node) {
      const { b } = site;
      const [left, right] = node.operands.map((x) => factors(site, x));
      for (const [c, x] of left!) {
        for (const [d, y] of right!) {
          if (c === d && isScale(c)) return b.mul(node.op === "add" ? b.add(x, y) : b.sub(x, y), c);
        }
      }
      return null;
    },
  },
  {
    name: "negated-factor",
    formula: "-a · b → -(a b), -a / b → -(a / b), a / -b → -(a / b)",
    at: ["mul", "div"],
    rewrite({ b, as }, node) {
      const [x, y] = node.operands.map((operand) => as(operand, "neg")?.operands[0] ?? null);
      if (x === null && y === null) return null;
      const [u, v] = [x ?? node.operands[0]!, y ?? node.operands[1]!];
      const product = node.op === "mul" ? b.mul(u, v) : b.div(u, v);
      return x !== null && y !== null ? product : b.neg(product);
    },
  },
  {
    name: "negated-sum",
    formula: "Σ -x → -Σ x",
    at: ["sum"],
    rewrite({ b, as }, node) {
      if (node.op !== "sum") return null;
      const inner = as(node.operands[0]!, "neg");
      return inner === null ? null : b.neg(b.sum(inner.operands[0]!, node.attributes.axes));
    },
  },
  {
    name: "small-powers",
    formula: "x^-2, x^-1, x^-½, x^0, x^½, x^1, x^2, x^3 → 1/x², 1/x, 1/√x, 1, √x, x, x x, x x x",
    at: ["pow"],
    rewrite({ b }, { operands: [x, p], shape }) {
      switch (isConstant(p!) ? p.attributes.value : NaN) {
        case -2:
          return b.reciprocal(b.mul(x!, x!));
        case -1:
          return b.reciprocal(x!);
        case -0.5:
          return b.reciprocal(b.sqrt(x!));
        case 0:
          return b.constant(1, shape);
        case 0.5:
          return b.sqrt(x!);
        case 1:
          return b.add(x!, 0);
        case 2:
          return b.mul(x!, x!);
        case 3:
          return b.mul(b.mul(x!, x!), x!);
        default:
          return null;
      }
    },
  },
  {
    name: "known-choice",
    formula: "where(true, a, b) → a, where(c, a, a) → a",
    at: ["where"],
    rewrite(_, { operands: [c, a, otherwise], type }) {
      const chosen =
        a === otherwise ? a! : isConstant(c!) ? (c.attributes.value === 0 ? otherwise! : a!) : null;
      return chosen?.type === type ? chosen : null;
    },
  },
  {
    name: "negated-choice",
    formula: "where(not c, a, b) → where(c, b, a)",
    at: ["where"],
    rewrite({ b, as }, { operands: [c, a, otherwise] }) {
      const inner = as(c!, "not");
      return inner === null ? null : b.where(inner.operands[0]!, otherwise!, a!);
    },
  },
  {
    name: "joined-choices",
    formula: "where(c, a, 0) + where(c, 0, b) → where(c, a, b)",
    at: ["add"],
    rewrite({ b, as }, node) {
      for (const [x, y] of orders(node)) {
        const [left, right] = [as(x, "where"), as(y, "where")];
        if (left === null || right === null || left.operands[0] !== right.operands[0]) continue;
        const [c, a, zero] = left.operands;
        const [, nought, otherwise] = right.operands;
        if (isConstant(zero!, 0) && isConstant(nought!, 0)) return b.where(c!, a!, otherwise!);
      }
      return null;
    },
  },
  {
    name: "double-not",
    formula: "not not x → x",
    at: ["not"],
    rewrite: ({ as }, { operands: [x] }) => as(x!, "not")?.operands[0] ?? null,
  },
];

const reductions: readonly Rule[] = [
  {
    name: "reduce-size-one",
    formula: "Σ over an axis of size 1 → x; Π, max and min likewise",
    at: ["sum", "prod", "reduce_max", "reduce_min"],
    rewrite({ b }, node) {
      if (!isFold(node)) return null;
      const x = node.operands[0]!;
      const axes = node.attributes.axes.filter((axis) => !isOne(x.shape[axis]!));
      return axes.length === node.attributes.axes.length ? null : b.reduce(node.op, x, axes);
    },
  },
  {
    name: "reduce-twice",
    formula: "Σ_i Σ_j x → Σ_ij x; Π, max and min likewise",
    at: ["sum", "prod", "reduce_max", "reduce_min"],
    rewrite({ b, as }, node) {
      if (!isFold(node)) return null;
      const inner = as(node.operands[0]!, node.op);
      if (inner === null) return null;
      const axes = new Set([...inner.attributes.axes, ...node.attributes.axes]);
      return b.reduce(node.op, inner.operands[0]!, [...axes]);
    },
  },
  {
    name: "reduce-stretched",
    formula: "Σ over an axis that x was stretched along → n x; max and min → x",
    at: ["sum", "reduce_max", "reduce_min"],
    rewrite({ b }, node) {
      if (!isFold(node) || node.op === "prod") return null;
      const x = node.operands[0]!;
      const { axes } = node.attributes;
      const source = x.op === "broadcast" ? x.operands[0]! : x;
      const same = x.op === "constant" ? axes : axes.filter((axis) => isOne(source.shape[axis]!));
      const stretched = same.filter((axis) => !isOne(x.shape[axis]!));
      const times = elements(stretched.map((axis) => x.shape[axis]!));
      if (stretched.length === 0 || times === null || (times.count === 0 && !times.free)) return null;
      const shape: Shape = x.shape.map((size, axis) => (stretched.includes(axis) ? ONE : size));
      const once = isConstant(x) ? b.constant(x.attributes.value, shape, x.type) : b.broadcast(source, shape);
      const rest = b.reduce(
        node.op,
        once,
        axes.filter((axis) => !stretched.includes(axis)),
      );
      if (node.op !== "sum") return rest;
      const count = b.extent(times, rest.shape);
      return node.type === "float" || !isConstant(count)
        ? keepType(node, b.mul(rest, count))
        : b.mul(rest, count.attributes.value);
    },
  },
];

const views: readonly Rule[] = [
  {
    name: "view-of-constant",
    formula: "a view of a number → the number",
    at: ["reshape", "permute", "broadcast", "slice"],
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
      // The axes that are not of size 1 keep their order, so each finds the size it had before it was stretched.
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
    at: ELEMENTWISE,
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
    at: ELEMENTWISE,
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
    rewrite({ b, as }, node) {
      if (node.op !== "permute") return null;
      const product = as(node.operands[0]!, "matmul");
      const { axes } = node.attributes;
      const rank = axes.length;
      const exchanged = axes.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
      if (product === null || !exchanged) return null;
      const [left, right] = product.operands;
      return b.matmul(b.transpose(right!), b.transpose(left!));
    },
  },
];

const products: readonly Rule[] = [
  {
    name: "outer-product",
    formula: "A B over a depth of 1 → a_i b_j",
    at: ["matmul"],
    rewrite({ b }, { operands: [left, right] }) {
      return isOne(left!.shape.at(-1)!) ? b.mul(left!, right!) : null;
    },
  },
  {
    name: "product-with-scale",
    formula: "Σ_k c b_kj → c Σ_k b_kj, where c is a number or the inverse of a size; on the right likewise",
    at: ["matmul"],
    rewrite({ b }, { operands: [left, right], shape }) {
      const rank = shape.length;
      const scaled = (scale: Node, sum: Node): Node =>
        b.mul(b.broadcast(sum, shape), resized(b, unspread(scale), shape));
      if (isScale(left!)) return scaled(left!, b.sum(right!, [rank - 2]));
      return isScale(right!) ? scaled(right!, b.sum(left!, [rank - 1])) : null;
    },
  },
];

export const simplifications: readonly Rule[] = [...arithmetic, ...reductions, ...views, ...products];

/** The ways in which x is a product. */
function factors({ as, b }: Site, x: Node): readonly (readonly [Node, Node])[] {
  const product = as(x, "mul");
  if (product !== null) return orders(product);
  const [test, then, otherwise] = as(x, "where")?.operands ?? [];
  return otherwise !== undefined && isConstant(otherwise, 0) ? [[then!, b.cast(test!)]] : [];
}

/**
 * -x, where x carries a minus that costs nothing to leave out: its own, or that of a number spread over it as a factor or a branch.
 */
function withoutMinus(site: Site, x: Node, depth = 4): Node | null {
  const { b, as } = site;
  if (depth === 0) return null;
  const own = as(x, "neg");
  if (own !== null) return own.operands[0]!;
  const view = as(x, "broadcast") ?? as(x, "reshape");
  if (view !== null) {
    const inner = withoutMinus(site, view.operands[0]!, depth - 1);
    return inner === null ? null : remake(b.graph, view as unknown as Node, [inner]);
  }
  const product = as(x, "mul");
  for (const [u, v] of product === null ? [] : orders(product)) {
    const positive = v.op === "broadcast" ? withoutMinus(site, v, depth - 1) : null;
    if (positive !== null) return b.mul(positive, u);
  }
  const choice = as(x, "where");
  if (choice !== null) {
    const [c, then, otherwise] = choice.operands;
    if (isConstant(otherwise!, 0)) {
      const positive = withoutMinus(site, then!, depth - 1);
      return positive === null ? null : b.where(c!, positive, 0);
    }
    if (isConstant(then!, 0)) {
      const positive = withoutMinus(site, otherwise!, depth - 1);
      return positive === null ? null : b.where(c!, 0, positive);
    }
  }
  return null;
}

/** A number, or one over a size, spread or not. */
function isScale(x: Node): boolean {
  const core = unspread(x);
  if (core.op === "reciprocal") return core.operands[0]!.op === "extent";
  return isConstant(core) && isOrdinary(core.attributes.value);
}

type Fold = NodeOf<"sum"> | NodeOf<"prod"> | NodeOf<"reduce_max"> | NodeOf<"reduce_min">;
const FOLDS: readonly ReductionName[] = ["sum", "prod", "reduce_max", "reduce_min"];
const isFold = (node: Node): node is Fold & Node => FOLDS.some((name) => name === node.op);

/** `result`, where it has the type of `node`; else null. */
const keepType = (node: Node, result: Node): Node | null => (result.type === node.type ? result : null);

const withoutOnes = (shape: Shape): Shape => shape.filter((size) => !isOne(size));

/** A constant in another shape, or a tensor stretched to it. */
const resized = (b: Build, x: Node, shape: Shape): Node =>
  isConstant(x) ? b.constant(x.attributes.value, shape, x.type) : b.broadcast(x, shape);

const sameAxis = (a: SliceAxis, c: SliceAxis): boolean =>
  a.start === c.start && a.fromEnd === c.fromEnd && a.step === c.step;

/** Entry start₂ + i step₂ of the entries start₁ + j step₁; null where the inner end is not a known number. */
function composed(inner: SliceAxis, outer: SliceAxis): SliceAxis | null {
  if (outer.fromEnd) return null;
  const start = inner.fromEnd
    ? inner.start - outer.start * inner.step
    : inner.start + outer.start * inner.step;
  return { start, fromEnd: inner.fromEnd, step: inner.step * outer.step };
}

const isPowerOfTwo = (c: number): boolean =>
  isOrdinary(c) && Number.isInteger(Math.log2(Math.abs(c))) && 2 ** Math.log2(Math.abs(c)) === Math.abs(c);

/** Whether a number and its inverse are normal in f32: there is no overflow or underflow to it. */
const isOrdinary = (c: number): boolean => Math.abs(c) >= 2 ** -126 && Math.abs(c) <= 2 ** 126;

const NOWHERE: Environment = {
  n: 1,
  inputs: new Map(),
  parameters: new Map(),
  states: new Map(),
  hyper: new Map(),
  step: 0,
  seed: 0,
};

/** An elementwise op of numbers. */
function valueOf(node: Node, numbers: readonly number[]): number {
  // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
  const record = ops[node.op] as unknown as Op<OpName>;
  const operands = numbers.map((number) => ({ shape: [], data: Float64Array.of(number) }));
  return record.evaluate(operands, node as never, NOWHERE).data[0]!;
}
