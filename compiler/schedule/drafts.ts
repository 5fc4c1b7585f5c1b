/**
 * Temporaries of kernels that are being put together. Most of what might be stored is not in the end, and
 * kernels may be those of several entries: an entry has buffers of its own for what it does store.
 */
import type { Node, NodeOf } from "../ir/node.ts";
import { elements, type Shape, type Size } from "../ir/size.ts";
import type { Stored } from "./layout.ts";

/** -1 is nowhere. */
const FIRST = -2;

export class Drafts implements Stored {
  readonly source: (node: Node) => number;
  readonly preferred: ReadonlyMap<Node, number>;
  readonly #held: { readonly node: Node; readonly shape: Shape }[] = [];
  /** Where loops have what they carry, by loop and number. */
  readonly #carried = new Map<string, number>();

  /** @param source the buffer of a node that no kernel writes */
  constructor(source: (node: Node) => number, preferred: ReadonlyMap<Node, number> = new Map()) {
    this.source = (node) => (node.op === "carried" ? this.#carriedIn(node) : source(node));
    this.preferred = preferred;
  }

  /** A number below 0, which no buffer has. */
  temporary = (node: Node, shape = node.shape): number => FIRST + 1 - this.#held.push({ node, shape });

  /** What a draft is for; undefined for a buffer. */
  find = (draft: number): { readonly node: Node; readonly shape: Shape } | undefined =>
    this.#held[FIRST - draft];

  /** Null for a buffer, and for more entries than one can have. */
  sizeOf = (draft: number): Size | null => {
    const held = this.find(draft);
    return held === undefined ? null : elements(held.shape);
  };

  #carriedIn(node: NodeOf<"carried">): number {
    const { loop, index } = node.attributes;
    const key = `${loop.id} ${index}`;
    const draft = this.#carried.get(key) ?? this.temporary(node);
    this.#carried.set(key, draft);
    return draft;
  }
}
