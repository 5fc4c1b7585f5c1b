/**
 * Where values lie: row by row in a buffer of their own, or as a strip of what they are a part of.
 * A part of a concatenation that is stored at all is written where the whole wants it.
 */
import type { Node } from "../ir/node.ts";
import type { View } from "./view.ts";

/**
 * What is written by itself: a buffer, or what one part of a concatenation takes of the region of
 * the whole. Two regions share entries only where one lies inside of the other.
 */
export class Region {
  readonly buffer: number;
  readonly whole: Region | null;
  readonly #parts: Region[] = [];

  constructor(buffer: number, whole: Region | null = null) {
    this.buffer = buffer;
    this.whole = whole;
    if (whole !== null) whole.#parts.push(this);
  }

  isInside(other: Region): boolean {
    return other === this || (this.whole?.isInside(other) ?? false);
  }

  overlaps = (other: Region): boolean => this.isInside(other) || other.isInside(this);

  /** Itself, what it lies in, and what lies in it. */
  *overlapping(): Iterable<Region> {
    for (let at = this.whole; at !== null; at = at.whole) yield at;
    const stack: Region[] = [this];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      yield at;
      stack.push(...at.#parts);
    }
  }
}

/** Of an item that is only tried. */
export const NOWHERE = new Region(-1);

export interface Place {
  readonly region: Region;
  /** Of the node's shape; null where its entries lie row by row from the buffer's start. */
  readonly strip: View | null;
}

/** Where a node's entries lie when a kernel of its own runs; undefined for what is inlined. */
export type Locate = (node: Node) => Place | undefined;
