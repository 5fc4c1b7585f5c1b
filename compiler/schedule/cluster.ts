/** Kernels while they are put together, and which has to wait for which. */
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import type { GrowingBody } from "./form.ts";
import { valueLimit } from "./formed.ts";
import { isRunning } from "./kinds.ts";
import type { Region } from "./place.ts";
import type { Task } from "./task.ts";

/** What is done at once, and what it waits for: a kernel, or a loop with its kernels. */
export type Cluster = KernelCluster | LoopCluster;

interface Links {
  level: number;
  readonly preds: Set<Cluster>;
  readonly succs: Set<Cluster>;
}

export interface LoopCluster extends Links {
  readonly kind: "loop";
  readonly loop: Loop;
  readonly tasks: readonly Task[];
}

export interface KernelCluster extends Links {
  readonly kind: "kernel";
  body: GrowingBody;
  /** Whether another entry has the body too: it stays as it is, and with one more item it is another. */
  isShared: boolean;
  /**
   * What came to be stored after this kernel was formed, by one that it does not wait for: its
   * formulas go on computing it.
   */
  readonly inlined: Set<Node>;
}

/**
 * Whether `cluster` (null: a new one) may come after all of `before` and before all of `behind`.
 */
export function mayCome(
  cluster: Cluster | null,
  before: ReadonlySet<Cluster>,
  behind: ReadonlySet<Cluster>,
): boolean {
  for (const later of behind) {
    if (later !== cluster && cluster !== null && isAncestor(later, cluster)) return false;
    for (const earlier of before) {
      if (earlier === cluster || later === cluster) continue;
      if (later === earlier || isAncestor(later, earlier)) return false;
    }
  }
  if (cluster === null) return true;
  for (const earlier of before) if (earlier !== cluster && isAncestor(cluster, earlier)) return false;
  return true;
}

/** A cluster's level is above those of all it waits for, which bounds the search. */
function isAncestor(ancestor: Cluster, of: Cluster): boolean {
  const seen = new Set<Cluster>();
  const stack = [of];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const pred of at.preds) {
      if (pred === ancestor) return true;
      if (pred.level <= ancestor.level || seen.has(pred)) continue;
      seen.add(pred);
      stack.push(pred);
    }
  }
  return false;
}

function link(earlier: Cluster, later: Cluster): void {
  if (earlier === later) return;
  earlier.succs.add(later);
  later.preds.add(earlier);
  const stack: Cluster[] = [earlier];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const succ of at.succs) {
      if (succ.level > at.level) continue;
      succ.level = at.level + 1;
      stack.push(succ);
    }
  }
}

/** The kernels and loops of an entry so far, by what they read and write. */
export class Clusters {
  readonly #all = new Set<Cluster>();
  readonly #writers = new Map<Region, Set<Cluster>>();
  readonly #readers = new Map<Region, Set<Cluster>>();
  /** Readers that may take further items. */
  readonly #taking = new Map<Region, Set<Cluster>>();

  [Symbol.iterator] = (): Iterator<Cluster> => this.#all.values();

  /** The same so far, to which others come than here. */
  copy(): Clusters {
    const made = new Clusters();
    const copies = new Map<Cluster, Cluster>();
    for (const cluster of this.#all) {
      if (cluster.kind === "kernel") cluster.isShared = true;
      copies.set(cluster, { ...cluster, preds: new Set(), succs: new Set() });
    }
    for (const [cluster, copy] of copies) {
      made.#all.add(copy);
      for (const pred of cluster.preds) copy.preds.add(copies.get(pred)!);
      for (const succ of cluster.succs) copy.succs.add(copies.get(succ)!);
    }
    for (const [from, to] of [
      [this.#writers, made.#writers],
      [this.#readers, made.#readers],
      [this.#taking, made.#taking],
    ] as const) {
      for (const [region, clusters] of from)
        to.set(region, new Set(Array.from(clusters, (cluster) => copies.get(cluster)!)));
    }
    return made;
  }

  /**
   * Puts in a new one, or more of one that is there: what it comes to read and to write, and what it
   * waits for and what waits for it.
   */
  settle(
    cluster: Cluster,
    { reads, writes }: { readonly reads: Iterable<Region>; readonly writes: Iterable<Region> },
    before: Iterable<Cluster>,
    behind: Iterable<Cluster> = [],
  ): void {
    this.#all.add(cluster);
    for (const earlier of before) link(earlier, cluster);
    for (const later of behind) link(cluster, later);
    for (const region of writes) note(this.#writers, region, cluster);
    for (const region of reads) {
      const isNew = this.#readers.get(region)?.has(cluster) !== true;
      if (isNew && cluster.kind === "kernel") note(this.#taking, region, cluster);
      note(this.#readers, region, cluster);
    }
  }

  /** Those that touch any of a region's entries. */
  writersOf = (region: Region): Cluster[] => touching(this.#writers, region);
  readersOf = (region: Region): Cluster[] => touching(this.#readers, region);

  /** Kernels that read a region and may take more. */
  takersOf(region: Region): KernelCluster[] {
    const taking = this.#taking.get(region) ?? new Set();
    const takers: KernelCluster[] = [];
    for (const cluster of taking) {
      if (cluster.kind === "kernel" && !isFull(cluster)) takers.push(cluster);
      else taking.delete(cluster);
    }
    return takers;
  }
}

function touching(touched: ReadonlyMap<Region, ReadonlySet<Cluster>>, region: Region): Cluster[] {
  return [...region.overlapping()].flatMap((other) => [...(touched.get(other) ?? [])]);
}

function note(map: Map<Region, Set<Cluster>>, region: Region, cluster: Cluster): void {
  const set = map.get(region);
  if (set === undefined) map.set(region, new Set([cluster]));
  else set.add(cluster);
}

/**
 * Stores of a kernel that takes no more: there are sixteen vector registers, and the time that
 * assembling a body takes grows with the square of its values.
 */
const MOST_ITEMS = 16;

/** For good: a body only grows. */
export const isFull = ({ body }: KernelCluster): boolean =>
  body.group.items.length >= MOST_ITEMS ||
  body.values.length > valueLimit(body.group) ||
  body.group.items.some(({ adds, node, defines }) => adds !== null || (defines && isRunning(node)));
