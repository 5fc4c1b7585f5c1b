/** Entries along the first axis of a stack. */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { countOf, fixed } from "../ir/size.ts";
import { isConstant } from "./rules/match.ts";

/** `count` entries from `start` on. */
export function entriesOf(b: Build, stack: Node, start: number, count: number): Node {
  const [length, ...shape] = stack.shape;
  if (count === countOf(length!)) return stack;
  const axes = stack.shape.map((_, axis) => ({ start: axis === 0 ? start : 0, fromEnd: false, step: 1 }));
  return b.slice(stack, axes, [fixed(count), ...shape]);
}

/** The entry at `place`, without the axis. */
export const entryOf = (b: Build, stack: Node, place: number): Node =>
  b.reshape(entriesOf(b, stack, place, 1), stack.shape.slice(1));

/**
 * The entry at `place` of a stack that is 0 everywhere else, as its formula says: the cotangent of one
 * of which no other entry is read. Null where it may hold more.
 */
export const onlyEntryOf = (b: Build, stack: Node, place: number): Node | null =>
  onlyAlong(b, stack, 0, place);

/** The same along any axis, without that. */
function onlyAlong(b: Build, node: Node, axis: number, place: number): Node | null {
  if (node.op === "permute") {
    const { axes } = node.attributes;
    const along = axes[axis]!;
    const inner = onlyAlong(b, node.operands[0]!, along, place);
    const others = axes.filter((from) => from !== along).map((from) => (from > along ? from - 1 : from));
    return inner === null || others.every((from, to) => from === to) ? inner : b.permute(inner, others);
  }
  if (node.op !== "concat" || node.attributes.axis !== axis) return null;
  let [start, found]: [number, Node | null] = [0, null];
  for (const part of node.operands) {
    const count = countOf(part.shape[axis]!);
    if (start === place && count === 1) found = part;
    else if (!isConstant(part, 0)) return null;
    start += count;
  }
  return found === null ? null : b.reshape(found, node.shape.toSpliced(axis, 1));
}
