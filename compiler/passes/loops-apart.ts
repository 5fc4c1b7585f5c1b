/**
 * One run of a loop has one place in the nest. Rewriting may leave a loop inside of another for some of
 * what it leaves alone: in
 *
 *   for a in A: for x in X: s ← f(s, x), leaving s and a s
 *
 * s is the same for every a, and its stack stands outside of the loop over A. Then each is made a loop
 * of its own, with what it reaches of the body and of what is carried.
 */
import { Build } from "../graph/build.ts";
import { type Graph, reachable, remake } from "../graph/graph.ts";
import { listRoots, type Model } from "../graph/model.ts";
import type { Loop } from "../ir/loop.ts";
import { inLoop, loopsAround, partsOf } from "../ir/loops.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { mapModel } from "./rewrite.ts";

type Scan = NodeOf<"scan">;

/** What has become of nodes, and of which loop each new one is, by number. */
export interface Apart {
  readonly map: ReadonlyMap<Node, Node>;
  readonly loops: ReadonlyMap<number, number>;
}

/** The model with every loop at one place; and the loops that it has for others. */
export function loopsApart(model: Model): { readonly model: Model; readonly loops: Apart["loops"] } {
  const apart = setApart(model.graph, listRoots(model));
  if (apart === null) return { model, loops: new Map() };
  return { model: mapModel(model, (node) => apart.map.get(node)), loops: apart.loops };
}

/** The same of some formulas; null where all loops are at one place. */
export function setApart(graph: Graph, roots: readonly Node[]): Apart | null {
  let made = roots;
  let map: ReadonlyMap<Node, Node> | null = null;
  const loops = new Map<number, number>();
  for (let mixed = mixedOne(made); mixed !== null; mixed = mixedOne(made)) {
    const step = divide(graph, made, mixed, loops);
    map = map === null ? step : after(map, step);
    made = made.map((root) => step.get(root)!);
  }
  return map === null ? null : { map, loops };
}

/** What nodes have become in two steps, of those that are still there. */
function after(first: ReadonlyMap<Node, Node>, second: ReadonlyMap<Node, Node>): ReadonlyMap<Node, Node> {
  const map = new Map<Node, Node>();
  for (const [node, made] of first) {
    const last = second.get(made);
    if (last !== undefined) map.set(node, last);
  }
  return map;
}

/** A loop that would have to run at several places. */
interface Mixed {
  readonly loop: Loop;
  /** What it leaves, by place. */
  readonly groups: readonly (readonly Scan[])[];
  /** The numbers of the loop and of those in it, whose bodies are a part of its own. */
  readonly inside: ReadonlySet<number>;
}

/** One that no other such loop is inside of, if there is any. */
function mixedOne(roots: readonly Node[]): Mixed | null {
  const scans = reachable(roots).filter((node) => node.op === "scan");
  const leaves = grouped(scans, ({ attributes }) => attributes.loop.id);
  const mixed = new Map<number, readonly (readonly Scan[])[]>();
  for (const [id, left] of leaves) {
    const places = grouped(left, (scan) => [...loopsAround(scan).keys()].sort((a, b) => a - b).join());
    if (places.size > 1) mixed.set(id, [...places.values()]);
  }
  const found = [...mixed].map(([id, groups]): Mixed => {
    const { loop } = groups[0]![0]!.attributes;
    return { loop, groups, inside: loopsInside(id, scans) };
  });
  const isInnermost = ({ loop, inside }: Mixed): boolean =>
    found.every((other) => other.loop.id === loop.id || !inside.has(other.loop.id));
  return found.find(isInnermost) ?? found[0] ?? null;
}

function grouped<K>(scans: readonly Scan[], keyOf: (scan: Scan) => K): ReadonlyMap<K, readonly Scan[]> {
  const groups = new Map<K, Scan[]>();
  for (const scan of scans) {
    const key = keyOf(scan);
    groups.set(key, [...(groups.get(key) ?? []), scan]);
  }
  return groups;
}

/** The numbers of a loop and of all that run at its places. */
function loopsInside(id: number, scans: readonly Scan[]): ReadonlySet<number> {
  const inside = new Set([id]);
  for (let before = 0; before < inside.size;) {
    before = inside.size;
    for (const scan of scans) if (isIn(scan, inside)) inside.add(scan.attributes.loop.id);
  }
  return inside;
}

