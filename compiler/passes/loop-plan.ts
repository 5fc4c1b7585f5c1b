/**
 * What of a loop stays in it. Only what the carried values wait for has to: what does not depend on
 * them is computed for all places before the loop, and what they do not depend on after it. A value
 * that is read from outside at every place is stored place by place, or computed again from others
 * that are.
 */
import { type LoopStep, nodesOf } from "../graph/steps.ts";
import { isInside } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import { countOf, isFree, USUAL_ROWS } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { isView } from "../ops/movement.ts";
import { ops } from "../ops/table.ts";
import { isLiftable } from "./lift.ts";
import { isDeepTotal, type Total, totalOf } from "./totals.ts";

/** What is read of a loop from outside of it. */
export interface Demand {
  /** At every place. */
  readonly stacks: readonly Node[];
  /** Summed over the places. */
  readonly totals: readonly Node[];
}

export interface LoopPlan {
  /** The body by itself, without those of loops in it. */
  readonly direct: readonly Node[];
  /** The body, with those of loops in it. */
  readonly all: readonly Node[];
  /** Which of the carried values the loop still carries. */
  readonly carries: readonly number[];
  /** Those that are known without the loop, as the next values are, which may be made of ones before. */
  readonly known: readonly number[];
  /** Computed before the loop and picked in it. */
  readonly hoisted: ReadonlySet<Node>;
  readonly isFromBefore: (node: Node) => boolean;
  /** What the loop computes. */
  readonly inLoop: ReadonlySet<Node>;
  /** How stacks that are wanted come about: `store` is by the loop. */
  readonly stacks: ReadonlyMap<Node, "store" | "lift">;
  readonly totals: ReadonlyMap<Node, Total>;
}

/** Operations for an entry from which on a function is worth a stack of its results; see `select.ts`. */
const COSTLY = 8;

export const isCheap = (node: Node): boolean =>
  isView(node) || node.op === "one_hot" || (isElementwise(node) && ops[node.op].flops < COSTLY);

/** Entries at the usual batch. */
const sizeOf = ({ shape }: Node): number =>
  shape.reduce((all, size) => all * countOf(size) * (isFree(size) ? USUAL_ROWS : 1), 1);

const sum = (numbers: readonly number[]): number => numbers.reduce((all, x) => all + x, 0);

/** @param readers how many read a node */
export function planLoop(step: LoopStep, demand: Demand, readers: (node: Node) => number): LoopPlan {
  const { loop, next, body } = step;
  const direct = body.flatMap((s): readonly Node[] => (s.kind === "node" ? [s.node] : s.scans));
  const all = [...nodesOf(body)];
  const inside = (node: Node): boolean => isInside(node, loop);
  const { known, late } = dependence(step, all);
  const live = liveCarries(step, all, [...demand.stacks, ...demand.totals]);
  const carries = next.flatMap((_, i) => (live.has(i) && !known.includes(i) ? [i] : []));
  const core = ancestors(
    all,
    carries.map((i) => next[i]!),
  );
  const goesOn = new Set(carries.map((i) => next[i]!));

  const hoisted = hoistedOf(direct, loop, late, readers);
  const totals = totalsOf(direct, demand.totals, inside);
  /** What has to be there as a stack. */
  const wanted = new Set<Node>();
  const want = (node: Node): void => {
    if (inside(node) && !isPick(node, loop)) wanted.add(node);
  };
  for (const node of demand.stacks) want(node);
  for (const [node, { kind }] of totals) {
    if (kind === "stack") want(node);
    else if (kind !== "inside") for (const x of node.operands) want(x);
  }
  const stays = (node: Node): boolean =>
    late.has(node) && (core.has(node) || !isLiftable(node) || isCopied(node)) && !isCheap(node);
  const isChosen = (node: Node): boolean => late.has(node) && (isCheap(node) || goesOn.has(node));
  const backwards = direct.toReversed();
  for (const node of backwards)
    if (wanted.has(node) && !isChosen(node) && !stays(node)) for (const x of node.operands) want(x);

  // What a stack would cost where it is not there yet.
  const costs = new Map<Node, number>();
  const costOf = (node: Node): number => (late.has(node) && !wanted.has(node) ? costs.get(node)! : 0);
  const parts = (node: Node): number => sum(node.operands.map(costOf));
  for (const node of direct) {
    const own = sizeOf(node);
    if (node.op === "carried" || stays(node) || goesOn.has(node)) costs.set(node, own);
    else costs.set(node, isCheap(node) ? Math.min(own, parts(node)) : parts(node));
  }
  const isLifted = (node: Node): boolean => {
    if (!late.has(node)) return true;
    if (node.op === "carried" || stays(node) || goesOn.has(node)) return false;
    if (!isCheap(node)) return true;
    return isView(node) ? parts(node) <= sizeOf(node) : parts(node) < sizeOf(node);
  };

  const stacks = new Map<Node, "store" | "lift">();
  const inLoop = new Set<Node>(goesOn);
  const ordered = all.toReversed();
  for (let before = -1; before < stacks.size + inLoop.size;) {
    before = stacks.size + inLoop.size;
    for (const node of ordered) {
      if (wanted.has(node) && !stacks.has(node)) {
        const way = isLifted(node) ? "lift" : "store";
        stacks.set(node, way);
        if (way === "store") inLoop.add(node);
        else if (node.op === "carried") want(next[node.attributes.index]!);
        else for (const x of node.operands) want(x);
      }
      if (!inLoop.has(node)) continue;
      if (hoisted.has(node) || (node.op === "carried" && inside(node) && !late.has(node))) want(node);
      else if (!isPick(node, loop)) for (const x of node.operands) inLoop.add(x);
    }
  }
  return {
    direct,
    all,
    carries,
    known,
    hoisted,
    isFromBefore: (node) => !late.has(node),
    inLoop,
    stacks,
    totals,
  };
}

