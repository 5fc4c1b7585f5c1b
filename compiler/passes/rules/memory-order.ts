/** Where the axes of a view come from. */
import type { Node } from "../../ir/node.ts";
import { isOne, sameSize } from "../../ir/size.ts";
import { isView } from "../../ops/movement.ts";

/**
 * The axis of what lies in memory under a chain of views that `axis` of the view runs along, from the outermost;
 * null where that is not one axis.
 */
export function axisOfMemory(view: Node, axis: number): number | null {
  let node = view;
  while (isView(node)) {
    const operand = node.operands[0]!;
    const from = axisBefore(node, operand, axis);
    if (from === null) return null;
    axis = from;
    node = operand;
  }
  return axis;
}

function axisBefore(node: Node, operand: Node, axis: number): number | null {
  switch (node.op) {
    case "permute":
      return node.attributes.axes[axis]!;
    case "broadcast":
    case "slice":
      return axis;
    case "reshape": {
      // Axes of size 1 come and go; the others are the same if they are as many and as large.
      const own = node.shape.flatMap((size, k) => (isOne(size) ? [] : [k]));
      const before = operand.shape.flatMap((size, k) => (isOne(size) ? [] : [k]));
      const place = own.indexOf(axis);
      const same = own.every(
        (k, i) => before[i] !== undefined && sameSize(node.shape[k]!, operand.shape[before[i]]!),
      );
      return place >= 0 && same && own.length === before.length ? before[place]! : null;
    }
    default:
      return null;
  }
}
