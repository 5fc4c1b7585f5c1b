/** What changes with the tensors that a gradient is wanted by: nothing flows back to anything else. */
import { arrivesFrom, type Carries } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";

/**
 * The nodes that depend on `wanted`. What a loop carries does so where its first value does, or what is
 * carried on.
 * @param order what may depend on them, operands before users
 * @param loops the loops in it, by number
 */
export function movedBy(
  wanted: ReadonlySet<Node>,
  order: readonly Node[],
  loops: ReadonlyMap<number, Carries>,
): ReadonlySet<Node> {
  const moving = new Set<Node>();
  const moves = (node: Node): boolean => {
    if (wanted.has(node)) return true;
    if (node.op === "scan") return moving.has(node.operands[0]!);
    return arrivesFrom(node, loops).some((operand) => moving.has(operand));
  };
  for (let before = -1; before < moving.size;) {
    before = moving.size;
    for (const node of order) if (!moving.has(node) && moves(node)) moving.add(node);
    // What is carried on may move what has been looked at.
    if (loops.size === 0) break;
  }
  return moving;
}
