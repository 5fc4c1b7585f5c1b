/** Entries along the first axis of a stack. */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { countOf, fixed } from "../ir/size.ts";

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