export const isPick = (node: Node, loop: Loop): boolean =>
  node.op === "pick" && node.attributes.loop.id === loop.id && !isInside(node.operands[0]!, loop);

/** Written where they lie in the result: a stack of them is best made so too. */
const isCopied = ({ op }: Node): boolean => op === "concat" || op === "embed";

/** Whether what is carried is the first value throughout. */
export const isStill = (next: Node, loop: Loop, index: number): boolean =>
  loop.length === 1 ||
  (next.op === "carried" && next.attributes.loop.id === loop.id && next.attributes.index === index);

/** What waits for what is carried, and the carried values that do not: the next values are known before. */
function dependence(
  { loop, next }: LoopStep,
  all: readonly Node[],
): { readonly late: ReadonlySet<Node>; readonly known: readonly number[] } {
  const known = next.flatMap((node, i) => (isStill(node, loop, i) ? [i] : []));
  for (;;) {
    const late = new Set<Node>();
    for (const node of all) {
      if (!isInside(node, loop)) continue;
      const isLeaf = node.op === "carried" && node.attributes.loop.id === loop.id;
      const waits = isLeaf
        ? !known.includes(node.attributes.index)
        : node.operands.some((x) => late.has(x)) || !(isLiftable(node) || isPick(node, loop));
      if (waits) late.add(node);
    }
    const more = next.flatMap((node, i) => (known.includes(i) || late.has(node) ? [] : [i]));
    if (more.length === 0) return { late, known };
    known.push(...more);
  }
}

/** The nodes that `roots` are made of, themselves included. */
function ancestors(all: readonly Node[], roots: readonly Node[]): ReadonlySet<Node> {
  const found = new Set(roots);
  for (const node of all.toReversed()) if (found.has(node)) for (const x of node.operands) found.add(x);
  return found;
}

function liveCarries(
  { loop, next }: LoopStep,
  all: readonly Node[],
  roots: readonly Node[],
): ReadonlySet<number> {
  const live = new Set<number>();
  for (let before = -1; before < live.size;) {
    before = live.size;
    const found = ancestors(all, [...roots, ...[...live].map((i) => next[i]!)]);
    for (const node of found)
      if (node.op === "carried" && node.attributes.loop.id === loop.id) live.add(node.attributes.index);
  }
  return live;
}

/**
 * What is worth a stack before the loop: products, reductions, indices, functions that cost. What is
 * cheap is computed where it is read, but for what is done to such a stack alone, which costs no
 * more memory; and nothing is spread over more entries than it is made of.
 */
function hoistedOf(
  direct: readonly Node[],
  loop: Loop,
  late: ReadonlySet<Node>,
  readers: (node: Node) => number,
): ReadonlySet<Node> {
  const hoisted = new Set<Node>();
  const sources = new Map<Node, number>();
  for (const node of direct) {
    if (late.has(node) || node.op === "carried" || isPick(node, loop)) {
      sources.set(node, sizeOf(node));
      continue;
    }
    const operands = node.operands.filter((x) => isInside(x, loop));
    const source = sum(operands.map((x) => sources.get(x)!));
    const own = sizeOf(node);
    const isSpread = own > source && (isElementwise(node) || isCopied(node));
    const isWorth = isView(node)
      ? (node.op === "reshape" || node.op === "permute") && operands.every((x) => hoisted.has(x))
      : isCheap(node)
        ? isElementwise(node) && operands.every((x) => hoisted.has(x) && readers(x) === 1)
        : !isSpread;
    if (isWorth) hoisted.add(node);
    sources.set(node, isWorth ? own : source);
  }
  return hoisted;
}

/** How sums over the places are taken, of what is asked for and of what that is made of. */
function totalsOf(
  direct: readonly Node[],
  asked: readonly Node[],
  inside: (node: Node) => boolean,
): ReadonlyMap<Node, Total> {
  if (asked.length === 0) return new Map();
  const found = new Map<Node, Total>();
  for (const node of direct)
    found.set(
      node,
      totalOf(node, inside, (x) => isDeepTotal(found.get(x)!)),
    );
  const totals = new Map<Node, Total>();
  const needed = new Set(asked);
  for (const node of direct.toReversed()) {
    if (!needed.has(node)) continue;
    const total = found.get(node)!;
    totals.set(node, total);
    if (total.kind === "inside") for (const i of total.summed) needed.add(node.operands[i]!);
  }
  return totals;
}
