/** What reads each node. */
import type { Node } from "../ir/node.ts";

/** By node, those of `nodes` that it is an operand of; once, whatever the number of their operands that are the node. */
export function readersOf(nodes: Iterable<Node>): Map<Node, Node[]> {
  const readers = new Map<Node, Node[]>();
  for (const node of nodes) {
    for (const operand of new Set(node.operands)) {
      const known = readers.get(operand);
      if (known === undefined) readers.set(operand, [node]);
      else known.push(node);
    }
  }
  return readers;
}
