/**
 * Lifting: an op that a loop applies at each of its places is applied to all of them at once, over
 * stacks with one more leading axis. What is the same at every place is read as it is where the op
 * can, as the weights of a product, and stretched along the new axis where it cannot.
 */
import type { Build } from "../graph/build.ts";
import type { Node, NodeOf, SliceAxis } from "../ir/node.ts";
import { multiplySize, isFree, ONE, type Shape, type Size } from "../ir/size.ts";
import { ops } from "../ops/table.ts";

/** What a node is at all places. */
export type Everywhere =
  /** [T, ...]: each place has its entry. */
  | { readonly kind: "stack"; readonly node: Node }
  /** The same at every place. */
  | { readonly kind: "same"; readonly node: Node };

/** As a stack of `length` entries. */
export const asStack = (b: Build, length: Size, { kind, node }: Everywhere): Node =>
  kind === "stack" ? node : b.broadcast(b.reshape(node, [ONE, ...node.shape]), [length, ...node.shape]);

/** Whether `lift` knows the op. */
export function isLiftable({ op }: Node): boolean {
  const { family } = ops[op];
  return family !== "loop" && family !== "source" && family !== "derivative";
}

const WHOLE: SliceAxis = { start: 0, fromEnd: false, step: 1 };

/**
 * The stack of a node's values, from what its operands are at all places, of which one at least is a
 * stack.
 * @throws RangeError for an op that is not liftable
 */
export function lift(b: Build, node: Node, length: Size, operands: readonly Everywhere[]): Node {
  const stacks = (): Node[] => operands.map((x) => asStack(b, length, x));
  const longer = (shape: Shape): Shape => [length, ...shape];
  const make = <K extends Node["op"]>(
    op: K,
    of: readonly Node[],
    attributes: NodeOf<K>["attributes"],
  ): Node =>
    // The member of the union with this op.
    b.graph.make(op, of, attributes, node.origin) as unknown as Node;
  switch (node.op) {
    case "sum":
    case "prod":
    case "reduce_max":
    case "reduce_min":
    case "logsumexp":
    case "argmax":
      return make(node.op, stacks(), { axes: node.attributes.axes.map((axis) => axis + 1) });
    case "softmax":
    case "concat":
    case "cumsum":
    case "cumprod":
    case "recur":
      return make(node.op, stacks(), { axis: node.attributes.axis + 1 });
    case "windows":
      return make(node.op, stacks(), { ...node.attributes, axis: node.attributes.axis + 1 });
    case "fold":
      return make(node.op, stacks(), { ...node.attributes, axis: node.attributes.axis + 1 });
    case "reshape":
    case "broadcast":
      return make(node.op, stacks(), { shape: longer(node.shape) });
    case "permute":
      return make(node.op, stacks(), { axes: [0, ...node.attributes.axes.map((axis) => axis + 1)] });
    case "slice":
    case "embed": {
      const { axes, shape } = node.attributes;
      return make(node.op, stacks(), { axes: [WHOLE, ...axes], shape: longer(shape) });
    }
    case "matmul":
      return liftProduct(b, node, length, operands);
    case "take":
      return liftTake(b, node, length, operands);
    case "scatter": {
      const { batch, count } = node.attributes;
      return make(node.op, stacks(), { batch: batch + 1, count });
    }
    case "one_hot":
    case "rank":
    case "gather":
      return make(node.op, stacks(), node.attributes);
    default:
      if (ops[node.op].family !== "elementwise") throw new RangeError(`\`${node.op}\` cannot be lifted`);
      return make(node.op, stacks(), {});
  }
}

/** A X_t or X_t B with one factor for all places is one product over the rows of all places. */
function liftProduct(b: Build, node: NodeOf<"matmul">, length: Size, operands: readonly Everywhere[]): Node {
  const [left, right] = operands as readonly [Everywhere, Everywhere];
  const product = (a: Node, c: Node): Node => b.graph.make("matmul", [a, c], {}, node.origin);
  if (right.kind === "same") return rowsOfAll(b, left.node, right.node, product);
  // (A X)' = X' A'; the batch stays in the rows.
  if (left.kind === "same" && !isFree(left.node.shape.at(-2)!)) {
    const turned = rowsOfAll(b, b.transpose(right.node), b.transpose(left.node), product);
    return b.transpose(turned);
  }
  return product(asStack(b, length, left), asStack(b, length, right));
}

/** [T, ..., m, k] by [..., k, n], with the rows of all places as those of one matrix. */
function rowsOfAll(b: Build, stack: Node, factor: Node, product: (a: Node, c: Node) => Node): Node {
  const batch = factor.shape.length - 2;
  const [length] = stack.shape as [Size, ...Size[]];
  const [rows, depth] = stack.shape.slice(-2) as [Size, Size];
  const columns = factor.shape.at(-1)!;
  const leading = factor.shape.slice(0, batch);
  // The places next to the rows, behind the axes of a batch.
  const inside = b.permute(stack, [...leading.map((_, axis) => axis + 1), 0, batch + 1, batch + 2]);
  const all = product(b.reshape(inside, [...leading, multiplySize(length, rows), depth]), factor);
  const apart = b.reshape(all, [...leading, length, rows, columns]);
  return b.permute(apart, [batch, ...leading.map((_, axis) => axis), batch + 1, batch + 2]);
}

/** One table for all places is read as it is. */
function liftTake(b: Build, node: NodeOf<"take">, length: Size, operands: readonly Everywhere[]): Node {
  const [table, ids] = operands as readonly [Everywhere, Everywhere];
  const { batch } = node.attributes;
  const take = (x: Node, y: Node, axes: number): Node =>
    b.graph.make("take", [x, y], { batch: axes }, node.origin);
  if (table.kind === "stack") return take(table.node, asStack(b, length, ids), batch + 1);
  // [T, ...B, ...I] as [...B, T, ...I], and the places in front again.
  const inside = ids.node.shape.map((_, axis) => (axis < batch ? axis + 1 : axis === batch ? 0 : axis));
  const taken = take(table.node, b.permute(ids.node, inside), batch);
  const outside = taken.shape.map((_, axis) => (axis === 0 ? batch : axis <= batch ? axis - 1 : axis));
  return b.permute(taken, outside);
}
