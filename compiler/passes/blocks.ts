/**
 * Loops in blocks, for less memory: a loop over T places becomes one over B blocks of S places, B S ≤ T,
 * in whose body a loop goes over the places of a block, and one over the rest. Of the outer loop only what
 * it carries is stacked; the loop that runs back runs each block again before it goes back through it. With
 * S = √T there are about 2 √T carried values at a time instead of T, at the price of one more run of the
 * loop (Griewank 1992; Chen, Xu, Zhang, Guestrin 2016).
 */
import { Build } from "../graph/build.ts";
import { type EndReader, endReaders, lastPlace } from "../graph/ends.ts";
import { type Graph, reachable, remake } from "../graph/graph.ts";
import { listRoots, mapRoots, type Model } from "../graph/model.ts";
import { readersOf } from "../graph/readers.ts";
import { type LoopStep, type Step, stepsTo } from "../graph/steps.ts";
import { inLoop, type Carries } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { fixed, ONE, sameShape } from "../ir/size.ts";
import { entriesOf, entryOf } from "./entries.ts";
import { mapNotes } from "./rewrite.ts";

/** Shorter loops keep everything. */
const SHORTEST = 9;

export interface InBlocks {
  readonly model: Model;
  /** The numbers of loops over blocks, whose bodies are run again on the way back. */
  readonly again: ReadonlySet<number>;
}

/** The model with every long loop that gradients lead through in blocks. */
export function inBlocks(model: Model): InBlocks {
  const roots = listRoots(model);
  const scalars = reachable(roots).flatMap((node) => (node.op === "grad" ? [node.operands[0]!] : []));
  const trained = new Set(
    reachable(scalars).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : [])),
  );
  const again = new Set<number>();
  if (trained.size === 0) return { model, again };
  const copy = new Copy(model.graph, new Map());
  const readers = readersOf(reachable(roots));
  const asked = new Set(roots);
  for (const step of stepsTo(roots)) {
    const isLong = step.kind === "loop" && trained.has(step.loop.id) && step.loop.length >= SHORTEST;
    if (isLong && step.first.length > 0)
      again.add(divide(model.graph, step, copy, (scan) => endReaders(scan, readers, asked)));
    else copy.walk([step]);
  }
  // A stack of which the end alone is read has become that end, which nothing said of it holds of.
  const whole = (node: Node): Node | undefined => {
    const made = copy.made.get(node);
    return made !== undefined && sameShape(made.shape, node.shape) ? made : undefined;
  };
  const applied = model.applied.map((rule) => ({ ...rule, node: whole(rule.node) ?? rule.node }));
  return {
    model: {
      ...model,
      ...mapRoots(model, (node) => copy.made.get(node)!),
      ...mapNotes(model, whole),
      applied,
    },
    again,
  };
}

/** Steps made again, the loops in them under numbers of their own. */
class Copy {
  readonly made: Map<Node, Node>;
  readonly #graph: Graph;
  readonly #loops = new Map<number, Loop>();

  /** @param made what nodes are that the steps read, and what is not made as it was */
  constructor(graph: Graph, made: Map<Node, Node>) {
    this.#graph = graph;
    this.made = made;
  }

  walk(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind === "node") this.#make(step.node);
      else {
        this.#loops.set(step.loop.id, this.#graph.loop(step.loop.length, step.loop.reverse));
        this.walk(step.body);
        for (const scan of step.scans) this.#make(scan);
      }
    }
  }

  #make(node: Node): void {
    if (this.made.has(node)) return;
    const operands = node.operands.map((operand) => this.made.get(operand)!);
    this.made.set(node, remake(this.#graph, inLoop(node, this.#loops), operands));
  }
}

/** Where the places of a loop are: those of whole blocks, and the rest, which comes last. */
interface Division {
  readonly blocks: number;
  readonly places: number;
  readonly rest: number;
  /** Where the blocks begin, and the rest. */
  readonly start: number;
  readonly restStart: number;
}

function divisionOf({ length, reverse }: Loop): Division {
  const places = Math.round(Math.sqrt(length));
  const blocks = Math.floor(length / places);
  const rest = length - blocks * places;
  return reverse
    ? { blocks, places, rest, start: rest, restStart: 0 }
    : { blocks, places, rest, start: 0, restStart: blocks * places };
}

