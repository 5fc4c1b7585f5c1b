/** Stacks of which the end alone is read: what a loop leaves at its last place, as the last state of a recurrent net. */
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { isOne } from "../ir/size.ts";

/** The index of the last place that a loop comes to. */
export const lastPlace = ({ length, reverse }: Loop): number => (reverse ? 0 : length - 1);

/** What reads the end of a stack: the slices, and permutations that these are of. */
export interface EndReader {
  readonly node: NodeOf<"permute"> | NodeOf<"slice">;
  /** The axis of the places, in what it reads. */
  readonly axis: number;
}

/**
 * All that reads a stack, whatever is read comes first; null where more is read than its end.
 * @param readers of each node
 * @param roots what is asked for, whole
 */
export function endReaders(
  scan: NodeOf<"scan">,
  readers: ReadonlyMap<Node, readonly Node[]>,
  roots: ReadonlySet<Node>,
): readonly EndReader[] | null {
  const last = lastPlace(scan.attributes.loop);
  const found: EndReader[] = [];
  const pending: { readonly of: Node; readonly axis: number }[] = [{ of: scan, axis: 0 }];
  for (const { of, axis } of pending) {
    if (roots.has(of)) return null;
    for (const node of readers.get(of) ?? []) {
      if (node.op === "permute") pending.push({ of: node, axis: node.attributes.axes.indexOf(axis) });
      else if (node.op !== "slice" || !isAt(node, axis, last)) return null;
      found.push({ node, axis });
    }
  }
  return found.length > 0 ? found : null;
}

/** Whether a slice has the entry at one place of an axis. */
function isAt({ attributes, shape }: NodeOf<"slice">, axis: number, place: number): boolean {
  const { start, fromEnd } = attributes.axes[axis]!;
  return start === place && !fromEnd && isOne(shape[axis]!);
}
