/** What of a graph is drawn: neither views nor the numbers that stand in the labels of their users. */
import { isReshaped } from "../derive/names.ts";
import type { Node } from "../ir/node.ts";

/** As in formulas; and a number's type is not drawn either. */
export const isView = (node: Node): boolean => isReshaped(node) || node.op === "cast";

/** What a view is a view of. */
export function unviewed(node: Node): Node {
  let source = node;
  while (isView(source)) source = source.operands[0]!;
  return source;
}

/** A number written out in the label of what uses it: a constant, a size, one over it. */
export function isNumber(node: Node): boolean {
  if (node.op === "constant" || node.op === "extent") return true;
  return (
    node.operands.length > 0 &&
    node.shape.length === 0 &&
    node.operands.every((operand) => isNumber(unviewed(operand)))
  );
}

export const isDrawn = (node: Node): boolean => !isView(node) && !isNumber(node);
