/** The order in which a sweep goes back: users before operands. */
import type { Node } from "../ir/node.ts";
import { isView } from "../ops/movement.ts";
import { nodesOf, type LoopStep, type Step } from "../graph/steps.ts";

/**
 * Users before operands. Sources and views of them that are read several times come last, when all
 * cotangents of products are known.
 */
export function backwards(steps: readonly Step[]): readonly Step[] {
  const sources = new Set<Node>();
  const readers = new Map<Node, number>();
  for (const step of steps) {
    if (step.kind === "node") {
      const { node } = step;
      const isSource = isView(node) ? sources.has(node.operands[0]!) : node.operands.length === 0;
      if (isSource) sources.add(node);
    }
    for (const read of readBy(step)) readers.set(read, (readers.get(read) ?? 0) + 1);
  }
  const last = new Set<Node>();
  const reversed = steps.toReversed();
  for (const step of reversed) {
    if (step.kind === "loop") continue;
    const { node } = step;
    if (!sources.has(node) || (readers.get(node) === 1 && !last.has(node))) continue;
    last.add(node);
    for (const operand of node.operands) last.add(operand);
  }
  const isLast = (step: Step): boolean => step.kind === "node" && last.has(step.node);
  return [...reversed.filter((step) => !isLast(step)), ...reversed.filter(isLast)];
}

const readBy = (step: Step): Iterable<Node> => (step.kind === "node" ? step.node.operands : readsOf(step));

/** What a loop reads that is computed outside of it. */
export function readsOf(step: LoopStep): ReadonlySet<Node> {
  const own = new Set(nodesOf([step]));
  return new Set([...own].flatMap(({ operands }) => operands.filter((operand) => !own.has(operand))));
}
