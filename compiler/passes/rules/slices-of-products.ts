/**
 * (A B)[i, j] = A[i, :] B[:, j]: of a product that nothing but slices reads, no more is computed than
 * they read. A bias, an activation and a reshape may stand between, as they do in a layer.
 */
import { remake } from "../../graph/graph.ts";
import type { Node, SliceAxis } from "../../ir/node.ts";
import { countOf, fixed, isFree, isOne, ONE, sameSize, type Shape } from "../../ir/size.ts";
import { isElementwise } from "../../ops/elementwise.ts";
import type { Rule, Site } from "../rewrite.ts";
import { isConstant, resized } from "./match.ts";

/** What a slice reads. */
interface Cut {
  readonly axes: readonly SliceAxis[];
  readonly shape: Shape;
}

/** Slices of one tensor that are looked at together: more will leave little of it out. */
const MOST_SLICES = 64;

/** Ops that may stand between a product and its slice. */
const MOST_LINKS = 16;

const ALL: SliceAxis = { start: 0, fromEnd: false, step: 1 };

export const sliceOfProduct: Rule = {
  name: "slice-of-product",
  formula: "(A B)[i, j] → A[i, :] B[:, j], where nothing reads the rest",
  at: ["slice"],
  rewrite(site, node) {
    if (node.op !== "slice") return null;
    const x = node.operands[0]!;
    const readers = site.readers(x);
    if (readers === null || readers.length > MOST_SLICES) return null;
    const alone = readers.length === 1;
    const cut: Cut | null = alone
      ? { axes: node.attributes.axes, shape: node.shape }
      : hull(readers, x.shape);
    const isSmaller = cut?.shape.some((size, axis) => !sameSize(size, x.shape[axis]!)) === true;
    if (!isSmaller || !isOfProduct(site, x)) return null;
    const smaller = sliced(site, x, cut);
    if (smaller === null || alone) return smaller;
    const axes = node.attributes.axes.map((axis, i) => ({
      ...axis,
      start: axis.start - cut.axes[i]!.start,
    }));
    return site.b.slice(smaller, axes, node.shape);
  },
};

/** The least box that has all that slices read; null where another reads too, or where it is not known. */
function hull(readers: readonly Node[], whole: Shape): Cut | null {
  const from = whole.map((size) => (isFree(size) ? 0 : countOf(size)));
  const to = whole.map(() => 0);
  for (const reader of readers) {
    if (reader.op !== "slice") return null;
    for (const [axis, { start, fromEnd, step }] of reader.attributes.axes.entries()) {
      const size = reader.shape[axis]!;
      if (isFree(whole[axis]!)) {
        if (start !== 0 || fromEnd || step !== 1 || !sameSize(size, whole[axis]!)) return null;
        continue;
      }
      if (fromEnd || step < 1) return null;
      from[axis] = Math.min(from[axis]!, start);
      to[axis] = Math.max(to[axis]!, start + (countOf(size) - 1) * step + 1);
    }
  }
  return {
    axes: from.map((start) => ({ ...ALL, start })),
    shape: whole.map((size, axis) => (isFree(size) ? size : fixed(to[axis]! - from[axis]!))),
  };
}

/** Whether nothing but what a slice of `x` can be taken before lies between it and a product. */
function isOfProduct(site: Site, x: Node, links = MOST_LINKS): boolean {
  if (links === 0 || site.as(x, x.op) === null) return false;
  if (x.op === "matmul") return true;
  const behind = isElementwise(x) || x.op === "reshape" ? x.operands : [];
  return behind.some((operand) => isReadOnce(site, operand) && isOfProduct(site, operand, links - 1));
}

const isReadOnce = (site: Site, x: Node): boolean => site.readers(x)?.length === 1;

/** The slice of what `isOfProduct`; null where a reshape moves what is cut. */
function sliced(site: Site, x: Node, cut: Cut): Node | null {
  const { b } = site;
  const { axes, shape } = cut;
  if (x.op === "matmul") {
    const [left, right] = x.operands;
    const rank = shape.length;
    const of = (factor: Node, kept: number): Node =>
      operandOf(site, factor, {
        axes: axes.with(kept, ALL),
        shape: shape.with(kept, factor.shape[kept]!),
      });
    return b.matmul(of(left!, rank - 1), of(right!, rank - 2));
  }
  if (x.op === "reshape") {
    const inner = x.operands[0]!;
    const [last, own] = [shape.length - 1, inner.shape.length - 1];
    const isColumns =
      own >= 0 &&
      sameSize(inner.shape[own]!, x.shape[last]!) &&
      shape.every((size, axis) => axis === last || (isAll(axes[axis]!) && sameSize(size, x.shape[axis]!)));
    if (!isColumns) return null;
    const columns: Cut = {
      axes: inner.shape.map((_, axis) => (axis === own ? axes[last]! : ALL)),
      shape: inner.shape.with(own, shape[last]!),
    };
    return b.reshape(operandOf(site, inner, columns), shape);
  }
  if (!isElementwise(x)) return null;
  return remake(
    b.graph,
    x,
    x.operands.map((operand) => operandOf(site, operand, cut)),
    b.origin,
  );
}

const isAll = ({ start, fromEnd, step }: SliceAxis): boolean => start === 0 && !fromEnd && step === 1;

/** The slice of an operand, taken as early as it can be. */
function operandOf(site: Site, x: Node, cut: Cut): Node {
  const { b } = site;
  if (isConstant(x)) return resized(b, x, cut.shape);
  if (x.op === "broadcast") {
    const source = x.operands[0]!;
    const small: Cut = {
      axes: cut.axes.map((axis, i) => (isOne(source.shape[i]!) ? ALL : axis)),
      shape: cut.shape.map((size, i) => (isOne(source.shape[i]!) ? ONE : size)),
    };
    return b.broadcast(operandOf(site, source, small), cut.shape);
  }
  const isWhole = cut.axes.every(isAll) && cut.shape.every((size, axis) => sameSize(size, x.shape[axis]!));
  if (isWhole) return x;
  const early = isReadOnce(site, x) && isOfProduct(site, x) ? sliced(site, x, cut) : null;
  return early ?? b.slice(x, cut.axes, cut.shape);
}
