/** What an entry has to leave in memory. */
import type { Node } from "../ir/node.ts";
import type { Shape } from "../ir/size.ts";
import type { Item } from "./group.ts";
import type { Region } from "./place.ts";
import { contiguous, rowsView, type View } from "./view.ts";

/** What an entry has to leave in a buffer. */
export interface Root {
  readonly node: Node;
  readonly buffer: number;
  /** The buffer holds what the entry's formulas read as the old value. */
  readonly inPlace: boolean;
  /** Where its rows are added to some of the buffer's, and the rest stays. */
  readonly adds?: AddedRows;
  /** Where it is written of a stack of such values, at the place of a loop. */
  readonly slot?: Slot;
}

export interface AddedRows {
  readonly ids: Node;
  /** The shape of what the buffer holds. */
  readonly table: Shape;
  /** To be stored first, where the rows are made of what they would overwrite. */
  readonly first: Node;
}

/** `node`, copied to a place of its own. */
export const copyOf = (node: Node, region: Region): Item => ({
  node,
  region,
  view: contiguous(node.shape),
  defines: false,
  inPlace: false,
  adds: null,
});

/** A value of a place in the stack of those of all places. */
export interface Slot {
  readonly region: Region;
  readonly view: View;
}

/** What is written when all that reads the buffer's old value is done. */
export function lastItem({ node, inPlace, adds, slot }: Root, region: Region): Item {
  const item = { ...copyOf(node, region), inPlace, ...slot };
  if (adds === undefined) return item;
  const table = contiguous(adds.table);
  return { ...item, view: rowsView(table, node.shape, 0), adds: { ids: adds.ids, table, batch: 0 } };
}