const isIn = (node: Node, loops: ReadonlySet<number>): boolean =>
  [...loopsAround(node).keys()].some((id) => loops.has(id));

/** What `roots` are made of, with a loop for each of the groups of what one leaves. */
function divide(
  graph: Graph,
  roots: readonly Node[],
  mixed: Mixed,
  loops: Map<number, number>,
): ReadonlyMap<Node, Node> {
  const map = new Map<Node, Node>();
  const bodies = mixed.groups.map((scans) => new Body(graph, mixed, scans, map));
  for (const body of bodies) for (const [made, of] of body.loops) loops.set(made, of);
  for (const node of reachable(roots)) {
    if (isIn(node, mixed.inside)) {
      for (const body of bodies) body.take(node);
      continue;
    }
    const left =
      node.op === "scan" ? bodies.find(({ scans }) => scans.includes(node))?.leave(node) : undefined;
    const operands = node.operands.map((x) => map.get(x)!);
    map.set(node, left ?? remake(graph, node, operands));
  }
  return map;
}

/** As much of a loop's body as some of what it leaves is made of, in a loop of its own. */
class Body {
  readonly scans: readonly Scan[];
  /** The numbers of its loops, and of those that they are for. */
  readonly loops: ReadonlyMap<number, number>;
  readonly #graph: Graph;
  readonly #loop: Loop;
  readonly #around: ReadonlyMap<Node, Node>;
  readonly #own = new Map<number, Loop>();
  /** What is carried that it reaches, by its number. */
  readonly #carried: readonly number[];
  readonly #reached: ReadonlySet<Node>;
  readonly #made = new Map<Node, Node>();

  /** @param around what nodes outside of the loop have become */
  constructor(
    graph: Graph,
    { loop, inside }: Mixed,
    scans: readonly Scan[],
    around: ReadonlyMap<Node, Node>,
  ) {
    this.#graph = graph;
    this.#loop = loop;
    this.#around = around;
    this.scans = scans;
    const { next } = partsOf(scans[0]!);
    const reached = new Set<Node>();
    const carried = new Set<number>();
    const stack = scans.map((scan) => scan.operands[0]!);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (reached.has(node) || !isIn(node, inside)) continue;
      reached.add(node);
      stack.push(...node.operands);
      if (node.op === "scan") this.#newLoop(node.attributes.loop);
      if (node.op !== "carried" || node.attributes.loop.id !== loop.id) continue;
      carried.add(node.attributes.index);
      stack.push(next[node.attributes.index]!);
    }
    this.#newLoop(loop);
    this.#reached = reached;
    this.#carried = [...carried].sort((a, b) => a - b);
    this.loops = new Map([...this.#own].map(([id, own]) => [own.id, id]));
  }

  #newLoop({ id, length, reverse }: Loop): void {
    if (!this.#own.has(id)) this.#own.set(id, this.#graph.loop(length, reverse));
  }

  /** Makes a node of the body again, where it is reached. */
  take(node: Node): void {
    if (!this.#reached.has(node)) return;
    const isOwn = node.op === "carried" && node.attributes.loop.id === this.#loop.id;
    const again = isOwn ? this.#leaf(node) : inLoop(node, this.#own);
    this.#made.set(node, remake(this.#graph, again, node.operands.map(this.#now)));
  }

  #leaf(node: NodeOf<"carried">): Node {
    const index = this.#carried.indexOf(node.attributes.index);
    const loop = this.#own.get(this.#loop.id)!;
    return { ...node, attributes: { ...node.attributes, loop, index } };
  }

  readonly #now = (node: Node): Node => this.#made.get(node) ?? this.#around.get(node)!;

  /** The stack of what it leaves. */
  leave(scan: Scan): Node {
    const { value, first, next } = partsOf(scan);
    const pick = (nodes: readonly Node[]): Node[] => this.#carried.map((i) => this.#now(nodes[i]!));
    const build = new Build(this.#graph, scan.origin);
    return build.scan(this.#own.get(this.#loop.id)!, this.#now(value), {
      first: pick(first),
      next: pick(next),
    });
  }
}
