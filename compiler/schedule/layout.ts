/** Where the values of an entry lie that are stored. */
import type { Node, NodeOf } from "../ir/node.ts";
import { countOf, elements, isFree, ONE, type Shape } from "../ir/size.ts";
import { behindReshapes } from "../ops/movement.ts";
import { stripsOf } from "./group.ts";
import { isSource } from "./kinds.ts";
import { type Place, Region } from "./place.ts";
import { contiguous, reshapeView, type View } from "./view.ts";

type Concat = NodeOf<"concat">;

/** Where the entry's scheduler has nodes lie. */
export interface Stored {
  /** The buffer of a node that lies in memory before any kernel runs. */
  readonly source: (node: Node) => number;
  /** A new buffer for a node's entries, or for so many as a shape has. */
  readonly temporary: (node: Node, shape?: Shape) => number;
  /** Buffers that nodes are to be stored in if they are stored. */
  readonly preferred: ReadonlyMap<Node, number>;
}

export class Layout {
  readonly #stored: Stored;
  /**
   * Whether memory is dearer than operations: then all parts have buffers of their own, which can be
   * dropped one by one.
   */
  readonly sparing: boolean;
  /** Of what is computed around the loop that this is of; null outside of loops. */
  readonly #around: Layout | null;
  readonly #places = new Map<Node, Place>();
  readonly #regions = new Map<number, Region>();
  /** Of each concatenation, beside its operands. */
  readonly #parts = new Map<Node, readonly Region[]>();

  constructor(stored: Stored, sparing: boolean, around: Layout | null = null) {
    this.#stored = stored;
    this.sparing = sparing;
    this.#around = around;
  }

  /** Of what is computed at the places of a loop in here. */
  inside = (): Layout => new Layout(this.#stored, this.sparing, this);

  /** Of a whole buffer. */
  region(buffer: number): Region {
    if (this.#around !== null) return this.#around.region(buffer);
    const region = this.#regions.get(buffer) ?? new Region(buffer);
    this.#regions.set(buffer, region);
    return region;
  }

  temporary = (node: Node, shape?: Shape): Region => this.region(this.#stored.temporary(node, shape));

  nodes = (): Iterable<Node> => this.#places.keys();
  has = (node: Node): boolean => this.#places.has(node);
  find = (node: Node): Place | undefined =>
    this.#found(node) ??
    (isSource(node) ? { region: this.region(this.#stored.source(node)), strip: null } : undefined);
  #found = (node: Node): Place | undefined =>
    this.#places.get(node) ?? (this.#around === null ? undefined : this.#around.#found(node));
  put = (node: Node, region: Region, strip: View | null = null): void =>
    void this.#places.set(node, { region, strip });
  forget = (node: Node): void => void this.#places.delete(node);

  /**
   * Beside the operands of a concatenation: where a part has to be written; null for one that lies
   * there by itself.
   */
  written(node: Node): readonly (Region | null)[] {
    return (this.#parts.get(node) ?? []).map((region, i) =>
      this.find(behindReshapes(node.operands[i]!))?.region === region ? null : region,
    );
  }

  /** Gives places to all of `nodes`, to parts in what is put together of them. */
  store(nodes: ReadonlySet<Node>): void {
    const put: Concat[] = [...this.#places.keys(), ...nodes].flatMap((node) =>
      node.op === "concat" ? node : [],
    );
    // Of those that share a part the largest has it, and what parts lie in has its own place first.
    const size = ({ shape }: Concat): number => countOf(elements(shape) ?? ONE);
    const order = (a: Concat, b: Concat): number =>
      Number(isFree(elements(b.shape) ?? ONE)) - Number(isFree(elements(a.shape) ?? ONE)) ||
      size(b) - size(a) ||
      b.id - a.id;
    for (const node of [...new Set(put)].sort(order)) {
      if (!this.has(node)) this.giveOwn(node);
      this.#layOut(node, (part) => nodes.has(part));
    }
    for (const node of nodes) if (!this.has(node)) this.giveOwn(node);
  }

  /** A buffer of its own for a node that has none, or is a strip that cannot be read as it has to be. */
  giveOwn(node: Node): Region {
    const preferred = this.#stored.preferred.get(node);
    const region = preferred === undefined ? this.temporary(node) : this.region(preferred);
    this.put(node, region);
    if (this.#parts.has(node) && node.op === "concat") this.#layOut(node, () => false);
    return region;
  }

  /** Makes strips of the parts that `isStored`, and of those that were strips of the same. */
  #layOut(node: Concat, isStored: (part: Node) => boolean): void {
    const { region, strip } = this.#places.get(node)!;
    const before = this.#parts.get(node) ?? [];
    const strips = stripsOf(node, strip ?? contiguous(node.shape));
    const parts = node.operands.map(() => new Region(region.buffer, region));
    this.#parts.set(node, parts);
    for (const [i, operand] of node.operands.entries()) {
      const part = behindReshapes(operand);
      const place = this.#places.get(part);
      const wasHere = before[i] !== undefined && place?.region === before[i];
      const isNew =
        place === undefined && isStored(part) && !isSource(part) && !this.#stored.preferred.has(part);
      if (!wasHere && !(isNew && !this.sparing)) continue;
      const own = reshapeView(strips[i]!, part.shape);
      // Its entries lie otherwise than the whole has them.
      if (own === null && isNew) continue;
      if (own === null) this.giveOwn(part);
      else this.#places.set(part, { region: parts[i]!, strip: own });
      if (part.op === "concat" && wasHere && own !== null) this.#layOut(part, () => false);
    }
  }
}
