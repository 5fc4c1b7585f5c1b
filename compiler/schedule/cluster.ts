/** Kernels while they are put together, and which has to wait for which. */
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import type { GrowingBody } from "./form.ts";
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

export function link(earlier: Cluster, later: Cluster): void {
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
