/**
 * Which nodes are computed by one kernel. Nodes to be stored are taken in the graph's order; each
 * joins the kernel that makes one of its operands, or one that reads the same tensor over the same
 * loops, if the loops agree, every value is read at the point that makes it, and no kernel would
 * have to wait for itself. So a bias and a short activation join the product's epilogue, the maximum,
 * the sum and the quotient of a softmax become one pass over rows, and a parameter and its states are
 * updated together. What `gradients` and `step` both need is put into kernels once; a copy of these
 * goes on to gradients where they are asked for, they themselves to the updates.
 */
import { CompilerFault } from "../fault.ts";
import { type Graph, reachable } from "../graph/graph.ts";
import { type LoopStep, type Step, stepsTo } from "../graph/steps.ts";
import type { Node } from "../ir/node.ts";
import { countOf, elements, isFree, isZero, ONE, sameShape } from "../ir/size.ts";
import { behindReshapes } from "../ops/movement.ts";
import { type Cluster, Clusters, isFull, type KernelCluster, type LoopCluster, mayCome } from "./cluster.ts";
import { comesAfterSums } from "./down.ts";
import { isEpilogue } from "./epilogue.ts";
import { formBody, type GrowingBody } from "./form.ts";
import type { Body, Write } from "./formed.ts";
import { type Group, type Item, join, Refusal, single } from "./group.ts";
import { Layout, type Stored } from "./layout.ts";
import { isLaid, isReduction, isRunning, isSingle } from "./kinds.ts";
import { type Locate, NOWHERE } from "./place.ts";
import { copyOf, type Root } from "./roots.ts";
import { Storage } from "./storage.ts";
import { readBy, type Task, writtenBy } from "./task.ts";

/**
 * The kernels of entries that need much alike: those of what all of them need are put together once,
 * and from there each entry goes on by itself.
 * @param entries what each leaves; the last says what is worth being stored
 * @param sparing whether memory is dearer than operations; else parts are written where the whole has
 * them, and functions of a product's results have kernels of their own
 * @returns beside `entries`, kernels in no order but what each has to come after
 * @throws CompilerFault where a node has no kernel, which `lower` excludes
 */
export function fuse(
  graph: Graph,
  entries: readonly (readonly Root[])[],
  stored: Stored,
  sparing: boolean,
): Task[][] {
  const ends = entries.map((roots) => roots.flatMap(({ node, adds }) => [node, ...(adds ? [adds.ids] : [])]));
  const needed = ends.map((nodes) => new Set(reachable(nodes)));
  const steps = stepsTo(ends.flat());
  // A loop leaves the same in all of its entries, or each has one of its own.
  if (steps.some((step) => step.kind === "loop" && needed.some((nodes) => isDivided(step, nodes))))
    return entries.flatMap((roots) => fuse(graph, [roots], stored, sparing));
  const storage = new Storage(graph, entries, new Layout(stored, sparing), steps);
  const isCommon = (node: Node): boolean => needed.every((nodes) => nodes.has(node));
  const common = new Fusion(storage);
  common.place(isCommon);
  return needed.map((nodes, entry) => {
    const fusion = entry === entries.length - 1 ? common : common.fork();
    fusion.place((node) => nodes.has(node) && !isCommon(node));
    return fusion.finish(entry);
  });
}

const isDivided = ({ scans }: LoopStep, nodes: ReadonlySet<Node>): boolean =>
  scans.some((scan) => nodes.has(scan)) && scans.some((scan) => !nodes.has(scan));

class Fusion {
  readonly #storage: Storage;
  readonly #layout: Layout;
  readonly #clusters: Clusters;
  readonly #inPlace: ReadonlySet<number>;
  /** Buffers whose old values the update of another buffer will read, which is in no kernel yet. */
  #contested: ReadonlyMap<number, number> = new Map();
  readonly #locate: Locate;

  constructor(storage: Storage, layout = storage.layout, clusters = new Clusters()) {
    this.#storage = storage;
    this.#layout = layout;
    this.#clusters = clusters;
    this.#inPlace = storage.inPlace;
    this.#locate = layout.find;
  }

