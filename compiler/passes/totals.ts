/**
 * Sums over the places of a loop. What is linear is applied to the sum instead of to each place, and
 * a sum of products is one product with the places in its depth,
 * Σ_t Aₜ Bₜ = [A₁ A₂ …] [B₁; B₂; …].
 */
import type { Build } from "../graph/build.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { countOf, isFree, multiplySize, type Size } from "../ir/size.ts";
import { isView } from "../ops/movement.ts";
import { asStack, type Everywhere } from "./lift.ts";

/** How operands take part in the sum of a node over all places: as sums, or place by place. */
export type Total =
  /** The op of the sums of some operands, and of the others, which are the same everywhere. */
  | { readonly kind: "inside"; readonly summed: readonly number[] }
  /** A product of sums would not do: a product of the stacks of both. */
  | { readonly kind: "product" }
  /** Rows added into one table, those of all places at once. */
  | { readonly kind: "scatter" }
  /** The sum of the stack. */
  | { readonly kind: "stack" };

/**
 * @param isInside whether an operand differs from place to place
 * @param isDeep whether something beneath an operand is better summed there
 */
export function totalOf(
  node: Node,
  isInside: (operand: Node) => boolean,
  isDeep: (operand: Node) => boolean,
): Total {
  const inside = node.operands.flatMap((x, i) => (isInside(x) ? [i] : []));
  const deep = (): Total =>
    inside.some((i) => isDeep(node.operands[i]!)) ? { kind: "inside", summed: inside } : { kind: "stack" };
  switch (node.op) {
    case "matmul": {
      const free = (operand: number, axis: number): boolean =>
        isFree(node.operands[operand]!.shape.at(axis)!);
      // The depth is the only axis that may be N then.
      if (inside.length === 2) return free(0, -2) || free(1, -1) ? { kind: "stack" } : { kind: "product" };
      return { kind: "inside", summed: inside };
    }
    case "scatter":
      return inside.includes(1) ? { kind: "scatter" } : { kind: "inside", summed: inside };
    case "mul":
      return inside.length === 1 ? deep() : { kind: "stack" };
    case "div":
      return inside.length === 1 && inside[0] === 0 ? deep() : { kind: "stack" };
    case "add":
    case "sub":
      // An operand that is the same everywhere would have to be taken as often as there are places.
      return inside.length === 2 ? deep() : { kind: "stack" };
    case "neg":
    case "sum":
    case "concat":
    case "embed":
    case "fold":
      return inside.length === node.operands.length ? deep() : { kind: "stack" };
    default:
      return isView(node) ? deep() : { kind: "stack" };
  }
}

/** Whether a sum over places is better taken beneath a node than of its stack. */
export const isDeepTotal = (total: Total): boolean => total.kind !== "stack";

/** The sum of a node that is a `product` or a `scatter`, from what its operands are at all places. */
export function joined(
  b: Build,
  node: NodeOf<"matmul"> | NodeOf<"scatter">,
  length: Size,
  operands: readonly Everywhere[],
): Node {
  const [left, right] = operands.map((x) => asStack(b, length, x)) as [Node, Node];
  if (node.op === "matmul") {
    const a = b.transpose(depthOfAll(b, b.transpose(left)));
    return b.graph.make("matmul", [a, depthOfAll(b, right)], {}, node.origin) as unknown as Node;
  }
  const { batch, count } = node.attributes;
  // [T, ...B, ...] as [...B, T, ...]: the places are further ids.
  const inward = (x: Node): Node =>
    b.permute(
      x,
      x.shape.map((_, axis) => (axis < batch ? axis + 1 : axis === batch ? 0 : axis)),
    );
  return b.graph.make(
    "scatter",
    [inward(left), inward(right)],
    { batch, count },
    node.origin,
  ) as unknown as Node;
}

/** [T, ..., k, n] as [..., T·k, n]. */
function depthOfAll(b: Build, stack: Node): Node {
  const rank = stack.shape.length;
  const batch = Array.from({ length: rank - 3 }, (_, axis) => axis + 1);
  const [length] = stack.shape as [Size, ...Size[]];
  const [depth, columns] = stack.shape.slice(-2) as [Size, Size];
  const inside = b.permute(stack, [...batch, 0, rank - 2, rank - 1]);
  return b.reshape(inside, [
    ...batch.map((axis) => stack.shape[axis]!),
    multiplySize(length, depth),
    columns,
  ]);
}

/** The sum over the first axis, dropped. */
export const sumOfStack = (b: Build, stack: Node): Node => b.reshape(b.sum(stack, [0]), stack.shape.slice(1));

/** As often as there are places. */
export const timesPlaces = (b: Build, node: Node, length: Size): Node => b.mul(node, countOf(length));
