/**
 * Equal loops are one. A loop is read anew in each reading of a model, and has another number each
 * time; what its body computes says whether it was there before.
 */
import { type Graph, reachable, remake } from "./graph.ts";
import { attributesKey } from "../ir/key.ts";
import { inLoop, loopsAround, type Carries } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";

interface Known {
  readonly loop: Loop;
  readonly carries: Carries;
}

interface Entry extends Known {
  /** The loop and those in it, in the order in which its body comes to them. */
  readonly loops: readonly Loop[];
}

export class LoopTable {
  readonly #known = new Map<string, Entry>();
  /** By its number, the loop that another has turned out to be. */
  readonly #merged = new Map<number, Loop>();

  /**
   * The loop itself, or the first that computes the same from the same.
   * @param around the loops that it stands in
   */
  of(loop: Loop, carries: Carries, around: readonly Loop[]): Known {
    const { key, loops } = described(loop, carries, new Set(around.map(({ id }) => id)));
    const known = this.#known.get(key) ?? { loop, carries, loops };
    this.#known.set(key, known);
    for (const [i, own] of loops.entries()) {
      const other = known.loops[i]!;
      if (own.id !== other.id) this.#merged.set(own.id, other);
    }
    return known;
  }

  /** A node in the body of a loop that has turned out to be another, as one in the body of that. */
  settled(graph: Graph, node: Node): Node {
    if (![...loopsAround(node).keys()].some((id) => this.#merged.has(id))) return node;
    const made = new Map<Node, Node>();
    for (const x of reachable([node])) {
      const operands = x.operands.map((operand) => made.get(operand)!);
      made.set(x, remake(graph, inLoop(x, this.#merged), operands));
    }
    return made.get(node)!;
  }
}

/** Equal text for loops that differ by their numbers alone, and those of loops in them. */
function described(
  loop: Loop,
  { first, next }: Carries,
  around: ReadonlySet<number>,
): { readonly key: string; readonly loops: readonly Loop[] } {
  const numbers = new Map<number, number>([[loop.id, 0]]);
  const loops = [loop];
  const places = new Map<Node, string>();
  const number = (inner: Loop): number => {
    const known = numbers.get(inner.id) ?? numbers.size;
    if (!numbers.has(inner.id)) loops.push(inner);
    numbers.set(inner.id, known);
    return known;
  };
  const lines: string[] = [];
  for (const node of inside(next, around)) {
    const operands = node.operands.map((x) => places.get(x) ?? `#${x.id}`);
    places.set(node, String(lines.length));
    lines.push(`${node.op}(${operands.join()})${attributesOf(node, number, around)}`);
  }
  const ids = (nodes: readonly Node[]): string => nodes.map((x) => places.get(x) ?? `#${x.id}`).join();
  return { key: `${loop.length} ${loop.reverse} ${ids(first)} ${ids(next)}\n${lines.join("\n")}`, loops };
}

/**
 * What is in loops other than those around, operands before users, in an order that says nothing of when
 * nodes were made.
 */
function inside(next: readonly Node[], around: ReadonlySet<number>): Iterable<Node> {
  const done = new Set<Node>();
  const isLocal = (node: Node): boolean => [...loopsAround(node).keys()].some((id) => !around.has(id));
  const stack = next.toReversed();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const waiting = done.has(node) ? [] : node.operands.filter((x) => isLocal(x) && !done.has(x));
    if (waiting.length > 0) stack.push(...waiting.toReversed());
    else {
      stack.pop();
      if (isLocal(node)) done.add(node);
    }
  }
  return done;
}

function attributesOf(node: Node, number: (loop: Loop) => number, around: ReadonlySet<number>): string {
  if (node.op !== "scan" && node.op !== "pick" && node.op !== "carried")
    // They belong together by construction; the union hides it.
    return attributesKey(node.op, node.attributes as never);
  const { loop } = node.attributes;
  if (around.has(loop.id)) return attributesKey(node.op, node.attributes as never);
  const { length, reverse } = loop;
  const own = { ...node.attributes, loop: { ...loop, id: number(loop) } };
  return `:${length} ${reverse} ${attributesKey(node.op, own as never)}`;
}
