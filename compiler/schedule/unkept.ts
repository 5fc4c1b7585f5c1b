/** What a model has as not to be kept for late readers: as temporaries. */
import type { Unkept } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";

/**
 * Which buffers hold what lies inside of what is not kept, and which what that begins with.
 * @param stored an entry's temporaries, by node
 */
export function unkeptIn(
  unkept: readonly Unkept[],
  stored: ReadonlyMap<Node, number>,
): { readonly dropped: readonly number[]; readonly kept: readonly number[] } {
  const inside = new Set(unkept.flatMap(insideOf));
  const dropped = [...stored].flatMap(([node, buffer]) => (inside.has(node) ? [buffer] : []));
  const kept: number[] = [];
  // What is not stored itself begins with what it is computed from.
  const stack = unkept.flatMap(({ from }) => from);
  const seen = new Set(stack);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const buffer = stored.get(node);
    if (buffer !== undefined) {
      if (!inside.has(node)) kept.push(buffer);
      continue;
    }
    for (const operand of node.operands) if (!seen.has(operand)) stack.push(operand);
    for (const operand of node.operands) seen.add(operand);
  }
  return { dropped, kept };
}

/** What is behind `to`, as far as `from`, without both. */
function insideOf({ from, to }: Unkept): Node[] {
  const seen = new Set<Node>([to, ...from]);
  const inside: Node[] = [];
  const stack = [...to.operands];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    inside.push(node);
    stack.push(...node.operands);
  }
  return inside;
}
