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
  const isEnd = (node: Node, axis: number): boolean =>
    !roots.has(node) &&
    (readers.get(node) ?? []).every((reader) => {
      if (reader.op !== "permute" && reader.op !== "slice") return false;
      found.push({ node: reader, axis });
      if (reader.op === "permute") return isEnd(reader, reader.attributes.axes.indexOf(axis));
      const { start, fromEnd } = reader.attributes.axes[axis]!;
      return start === last && !fromEnd && isOne(reader.shape[axis]!);
    });
  return isEnd(scan, 0) ? found : null;
}
