/** The hash-consed graph: asking twice for one formula gives one node. */
import { ops } from "../ops/table.ts";
import type { Op } from "../ops/op.ts";
import { OpError } from "../ir/op-error.ts";
import { attributesKey } from "../ir/key.ts";
import type { Loop } from "../ir/loop.ts";
import type { Attributes, Node, NodeOf, OpName } from "../ir/node.ts";
import type { Origin } from "../ir/origin.ts";
import { sameShape } from "../ir/size.ts";

export class Graph {
  #byKey = new Map<string, Node>();
  readonly limit: number;
  /** Above the numbers of all loops that there are. */
  #loops = 0;
  /** What `watch` gathers, for each call of it that is under way. */
  readonly #asked: Set<Node>[] = [];

  /** @param limit how many nodes a program may have; one more throws OpError `graph-too-large`. */
  constructor(limit = 200_000) {
    this.limit = limit;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** A graph with the same nodes, which grows by itself. */
  fork(limit: number): Graph {
    const graph = new Graph(limit);
    graph.#byKey = new Map(this.#byKey);
    graph.#loops = this.#loops;
    return graph;
  }

  /** A loop that no node of the graph belongs to yet. */
  loop(length: number, reverse: boolean): Loop {
    return { id: this.#loops++, length, reverse };
  }

  /** What `work` returns, and every node that was asked for meanwhile, made before or not. */
  watch<T>(work: () => T): { readonly value: T; readonly asked: ReadonlySet<Node> } {
    const asked = new Set<Node>();
    this.#asked.push(asked);
    try {
      return { value: work(), asked };
    } finally {
      this.#asked.pop();
      const outer = this.#asked.at(-1);
      if (outer !== undefined) for (const node of asked) outer.add(node);
    }
  }

  /**
   * The node `op(operands)` with these attributes.
   * @throws OpError where shapes or types do not fit
   */
  make<K extends OpName>(
    op: K,
    operands: readonly Node[],
    attributes: Attributes[K],
    origin: Origin = {},
  ): NodeOf<K> {
    const key = keyOf(op, operands, attributesKey(op, attributes));
    const known = this.#byKey.get(key);
    // The key begins with the op's name, so what it finds is of this op.
    if (known !== undefined) {
      this.#asked.at(-1)?.add(known);
      return known as unknown as NodeOf<K>;
    }
    // A table indexed by K holds, for K, the record of K; the compiler cannot follow that through a
    // mapped type.
    const record = ops[op] as unknown as Op<K>;
    const { shape: inferred, type } = record.infer(operands, attributes);
    // Most values have the shape of an operand: one list for all of them.
    const shape = operands.find((operand) => sameShape(operand.shape, inferred))?.shape ?? inferred;
    if (this.size >= this.limit) {
      throw new OpError(
        "graph-too-large",
        `the program expands to more than ${this.limit.toLocaleString("en")} operations`,
        [],
        "use fewer or smaller loops",
      );
    }
    const node: NodeOf<K> = { id: this.size, op, attributes, operands, shape, type, origin };
    if ("loop" in attributes) this.#loops = Math.max(this.#loops, attributes.loop.id + 1);
    this.#asked.at(-1)?.add(node as unknown as Node);
    this.#byKey.set(key, node as unknown as Node);
    return node;
  }
}

/** Joined, since what `+` makes of parts keeps them all, in three times the memory. */
const keyOf = (op: OpName, operands: readonly Node[], attributes: string): string =>
  [op, ...operands.map(({ id }) => id), attributes].join(" ");

/**
 * The nodes that `roots` depend on, themselves included, operands before users. Iterative: graphs
 * are deep.
 */
export function reachable(roots: readonly Node[]): Node[] {
  const seen = new Set<Node>();
  const stack = [...roots];
  let last = 0;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    last = Math.max(last, node.id);
    for (const operand of node.operands) if (!seen.has(operand)) stack.push(operand);
  }
  // Ids grow from operand to user.
  return placed(seen, last) ?? [...seen].sort((a, b) => a.id - b.id);
}

/** How many places are worth having for each node. */
const MOST = 4;

/**
 * In the order of their ids, each put in its place, in a third of the time that sorting takes; null
 * where they are few of a large graph, or of several graphs, which have nodes of one id.
 */
function placed(nodes: ReadonlySet<Node>, last: number): Node[] | null {
  if (last >= MOST * nodes.size) return null;
  const places: (Node | undefined)[] = [];
  places.length = last + 1;
  for (const node of nodes) {
    if (places[node.id] !== undefined) return null;
    places[node.id] = node;
  }
  return places.filter((node) => node !== undefined);
}

/**
 * What `roots` depend on, made again in `graph`, with another origin where `origins` has one: by
 * the nodes that there were.
 */
export function adopt(
  graph: Graph,
  roots: readonly Node[],
  origins: ReadonlyMap<Node, Origin> = new Map(),
): ReadonlyMap<Node, Node> {
  const map = new Map<Node, Node>();
  for (const node of reachable(roots)) {
    const operands = node.operands.map((operand) => map.get(operand)!);
    map.set(node, remake(graph, node, operands, origins.get(node)));
  }
  return map;
}

/** The same op on other operands. */
export function remake(
  graph: Graph,
  node: Node,
  operands: readonly Node[],
  origin: Origin = node.origin,
): Node {
  // `node.op` and `node.attributes` belong together by construction; the union hides it.
  return graph.make(node.op, operands, node.attributes as never, origin) as unknown as Node;
}
