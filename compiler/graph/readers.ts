/** What reads each node. */
import type { Node } from "../ir/node.ts";

/** Up to so many a list is made anew for one more: pushed to, it would have room for sixteen others. */
const FEW = 4;

/** By node, those of `nodes` that it is an operand of; once, whatever the number of their operands that are the node. */
export function readersOf(nodes: Iterable<Node>): Map<Node, Node[]> {
  const readers = new Map<Node, Node[]>();
  for (const node of nodes) {
    for (const [i, operand] of node.operands.entries()) {
      if (node.operands.indexOf(operand) < i) continue;
      const known = readers.get(operand);
      if (known === undefined) readers.set(operand, [node]);
      else if (known.length < FEW) readers.set(operand, known.concat(node));
      else known.push(node);
    }
  }
  return readers;
}
