/**
 * Reverse mode through a loop: a loop that runs the other way. It carries the cotangents of what the
 * loop carries, and takes at each place the cotangent of what the loop leaves there:
 *
 *   h_t = f(h_(t-1), x_t, w)          the loop leaves h, whose cotangent is h̄
 *   c_t = h̄_t + (∂f/∂h)ᵀ c_(t+1)      carried by the other loop, and 0 behind the last place; where h̄
 *                                     is 0 but at the last place, it begins with that instead
 *   x̄_t = (∂f/∂x)ᵀ c_t,  w̄ = Σ_t (∂f/∂w)ᵀ c_t
 *
 * The rules are those of every sweep. They read the values of the loop's body; when all is written,
 * entries of their stacks take the place of these values (`forward-values.ts`).
 */
import type { Build } from "../graph/build.ts";
import { lastPlace } from "../graph/ends.ts";
import { nodesOf, type LoopStep } from "../graph/steps.ts";
import { isInside, type Carries } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { fixed } from "../ir/size.ts";
import { entryOf, onlyEntryOf } from "./entries.ts";
import { fromAgain, fromStacks, type Backward } from "./forward-values.ts";

/** Takes what flows to a node, and what writes the formulas of the reader that it comes from. */
export type FlowTo = (node: Node, flow: Node, from: Build) => void;

/** What a sweep over steps has found. */
export interface Swept {
  /** Of the nodes that anything flows to. */
  readonly cotangents: ReadonlyMap<Node, Node>;
  /** What flows to nodes that are no part of the steps, in the order of the sweep. */
  readonly outside: readonly (readonly [to: Node, flow: Node])[];
  /** What the steps compute, and stacks of what loops in them compute. */
  readonly values: ReadonlySet<Node>;
  /** Cotangents of nodes that have a name. */
  readonly named: readonly Named[];
  /** What nothing flows to, and the op without slope because of which. */
  readonly flat: readonly Flat[];
}

export type Named = readonly [of: Node, cotangent: Node];
export type Flat = readonly [behind: Node, at: Node];

/** A loop to go back through. */
interface Way {
  readonly step: LoopStep;
  readonly b: Build;
  /** Whether the body is run again on the way back, instead of being stacked. */
  readonly again: boolean;
  /** Whether anything may flow to a node. */
  readonly moving: ReadonlySet<Node>;
  /** The cotangents of what the loop leaves. */
  readonly cotangents: ReadonlyMap<Node, Node>;
  /** Sweeps over the body, from what `start` gives. */
  readonly sweepBody: (start: (flowTo: FlowTo) => void) => Swept;
}

/** The sweep over the body, and what has become of its formulas. */
export interface SweptLoop extends Backward {
  readonly swept: Swept;
}

/** Writes the loop that runs back, and hands on what flows out of the loop. */
export function sweepLoop({ step, b, again, moving, cotangents, sweepBody }: Way, flowTo: FlowTo): SweptLoop {
  const { loop, first, next, scans } = step;
  const back = b.graph.loop(loop.length, !loop.reverse);
  const { carried, picks } = leavesOf(step, moving);
  const begins = beginsOf(step, b, cotangents);
  const sweepWith = (live: readonly NodeOf<"carried">[]): Swept =>
    sweepBody((flow) => {
      const begun = new Set(live.map((leaf) => begins.get(leaf.attributes.index)?.scan));
      for (const scan of scans) {
        const cotangent = cotangents.get(scan);
        const [value] = scan.operands;
        if (cotangent === undefined || !moving.has(value!) || begun.has(scan)) continue;
        flow(value!, b.pick(cotangent, back), b);
      }
      for (const [i, leaf] of live.entries()) {
        const value = next[leaf.attributes.index]!;
        if (moving.has(value)) flow(value, b.carried(back, i, leaf), b);
      }
    });
  const { swept, live } = reached(sweepWith, carried);
  const flows = [...swept.cotangents.values(), ...swept.outside.map(([, flow]) => flow)];
  const backward = again ? fromAgain(b, step, back, flows) : fromStacks(b, step, swept.values, back, flows);
  const made = (node: Node): Node => backward.made.get(node) ?? node;
  const cotangentOf = (leaf: Node): Node => made(swept.cotangents.get(leaf)!);
  const carries: Carries = {
    first: live.map(({ shape, attributes }) => begins.get(attributes.index)?.entry ?? b.zeros(shape)),
    next: live.map(cotangentOf),
  };
  const stacked = (node: Node): Node => stackOf(b, back, node, carries);

  for (const [to, flow] of swept.outside) flowTo(to, b.reshape(b.sum(stacked(made(flow)), [0]), to.shape), b);
  for (const leaf of picks)
    if (swept.cotangents.has(leaf)) flowTo(leaf.operands[0]!, stacked(cotangentOf(leaf)), b);
  const last = lastPlace(back);
  for (const leaf of live) {
    const start = first[leaf.attributes.index]!;
    if (moving.has(start)) flowTo(start, entryOf(b, stacked(cotangentOf(leaf)), last), b);
  }
  return { ...backward, swept };
}

/**
 * By the numbers of carried values, those whose stack is read at its last place alone, with the cotangent
 * there: what the loop that runs back begins with.
 */
function beginsOf({ loop, next, scans }: LoopStep, b: Build, cotangents: ReadonlyMap<Node, Node>) {
  const begins = new Map<number, { readonly scan: Node; readonly entry: Node }>();
  const last = lastPlace(loop);
  for (const scan of scans) {
    const index = next.indexOf(scan.operands[0]!);
    const cotangent = cotangents.get(scan);
    if (index < 0 || cotangent === undefined || begins.has(index)) continue;
    const entry = onlyEntryOf(b, cotangent, last);
    if (entry !== null) begins.set(index, { scan, entry });
  }
  return begins;
}

/** The sweep without what nothing flows to: it has the cotangent 0 at every place, and is not carried. */
function reached(
  sweepWith: (live: readonly NodeOf<"carried">[]) => Swept,
  live: readonly NodeOf<"carried">[],
): { readonly swept: Swept; readonly live: readonly NodeOf<"carried">[] } {
  const swept = sweepWith(live);
  const left = live.filter((leaf) => swept.cotangents.has(leaf));
  return left.length === live.length ? { swept, live } : reached(sweepWith, left);
}

/** What of the loop's own leaves has a cotangent: what it carries, and the entries that it picks. */
function leavesOf({ loop, body }: LoopStep, moving: ReadonlySet<Node>) {
  const carried: NodeOf<"carried">[] = [];
  const picks: NodeOf<"pick">[] = [];
  for (const node of nodesOf(body)) {
    if (node.type !== "float" || !moving.has(node)) continue;
    if (node.op === "carried" && node.attributes.loop.id === loop.id) carried.push(node);
    if (node.op === "pick" && node.attributes.loop.id === loop.id) picks.push(node);
  }
  return { carried, picks };
}

/** `node` at every place of a loop; where it is the same at all of them, spread over the places. */
function stackOf(b: Build, loop: Loop, node: Node, carries: Carries): Node {
  return isInside(node, loop)
    ? b.scan(loop, node, carries)
    : b.broadcast(node, [fixed(loop.length), ...node.shape]);
}
