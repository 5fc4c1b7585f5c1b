/**
 * What an entry stores, and where: decided before any kernel is, for what is computed once and for
 * the bodies of loops, which read of what is stored around them.
 */
import { CompilerFault } from "../fault.ts";
import { Build } from "../graph/build.ts";
import { endReaders } from "../graph/ends.ts";
import type { Graph } from "../graph/graph.ts";
import { readersOf } from "../graph/readers.ts";
import { type LoopStep, nodesOf, type Step } from "../graph/steps.ts";
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { countOf, elements } from "../ir/size.ts";
import { behindReshapes } from "../ops/movement.ts";
import { mayBeEpilogue } from "./epilogue.ts";
import { formBody } from "./form.ts";
import { liesWell } from "./gathering.ts";
import { type Item, itemsOf, Refusal, single } from "./group.ts";
import { isSource } from "./kinds.ts";
import type { Layout } from "./layout.ts";
import { type Locate, NOWHERE } from "./place.ts";
import { copyOf, lastItem, type Root } from "./roots.ts";
import { baseOf, selectStored } from "./select.ts";
import { endView, type Stack, stackIn, stackShape } from "./stacks.ts";
import { turnedOperand } from "./turned-operands.ts";
import { contiguous, pickView, reshapeView } from "./view.ts";

/** A loop with what its body stores. */
export interface StoredLoop {
  readonly inside: Storage;
  /** First values, each where the loop finds it. */
  readonly begins: readonly Item[];
}

export class Storage {
  readonly graph: Graph;
  /** What each entry leaves; the last says what is worth being stored. */
  readonly entries: readonly (readonly Root[])[];
  readonly layout: Layout;
  readonly steps: readonly Step[];
  /** What is computed here, not around nor inside of a loop in here, and in which of the steps. */
  readonly places = new Map<Node, number>();
  readonly loops = new Map<LoopStep, StoredLoop>();
  /** Stacks of which the last entry alone is read: they are what their loop carries, when it has ended. */
  readonly #ends = new Set<Node>();
  /** Of each entry: what is written when all else is done. */
  readonly last: readonly Item[][];
  /** What is stored, in the order in which it is computed. */
  readonly order: readonly Node[];
  /** Buffers that hold old values. */
  readonly inPlace: ReadonlySet<number>;
  /** Of the loop around; null outside of loops. */
  readonly #around: Storage | null;
  /** What has not been looked at for what it wants stored. */
  readonly #pending: Node[] = [];

  constructor(
    graph: Graph,
    entries: readonly (readonly Root[])[],
    layout: Layout,
    steps: readonly Step[],
    around: Storage | null = null,
  ) {
    this.graph = graph;
    this.entries = entries;
    this.layout = layout;
    this.steps = steps;
    this.#around = around;
    for (const [i, step] of steps.entries()) {
      if (step.kind === "node") this.places.set(step.node, i);
      else for (const scan of step.scans) this.places.set(scan, i);
    }
    this.inPlace = new Set(entries.flat().flatMap((r) => (r.inPlace ? [r.buffer] : [])));
    this.last = entries.map(() => []);
    this.#prepare();
    const placeOf = (node: Node): number => this.places.get(node)!;
    // What is carried lies where the loop around has it.
    this.order = [...layout.nodes()]
      .filter(({ op }) => op !== "carried")
      .sort((a, b) => placeOf(a) - placeOf(b));
  }

  readonly locate: Locate = (node) => this.layout.find(node);

  items(node: Node): Item[] {
    return itemsOf(node, this.layout.find(node)!, this.graph, this.layout.written(node));
  }

