/** Where the axes of a view come from. */
import type { Node } from "../../ir/node.ts";
import { countOf, isOne, type Shape } from "../../ir/size.ts";
import { isView, type ViewNode } from "../../ops/movement.ts";

/**
 * The axis of what lies in memory under a chain of views that `axis` of the view runs along, or the
 * outermost of these: what comes of a smaller one lies further apart.
 */
export function axisOfMemory(view: Node, axis: number): number {
  let node = view;
  while (isView(node)) {
    const operand = node.operands[0]!;
    axis = axisBefore(node, operand.shape, axis);
    node = operand;
  }
  return axis;
}

function axisBefore(node: ViewNode, before: Shape, axis: number): number {
  switch (node.op) {
    case "permute":
      return node.attributes.axes[axis]!;
    case "broadcast":
    case "slice":
      return axis;
    case "windows":
      return axis === node.shape.length - 1 ? node.attributes.axis : axis;
    case "reshape": {
      // The last one that begins no later, by the entries that go before.
      const start = product(node.shape.slice(0, axis));
      const from = before.findLastIndex((size, k) => !isOne(size) && product(before.slice(0, k)) <= start);
      return Math.max(0, from);
    }
    default:
      return node satisfies never;
  }
}

const product = (shape: Shape): number => shape.reduce((all, size) => all * countOf(size), 1);
