/**
 * Axes that are merged after a formula over them, such as rows of windows with rows in them: what
 * reads the result computes over the axes as they were, since operands of the formula that are
 * stretched along one of them could not be read along the merged one.
 */
import type { Build } from "../../graph/build.ts";
import { remake } from "../../graph/graph.ts";
import type { Node } from "../../ir/node.ts";
import { countOf, isFree, isOne, sameShape, type Shape } from "../../ir/size.ts";
import { elementwiseNames, isElementwise } from "../../ops/elementwise.ts";
import { behindReshapes } from "../../ops/movement.ts";
import type { Rule } from "../rewrite.ts";
import { resized } from "./match.ts";

/** How deep formulas are read. */
const DEEPEST = 8;

/** For each axis of `merged` how many of `fine` it is made of; null where it is not made of them. */
function runs(fine: Shape, merged: Shape): number[] | null {
  const counts: number[] = [];
  let next = 0;
  for (const size of merged) {
    const first = next;
    let product = 1;
    let free = false;
    do {
      const more = fine[next++];
      if (more === undefined) return null;
      product *= countOf(more);
      free ||= isFree(more);
    } while (product < countOf(size) || free !== isFree(size));
    if (product !== countOf(size)) return null;
    counts.push(next - first);
  }
  return next === fine.length ? counts : null;
}

/** Whether an operand of a formula is stretched along some of the axes that become one. */
function isScattered(x: Node, counts: readonly number[], depth = DEEPEST): boolean {
  if (x.op === "broadcast") {
    const before = x.operands[0]!.shape;
    let next = 0;
    return counts.some((count) => {
      const axes = Array.from({ length: count }, () => next++).filter((axis) => !isOne(x.shape[axis]!));
      const stretched = axes.filter((axis) => isOne(before[axis]!)).length;
      return stretched > 0 && stretched < axes.length;
    });
  }
  return (
    isElementwise(x) && depth > 0 && x.operands.some((operand) => isScattered(operand, counts, depth - 1))
  );
}

/** The formula over fine axes that a reshape merges, if it could not be read along merged ones. */
function mergedFormula(node: Node): { readonly fine: Node; readonly counts: readonly number[] } | null {
  const fine = behindReshapes(node);
  if (fine === node || !isElementwise(fine)) return null;
  const counts = runs(fine.shape, node.shape);
  return counts !== null && isScattered(fine, counts) ? { fine, counts } : null;
}

export const merging: readonly Rule[] = [
  {
    name: "lower-before-merging",
    formula: "f(reshape x, y) → reshape f(x, reshape y), where the reshape merges axes",
    at: elementwiseNames,
    rewrite({ b, isShared }, node) {
      if (!isElementwise(node)) return null;
      const found = node.operands.flatMap((x) => (isShared(x) ? [] : (mergedFormula(x) ?? [])));
      const shape = found[0]?.fine.shape;
      if (shape === undefined) return null;
      const operands = node.operands.map((x) => {
        if (sameShape(behindReshapes(x).shape, shape)) return behindReshapes(x);
        return x.op === "constant" ? resized(b, x, shape) : split(b, x, shape);
      });
      return b.reshape(remake(b.graph, node, operands), node.shape);
    },
  },
  {
    name: "lower-sum-before-merging",
    formula: "Σ reshape x → Σ x, where the reshape merges axes that are summed",
    at: ["sum"],
    rewrite({ b }, node) {
      if (node.op !== "sum") return null;
      const found = mergedFormula(node.operands[0]!);
      if (found === null) return null;
      let next = 0;
      const axes = found.counts.flatMap((count, axis) => {
        const own = Array.from({ length: count }, () => next++);
        return node.attributes.axes.includes(axis) ? own : [];
      });
      return b.reshape(b.sum(found.fine, axes), node.shape);
    },
  },
];

/** An operand over fine axes; of what is stretched, what it was before. */
function split(b: Build, x: Node, shape: Shape): Node {
  if (x.op !== "broadcast") return b.reshape(x, shape);
  const counts = runs(shape, x.shape);
  const before = x.operands[0]!;
  if (counts === null) return b.reshape(x, shape);
  let next = 0;
  const sizes = counts.flatMap((count, axis) => {
    const own = Array.from({ length: count }, () => shape[next++]!);
    return isOne(before.shape[axis]!) ? own.map(() => before.shape[axis]!) : own;
  });
  return b.broadcast(b.reshape(before, sizes), shape);
}

/** Axes exchanged, in a formula by way of its operands. */
export function turned(b: Build, x: Node, axes: readonly number[], depth = DEEPEST): Node {
  if (x.op === "broadcast") {
    const shape = axes.map((axis) => x.shape[axis]!);
    return b.broadcast(b.permute(x.operands[0]!, axes), shape);
  }
  if (x.op === "constant") {
    const shape = axes.map((axis) => x.shape[axis]!);
    return b.constant(x.attributes.value, shape, x.type);
  }
  if (!isElementwise(x) || depth === 0) return b.permute(x, axes);
  return remake(
    b.graph,
    x,
    x.operands.map((operand) => turned(b, operand, axes, depth - 1)),
  );
}