  #prepare(): void {
    const nodes = [...this.places.keys()];
    const wanted = new Map<Node, number>();
    const roots = this.entries.at(-1)!;
    const ends = new Set(this.entries.flat().map(({ node }) => node));
    for (const { node } of roots) wanted.set(node, (wanted.get(node) ?? 0) + 1);
    for (const root of roots) this.#placeRoot(root);
    const stacks = new Map<LoopStep, readonly (Stack | null)[]>();
    const loops = this.steps.filter((step) => step.kind === "loop");
    const readers = readersOf(loops.length === 0 ? [] : nodesOf(this.steps));
    const isEnd = (scan: NodeOf<"scan">): boolean => endReaders(scan, readers, ends) !== null;
    for (const step of loops) stacks.set(step, this.#stacks(step, isEnd));
    const stored = selectStored(nodes, wanted);
    for (const node of readInLoops(this.steps)) stored.add(node);
    // What is read of what is computed around has been stored there.
    for (const node of stored) if (!this.places.has(node)) stored.delete(node);
    this.layout.store(stored);
    for (const [step, kept] of stacks) this.loops.set(step, this.#open(step, kept));
    this.#pending.push(...new Set([...this.layout.nodes(), ...ends]));
    this.#storeForced();
    this.#storeRows();
    for (const [entry, others] of this.entries.slice(0, -1).entries())
      for (const root of others) this.#copyRoot(root, this.last[entry]!);
  }

  #placeRoot(root: Root): void {
    const { node, slot } = root;
    const base = behindReshapes(node);
    const isHere = this.places.has(base) && !isSource(base) && base.op !== "constant";
    const region = slot?.region ?? this.layout.region(root.buffer);
    if (root.inPlace || !isHere || this.layout.has(base)) this.last.at(-1)!.push(lastItem(root, region));
    else this.layout.put(base, region, slot === undefined ? null : reshapeView(slot.view, base.shape));
  }

