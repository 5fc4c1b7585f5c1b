/** Reductions and products whose operands are the same all over, or that have nothing to sum. */
import type { Node, NodeOf, ReductionName } from "../../ir/node.ts";
import { elements, isEmpty, isOne, ONE, sameSize, type Shape } from "../../ir/size.ts";
import type { Rule } from "../rewrite.ts";
import { isConstant, isScale, resized, unspread } from "./match.ts";

export const reductions: readonly Rule[] = [
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
    name: "reduce-twice-apart",
    formula: "Σ_i reshape Σ_j x → reshape Σ_ij x, where axes of size 1 come or go; Π, max and min likewise",
    at: ["sum", "prod", "reduce_max", "reduce_min"],
    rewrite({ b, as }, node) {
      if (!isFold(node)) return null;
      const view = as(node.operands[0]!, "reshape");
      const inner = view === null ? null : as(view.operands[0]!, node.op);
      if (view === null || inner === null) return null;
      const [before, after] = [wideAxes(inner.shape), wideAxes(view.shape)];
      const isSame =
        before.length === after.length &&
        before.every((axis, i) => sameSize(inner.shape[axis]!, view.shape[after[i]!]!));
      if (!isSame) return null;
      const more = before.filter((_, i) => node.attributes.axes.includes(after[i]!));
      const axes = new Set([...inner.attributes.axes, ...more]);
      return b.reshape(b.reduce(node.op, inner.operands[0]!, [...axes]), node.shape);
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
      if (stretched.length === 0 || times === null || isEmpty(times)) return null;
      const shape: Shape = x.shape.map((size, axis) => (stretched.includes(axis) ? ONE : size));
      const once = isConstant(x) ? b.constant(x.attributes.value, shape, x.type) : b.broadcast(source, shape);
      const rest = b.reduce(
        node.op,
        once,
        axes.filter((axis) => !stretched.includes(axis)),
      );
      if (node.op !== "sum") return rest;
      const count = b.extent(times, rest.shape);
      return b.mul(rest, isConstant(count) ? count.attributes.value : count);
    },
  },
];

export const products: readonly Rule[] = [
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

/** The axes of another size than 1. */
const wideAxes = (shape: Shape): number[] => shape.flatMap((size, axis) => (isOne(size) ? [] : [axis]));

type Fold = NodeOf<"sum"> | NodeOf<"prod"> | NodeOf<"reduce_max"> | NodeOf<"reduce_min">;
const FOLDS: readonly ReductionName[] = ["sum", "prod", "reduce_max", "reduce_min"];
const isFold = (node: Node): node is Fold & Node => FOLDS.some((name) => name === node.op);