/** Puts the results of a loop in blocks into `copy`; the number of the loop over the blocks. */
function divide(
  graph: Graph,
  step: LoopStep,
  copy: Copy,
  endReadersOf: (scan: NodeOf<"scan">) => readonly EndReader[] | null,
): number {
  const { loop, first, next, scans } = step;
  const { blocks, places, rest, start, restStart } = divisionOf(loop);
  const b = new Build(graph);
  const outer = graph.loop(blocks, loop.reverse);
  const inner = graph.loop(places, loop.reverse);
  const begin = first.map((node) => copy.made.get(node)!);
  const carried = begin.map((node, i) => b.carried(outer, i, node));
  const blockOf = (x: Node): Node => {
    const part = entriesOf(b, x, start, blocks * places);
    return b.pick(b.reshape(part, [fixed(blocks), fixed(places), ...x.shape.slice(1)]), outer);
  };
  const block = run(b, step, copy, inner, carried, blockOf);
  const ends = next.map(block.end);
  const carries: Carries = { first: begin, next: ends };
  const whole = (value: Node): Node => {
    const stack = b.scan(outer, block.stack(value), carries);
    return b.reshape(stack, [fixed(blocks * places), ...value.shape]);
  };

  const atLast = (end: Node): Node => entryOf(b, b.scan(outer, end, carries), lastPlace(outer));
  const after = (): Node[] => ends.map(atLast);
  const restOf = (x: Node): Node => entriesOf(b, x, restStart, rest);
  const tail = rest === 0 ? null : run(b, step, copy, graph.loop(rest, loop.reverse), after(), restOf);
  for (const scan of scans) {
    const value = scan.operands[0]!;
    const endsAlone = endReadersOf(scan);
    if (endsAlone !== null) {
      readEnd(b, scan, endsAlone, tail?.end(value) ?? atLast(block.end(value)), copy.made);
      continue;
    }
    const parts = [whole(value), ...(tail === null ? [] : [tail.stack(value)])];
    const named = new Build(graph, scan.origin);
    copy.made.set(
      scan,
      parts.length === 1 ? parts[0]! : named.concat(loop.reverse ? parts.toReversed() : parts, 0),
    );
  }
  return outer.id;
}

/** What reads the end of a stack alone, of a stack with that entry alone. */
function readEnd(
  b: Build,
  scan: Node,
  readers: readonly EndReader[],
  end: Node,
  made: Map<Node, Node>,
): void {
  made.set(scan, b.reshape(end, [ONE, ...end.shape]));
  for (const { node, axis } of readers) {
    const read = made.get(node.operands[0]!)!;
    if (node.op === "permute") made.set(node, b.permute(read, node.attributes.axes));
    else {
      const axes = node.attributes.axes.with(axis, { start: 0, fromEnd: false, step: 1 });
      made.set(node, b.slice(read, axes, node.attributes.shape));
    }
  }
}

/**
 * The body of a loop, in one that goes over some of its places.
 * @param first what that begins with
 * @param partOf the entries at its places, of what the loop takes entries of
 */
function run(
  b: Build,
  { loop, body, next }: LoopStep,
  around: Copy,
  part: Loop,
  first: readonly Node[],
  partOf: (x: Node) => Node,
): { readonly stack: (value: Node) => Node; readonly end: (value: Node) => Node } {
  const made = new Map(around.made);
  const leaves = body.flatMap((step) => (step.kind === "node" ? [step.node] : []));
  for (const leaf of leaves) {
    if (leaf.op === "carried" && leaf.attributes.loop.id === loop.id)
      made.set(leaf, b.carried(part, leaf.attributes.index, leaf));
    if (leaf.op === "pick" && leaf.attributes.loop.id === loop.id) {
      made.set(leaf, b.pick(partOf(around.made.get(leaf.operands[0]!)!), part));
    }
  }
  new Copy(b.graph, made).walk(body);
  const of = (node: Node): Node => made.get(node)!;
  const carries: Carries = { first, next: next.map(of) };
  const stack = (value: Node): Node => b.scan(part, of(value), carries);
  return { stack, end: (value) => entryOf(b, stack(value), lastPlace(part)) };
}
