/**
 * Loops in the graph. A loop has no graph of its own: its body is what depends on its `carried` and
 * `pick` nodes, which a `scan` binds as a sum binds its index. So what does not depend on them stands
 * outside of the loop by itself, and rules about formulas need know nothing of loops.
 */
import { fact } from "./fact.ts";
import type { Loop } from "./loop.ts";
import type { Node, NodeOf } from "./node.ts";

/** What a loop carries: first values, and for each the value that goes on to the next place. */
export interface Carries {
  readonly first: readonly Node[];
  readonly next: readonly Node[];
}

/** The parts of a `scan`: what is stacked, and what its loop carries. */
export function partsOf({ operands, attributes }: NodeOf<"scan">): Carries & { readonly value: Node } {
  const { carries } = attributes;
  return {
    value: operands[0]!,
    first: operands.slice(1, 1 + carries),
    next: operands.slice(1 + carries),
  };
}

const NONE: ReadonlyMap<number, Loop> = new Map();

/** The loops, by number, inside of which a node is: it has another value at each of their places. */
export const loopsAround: (node: Node) => ReadonlyMap<number, Loop> = fact(around);

function around(node: Node, operands: readonly ReadonlyMap<number, Loop>[]): ReadonlyMap<number, Loop> {
  const parts = node.op === "scan" ? bound(node, operands) : operands;
  const own = node.op === "carried" || node.op === "pick" ? node.attributes.loop : null;
  const [first = NONE] = parts;
  // As for nearly all nodes there are.
  if (own === null && parts.every((loops) => loops === first)) return first;
  const [largest = NONE] = parts.toSorted((a, b) => b.size - a.size);
  const missing = parts.flatMap((loops) => [...loops.values()].filter(({ id }) => !largest.has(id)));
  if (own !== null && !largest.has(own.id)) missing.push(own);
  return missing.length === 0
    ? largest
    : new Map([...largest, ...missing.map((loop) => [loop.id, loop] as const)]);
}

/** Of a scan's operands, without its own loop: first values are outside of it as they are. */
function bound(
  { attributes: { loop, carries } }: NodeOf<"scan">,
  operands: readonly ReadonlyMap<number, Loop>[],
): ReadonlyMap<number, Loop>[] {
  return operands.map((loops, i) => {
    const isFirst = i >= 1 && i <= carries;
    if (isFirst || !loops.has(loop.id)) return loops;
    return new Map([...loops].filter(([id]) => id !== loop.id));
  });
}

/** Whether a node is in the body of the loop. */
export const isInside = (node: Node, loop: Loop): boolean => loopsAround(node).has(loop.id);

/** How often a node is computed in one run of the formulas around it. */
export const timesOf = (node: Node): number =>
  [...loopsAround(node).values()].reduce((times, { length }) => times * length, 1);

/** What each loop carries that nodes leave something of, by number. */
export function carriedBy(nodes: Iterable<Node>): ReadonlyMap<number, Carries> {
  const loops = new Map<number, Carries>();
  for (const node of nodes) if (node.op === "scan") loops.set(node.attributes.loop.id, partsOf(node));
  return loops;
}

/** What a node is computed from: of what a loop carries, the first value and the one carried on. */
export function arrivesFrom(node: Node, loops: ReadonlyMap<number, Carries>): readonly Node[] {
  if (node.op !== "carried") return node.operands;
  const { loop, index } = node.attributes;
  const run = loops.get(loop.id);
  return run === undefined ? [] : [run.first[index]!, run.next[index]!];
}

/** The node with another loop, where `loops` has one for the number of its own. */
export function inLoop(node: Node, loops: ReadonlyMap<number, Loop>): Node {
  if (node.op !== "scan" && node.op !== "pick" && node.op !== "carried") return node;
  const loop = loops.get(node.attributes.loop.id);
  // The op and its attributes stay together.
  return loop === undefined ? node : ({ ...node, attributes: { ...node.attributes, loop } } as Node);
}