  /** The same kernels, to which others come than here. */
  fork = (): Fusion => new Fusion(this.#storage, this.#layout.inside(), this.#clusters.copy());

  /** Kernels for those stored nodes that are wanted now. */
  place(isNow: (node: Node) => boolean): void {
    const { order, places, steps } = this.#storage;
    const begun = new Set<Step>();
    for (const node of order) {
      if (!isNow(node)) continue;
      const step = steps[places.get(node)!]!;
      if (step.kind === "node") this.#placeNode(node);
      else if (!begun.has(step)) {
        begun.add(step);
        this.#placeLoop(step);
      }
    }
  }

  /** What is written when all else is done, and all kernels with the stores that the entry wants. */
  finish(entry: number): Task[] {
    this.#placeUpdates(this.#storage.last[entry]!);
    // Roots' buffers are written whether anyone reads them or not.
    return this.#tasks(new Set(this.#storage.entries[entry]!.map(({ buffer }) => buffer)));
  }

  /** First values, and the loop. */
  #placeLoop(step: LoopStep): void {
    const { inside, begins } = this.#storage.loops.get(step)!;
    for (const item of begins) {
      if (this.#place(item, null) === null)
        throw new CompilerFault("the first value of a loop has no kernel");
    }
    const body = new Fusion(inside);
    body.place(() => true);
    const tasks = body.finish(0);
    const cluster: LoopCluster = {
      kind: "loop",
      loop: step.loop,
      tasks,
      level: 0,
      preds: new Set(),
      succs: new Set(),
    };
    const reads = new Set(tasks.flatMap(readBy));
    const writes = new Set(tasks.flatMap(writtenBy));
    const before = [...reads, ...writes].flatMap(this.#clusters.writersOf);
    this.#clusters.settle(cluster, { reads, writes }, before);
  }

  /**
   * An update that reads the old values of others comes before them, so that all can be one kernel
   * with what they are made of.
   */
  #placeUpdates(items: readonly Item[]): void {
    const waiting = new Map(
      items.map((item) => {
        const body = formBody(single({ ...item, region: NOWHERE }), this.#locate);
        if (body instanceof Refusal) throw new CompilerFault(`an update has no kernel: ${body.reason}`);
        const others = body.reads
          .map(({ region }) => region.buffer)
          .filter((b) => this.#inPlace.has(b) && b !== item.region.buffer);
        return [item, new Set(others)];
      }),
    );
    const contested = new Map<number, number>();
    const count = (buffers: Iterable<number>, by: number): void => {
      for (const buffer of buffers) {
        const left = (contested.get(buffer) ?? 0) + by;
        if (left === 0) contested.delete(buffer);
        else contested.set(buffer, left);
      }
    };
    for (const buffers of waiting.values()) count(buffers, 1);
    this.#contested = contested;
    while (waiting.size > 0) {
      // Where updates read one another's old values, any may be first.
      let [item] = waiting.keys();
      for (const free of waiting.keys()) {
        if (contested.has(free.region.buffer)) continue;
        item = free;
        break;
      }
      if (item === undefined) return;
      count(waiting.get(item)!, -1);
      waiting.delete(item);
      this.#placeLast(item);
    }
  }

  #placeNode(node: Node): void {
    if (isReduction(node)) this.#placePrologue(node.operands[0]!);
    let previous: Cluster | null = null;
    for (const item of this.#storage.items(node)) {
      // Zeros come before what is embedded in them, or added to them; the parts of a concatenation
      // are independent.
      const isAfter = node.op === "embed" || node.op === "scatter";
      const placed: Cluster | null = this.#place(item, isAfter ? previous : null);
      if (placed === null) throw new CompilerFault(`no kernel computes ${node.op} ${node.id}`);
      previous = placed;
    }
  }

  /**
   * Where a reduction would read several results of one kernel, such as the maximum, the logarithm
   * and the label's logit of each row, and that kernel could put them together itself, it does.
   */
  #placePrologue(operand: Node): void {
    const node = behindReshapes(operand);
    if (this.#locate(node) !== undefined || isLaid(node) || isSingle(node)) return;
    const body = formBody(single(copyOf(node, NOWHERE)), this.#locate);
    if (body instanceof Refusal) throw new CompilerFault(`an operand has no kernel: ${body.reason}`);
    const made = body.reads.flatMap((r) => this.#clusters.writersOf(r.region));
    const often = made.find((cluster, i) => made.indexOf(cluster) !== i);
    if (often === undefined || often.kind === "loop" || this.#comesAfterSums(often, body)) return;
    const region = this.#layout.giveOwn(node);
    const item: Item = { ...copyOf(node, region), defines: true };
    const joined = this.#place(item, null, "join");
    if (joined === null) this.#layout.forget(node);
    else {
      for (const cluster of this.#clusters)
        if (cluster.kind === "kernel" && cluster !== joined) cluster.inlined.add(node);
    }
  }

  #comesAfterSums(cluster: KernelCluster, body: GrowingBody): boolean {
    return comesAfterSums(cluster, body, (region) => this.#clusters.writersOf(region).includes(cluster));
  }

  /** A kernel of its own for `group`, which nothing waits for yet. */
  #form(group: Group, locate: Locate = this.#locate): KernelCluster | Refusal {
    const inlined = new Set<Node>();
    const body = formBody(group, (node) => (inlined.has(node) ? undefined : locate(node)));
    if (body instanceof Refusal) return body;
    const links = { level: 0, preds: new Set<Cluster>(), succs: new Set<Cluster>() };
    return { kind: "kernel", body, isShared: false, inlined, ...links };
  }

  /** What overwrites old values, or is wanted a second time, comes after everything else. */
  #placeLast(item: Item): void {
    if (this.#place(item, null) !== null) return;
    // It reads what another update overwrites and that one reads what it overwrites: the new value
    // waits in a buffer of its own.
    const region = this.#layout.temporary(item.node);
    const staged = this.#place({ ...item, region, inPlace: false }, null, "alone");
    if (staged === null) throw new CompilerFault("an update cannot be staged");
    const place = { region, strip: null };
    const copy = this.#form(single(item), (node) => (node === item.node ? place : this.#locate(node)));
    if (copy instanceof Refusal) throw new CompilerFault("a staged update cannot be copied");
    this.#settle(copy, item, new Set([staged, ...this.#clusters.readersOf(item.region)]), new Set());
  }

  /**
   * Puts `item` into a kernel, and returns it; null where none can have it.
   * @param after a kernel that has to be done before
   * @param how `join`: only one that exists; `alone`: only a new one
   */
  #place(item: Item, after: Cluster | null, how: "any" | "join" | "alone" = "any"): Cluster | null {
    const group = single(item);
    const alone = this.#form(group);
    if (alone instanceof Refusal) return null;
    const { body } = alone;
    const overwrites = item.inPlace;
    const before = new Set<Cluster>();
    const behind = new Set<Cluster>();
    const makers = new Set<Cluster>();
    for (const { region } of body.reads) {
      for (const writer of this.#clusters.writersOf(region)) {
        if (this.#inPlace.has(region.buffer)) behind.add(writer);
        else makers.add(writer).forEach((w) => before.add(w));
      }
    }
    if (overwrites) for (const reader of this.#clusters.readersOf(item.region)) before.add(reader);
    if (after !== null) before.add(after);

    if (how !== "alone" && group.matmul === null && item.adds === null && !isRunning(item.node)) {
      for (const cluster of this.#candidates(body, group, makers)) {
        if (isFull(cluster) || cluster === after || !mayCome(cluster, before, behind)) continue;
        if (makers.has(cluster) && this.#comesAfterSums(cluster, body)) continue;
        const joined = join(cluster.body.group, group, item);
        if (joined === null) continue;
        // A scalar made of the results of several kernels is a kernel of its own.
        if (group.domain.length === 0 && joined.domain.length > 0 && [...makers].some((m) => m !== cluster))
          continue;
        if (cluster.body.group.matmul !== null) {
          if (!this.#layout.sparing && !isEpilogue(body, cluster.body)) continue;
          if (overwrites && isSmall(item.node)) continue;
        }
        // Another update may need the old value, and what this kernel makes: it could come neither
        // before nor after.
        const makes = cluster.body.group.items.some((other) => !other.inPlace);
        if (makes && this.#contested.has(item.region.buffer)) continue;
        if (this.#extend(cluster, joined, item)) return this.#settle(cluster, item, before, behind);
      }
    }
    if (how === "join" || !mayCome(null, before, behind)) return null;
    return this.#settle(alone, item, before, behind);
  }

  /**
   * Whether the kernel takes `item`, which makes it one of `joined`; where it does not, it stays as
   * it was.
   */
  #extend(cluster: KernelCluster, joined: Group, item: Item): boolean {
    const { group } = cluster.body;
    const sameLoops =
      sameShape(group.domain, joined.domain) && group.inner.every((inner, i) => inner === joined.inner[i]);
    if (sameLoops && !cluster.isShared) return cluster.body.extend(item) === null;
    // Over other loops a reduction comes to what has been elementwise so far.
    const body = formBody(joined, cluster.body.locate);
    if (body instanceof Refusal) return false;
    cluster.body = body;
    cluster.isShared = false;
    return true;
  }

  /**
   * Makers of what is read, latest first; then kernels that read the same tensors over the same
   * loops.
   */
  #candidates(body: Body, group: Group, makers: ReadonlySet<Cluster>): KernelCluster[] {
    const list = [...makers].filter((cluster) => cluster.kind === "kernel").sort((a, b) => b.level - a.level);
    const seen = new Set(list);
    if (isNumbers(group, body)) {
      // First values of scalars: one kernel writes as many as it may.
      for (const cluster of this.#clusters) {
        if (cluster.kind === "loop" || isFull(cluster)) continue;
        if (isNumbers(cluster.body.group, cluster.body)) return [cluster];
      }
    }
    for (const read of body.reads) {
      // A number that many kernels read, such as the learning rate, makes no kinship.
      const once = read.view.strides.every(isZero);
      const made = this.#clusters.writersOf(read.region).length > 0 || this.#inPlace.has(read.region.buffer);
      if (once && !(made && group.domain.length === 0)) continue;
      for (const cluster of this.#clusters.takersOf(read.region)) {
        const own = cluster.body.group;
        const same = own.matmul === null && sameShape(own.domain, group.domain);
        if (same && !seen.has(cluster)) {
          seen.add(cluster);
          list.push(cluster);
        }
      }
    }
    return list;
  }

  #settle(
    cluster: KernelCluster,
    item: Item,
    before: ReadonlySet<Cluster>,
    behind: ReadonlySet<Cluster>,
  ): Cluster {
    const reads = cluster.body.reads.map(({ region }) => region);
    this.#clusters.settle(cluster, { reads, writes: [item.region] }, before, behind);
    if (isFull(cluster)) cluster.body.close();
    return cluster;
  }

  /** Leaves out stores that nobody else reads. */
  #tasks(wanted: ReadonlySet<number>): Task[] {
    const tasks = new Map<Cluster, Task & { before: Set<Task> }>();
    for (const cluster of this.#clusters) {
      if (cluster.kind === "loop") {
        const { kind, loop, tasks: inside } = cluster;
        tasks.set(cluster, { kind, loop, tasks: inside, before: new Set() });
        continue;
      }
      const isWanted = ({ item }: Write): boolean =>
        !item.defines ||
        wanted.has(item.region.buffer) ||
        this.#clusters.readersOf(item.region).some((reader) => reader !== cluster);
      tasks.set(cluster, {
        kind: "kernel",
        group: cluster.body.group,
        body: cluster.body.storing(isWanted),
        before: new Set(),
      });
    }
    for (const [cluster, task] of tasks) {
      for (const earlier of cluster.preds) task.before.add(tasks.get(earlier)!);
    }
    return [...tasks.values()];
  }
}

const isNumbers = (group: Group, body: Body): boolean =>
  group.domain.length === 0 && body.values.every((value) => value.kind === "constant");

/**
 * Whether a tensor is too small for an update of its own in its gradient's product: below about two
 * pages its gradient stays in the nearest cache, and one function for the updates of all such
 * parameters is less code.
 */
const isSmall = ({ shape }: Node): boolean => {
  const size = elements(shape) ?? ONE;
  return !isFree(size) && countOf(size) < 2048;
};