  /** Where what another entry leaves lies elsewhere, or nowhere, it is copied. */
  #copyRoot(root: Root, last: Item[]): void {
    const region = this.layout.region(root.buffer);
    const place = this.layout.find(behindReshapes(root.node));
    if (place === undefined || place.region !== region || place.strip !== null)
      last.push(lastItem(root, region));
  }

  /**
   * For each value that a loop carries its stack, where all of it is kept.
   * @param isEnd whether of a stack the last entry alone is read
   */
  #stacks(
    { loop, scans, first, next }: LoopStep,
    isEnd: (scan: NodeOf<"scan">) => boolean,
  ): readonly (Stack | null)[] {
    const build = new Build(this.graph);
    const taken = new Set<Node>();
    return next.map((node, index) => {
      const carried = build.carried(loop, index, first[index]!);
      const going = behindReshapes(node);
      const isKept = (value: Node): boolean => value === carried || behindReshapes(value) === going;
      const kept = scans.filter((scan) => !this.layout.has(scan) && isKept(scan.operands[0]!));
      if (kept.length === 0 || taken.has(going)) return null;
      taken.add(going);
      const { shape } = carried;
      const isEndAlone = kept.every((scan) => scan.operands[0] !== carried && isEnd(scan));
      if (
        isEndAlone &&
        (!mayBeEpilogue(node, this.layout.sparing) ||
          countOf(elements(stackShape(loop, shape))!) > MOST_STACKED)
      ) {
        const { region } = this.layout.find(carried)!;
        for (const scan of kept) {
          this.#ends.add(scan);
          this.layout.put(scan, region, reshapeView(endView(loop, shape), scan.shape));
        }
        return null;
      }
      const stack = stackIn(this.layout.temporary(kept[0]!, stackShape(loop, shape)), loop, shape);
      for (const scan of kept) {
        const view = scan.operands[0] === carried ? stack.arriving : stack.leaving;
        this.layout.put(scan, stack.whole, reshapeView(view, scan.shape));
      }
      return stack;
    });
  }

  /** What is computed at the places of a loop: what it leaves, and what it carries on. */
  #open({ loop, scans, first, next, body }: LoopStep, stacks: readonly (Stack | null)[]): StoredLoop {
    const build = new Build(this.graph);
    const layout = this.layout.inside();
    const roots: Root[] = [];
    const begins = next.map((node, i): Item => {
      const carried = build.carried(loop, i, first[i]!);
      const stack = stacks[i] ?? null;
      if (stack === null) {
        const { region } = layout.find(carried)!;
        if (node !== carried) roots.push({ node, buffer: region.buffer, inPlace: true });
        return copyOf(first[i]!, region);
      }
      layout.put(carried, stack.carried.region, stack.carried.view);
      roots.push({ node, buffer: stack.whole.buffer, inPlace: false, slot: stack.next });
      return { ...copyOf(first[i]!, stack.whole), view: stack.first.view };
    });
    const wholes = new Set(stacks.map((stack) => stack?.whole));
    for (const scan of scans) {
      const { region, strip } = this.layout.find(scan)!;
      if (wholes.has(region) || this.#ends.has(scan)) continue;
      const node = scan.operands[0]!;
      const view = pickView(strip ?? contiguous(scan.shape), loop);
      roots.push({ node, buffer: region.buffer, inPlace: false, slot: { region, view } });
    }
    this.#pending.push(...first);
    return { inside: new Storage(this.graph, [roots], layout, body, this), begins };
  }

  /**
   * Stores what no kernel could read otherwise: reshapes that are no views, factors that lie the
   * wrong way.
   */
  #storeForced(): void {
    for (let node = this.#pending.pop(); node !== undefined; node = this.#pending.pop()) {
      if (node.op === "scan" || node.op === "carried") continue;
      const items = this.layout.has(node) ? this.items(node) : [copyOf(node, NOWHERE)];
      for (const item of items) {
        for (;;) {
          const forced = this.#forcedBy(item);
          if (forced === null) break;
          this.#force(forced);
        }
      }
    }
  }

  /** Stores a node where it is computed. */
  #force(node: Node): void {
    if (!this.places.has(node) && this.#around !== null) this.#around.#force(node);
    else {
      if (node.op === "scan") throw new CompilerFault("a stack is read otherwise than it lies");
      this.layout.giveOwn(node);
      this.#pending.push(node);
    }
  }

  /** Stores rows that are made of what they would overwrite. */
  #storeRows(): void {
    for (const root of this.entries.flat()) {
      if (root.adds === undefined) continue;
      const body = formBody(single(lastItem(root, NOWHERE)), this.locate);
      if (body instanceof Refusal || body.reads.every(({ region }) => !this.inPlace.has(region.buffer)))
        continue;
      this.#force(root.adds.first);
      this.#storeForced();
    }
  }

  #forcedBy(item: Item): Node | null {
    const group = single(item);
    const body = formBody(group, this.locate);
    if (!(body instanceof Refusal)) {
      if (group.matmul === null) return turnedOperand(group, body, this.locate);
      return liesWell(body.reads[body.left]!, body.reads[body.right]!) ? null : group.matmul.operands[1]!;
    }
    // A strip may lie otherwise than it is read; a buffer of its own does not.
    return body.force !== null && this.locate(body.force)?.strip !== null ? body.force : null;
  }
}

/**
 * Entries of a stack, for each row of the batch, of which a loop's last is all that is read, and that
 * a product's kernel may write. It cannot write them where it reads all of what is carried: so a
 * stack saves a second call at each place, but of more than fit the first cache that costs less.
 */
const MOST_STACKED = 8192;

/** What the bodies of loops read of what is computed around them, past views. */
function readInLoops(steps: readonly Step[]): ReadonlySet<Node> {
  const read = new Set<Node>();
  for (const step of steps) {
    if (step.kind === "node") continue;
    const inside = [...nodesOf(step.body)].flatMap(({ operands }) => operands);
    for (const node of [...inside, ...step.next, ...step.scans.map((scan) => scan.operands[0]!)]) {
      const base = baseOf(node);
      if (!isSource(base) && !NUMBERS.has(base.op)) read.add(base);
    }
  }
  return read;
}

/** What is told by numbers, and read nowhere. */
const NUMBERS: ReadonlySet<OpName> = new Set<OpName>(["constant", "extent", "iota"]);
