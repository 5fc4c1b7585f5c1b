/**
 * From a group of nodes to the body of one kernel. Every node is computed at the points of the kernel's domain: a view of the node's
 * row-major entries says which entry belongs to which point. Elementwise ops share that view with their operands, movement ops turn it,
 * so that what is not stored anywhere is inlined down to buffers, indices, random streams and constants.
 */
import { keyOf } from "../ir/key.ts";
import type { ElementType, Node, NodeOf, ReductionName } from "../ir/node.ts";
import { isOne, ONE, sameShape, type Shape, type Size } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { isView, type ViewNode } from "../ops/movement.ts";
import type { Value } from "./kernel.ts";
import {
  broadcastView,
  contiguous,
  indexAlong,
  moveView,
  reshapeView,
  sameView,
  squeeze,
  type View,
  viewKey,
} from "./view.ts";

/** A value to be stored: `node` goes to `buffer`, entry by entry where `view` (of the node's shape) says. */
export interface Item {
  readonly node: Node;
  readonly buffer: number;
  readonly view: View;
  /** Whether readers of the node find it in `buffer`: not so where it overwrites a parameter, or is part of something larger. */
  readonly defines: boolean;
  /** Whether the buffer holds the old value of a parameter or a state, which formulas read. */
  readonly inPlace: boolean;
}

/** Nodes computed by one kernel. */
export interface Group {
  /** A nest: the axes without those of size 1. A product: [...batch, rows, columns], the last two of any size. */
  readonly domain: Shape;
  /** Beside `domain`: whether reductions run over the axis. */
  readonly inner: readonly boolean[];
  readonly matmul: NodeOf<"matmul"> | null;
  readonly items: readonly Item[];
}

/** An operand before its loops are permuted and merged: `view` is over the domain (and then the depth, for a product's factors). */
export interface Access {
  readonly buffer: number;
  readonly view: View;
  readonly type: ElementType;
}

export interface Write extends Access {
  readonly item: Item;
}

export interface Body {
  readonly reads: readonly Access[];
  readonly writes: readonly Write[];
  readonly values: readonly FormedValue[];
  /** Numbers of values, beside `writes`. */
  readonly stored: readonly number[];
  /** In `reads`: the factors of a product, which carry one more axis. */
  readonly left: number;
  readonly right: number;
  readonly depth: Size;
}

/** As `Value`, with an access in place of an operand and views over the domain in place of strides over loops. */
export type FormedValue =
  | Exclude<Value, { kind: "index" } | { kind: "random" } | { kind: "load" }>
  | { readonly kind: "load"; readonly access: number }
  | { readonly kind: "index"; readonly view: View }
  | {
      readonly kind: "random";
      readonly distribution: "uniform" | "normal";
      readonly site: number;
      readonly view: View;
    };

/** Why a group is no kernel. `force` is a node that has to be stored for any kernel to read it as it is wanted here. */
export class Unfusable extends Error {
  readonly force: Node | null;
  constructor(reason: string, force: Node | null = null) {
    super(reason);
    this.name = "Unfusable";
    this.force = force;
  }
}

/** A kernel of more values than this would be more than an engine compiles well. */
const VALUE_LIMIT = 640;
/** An epilogue works on a register tile: it stays small. */
const EPILOGUE_LIMIT = 48;

const REDUCE = { sum: "sum", prod: "prod", reduce_max: "max", reduce_min: "min" } as const;
type Reduction = NodeOf<Extract<ReductionName, keyof typeof REDUCE>>;

export const isReduction = (node: Node): node is Reduction => node.op in REDUCE;

/** The axes that a reduction really runs over: over an axis of size 1 there is nothing to sum. */
export const reducedAxes = (node: Reduction): number[] =>
  node.attributes.axes.filter((axis) => !isOne(node.operands[0]!.shape[axis]!));

/** Computed by loops of its own: what cannot be inlined in an elementwise formula. */
export const isHeavy = (node: Node): boolean =>
  node.op === "matmul" || (isReduction(node) && reducedAxes(node).length > 0);

/** One entry at compile time. */
export const isSingle = (node: Node): boolean => node.shape.every(isOne);

/** The movement ops between a node and the domain, innermost first. */
type Chain = {
  readonly step: (view: View) => View | null;
  readonly at: ViewNode | null;
  readonly rest: Chain;
} | null;

const fold = (view: View, chain: Chain): View => {
  let result = view;
  for (let link = chain; link !== null; link = link.rest) {
    const next = link.step(result);
    if (next === null) throw new Unfusable("a reshape is not a view", link.at?.operands[0] ?? null);
    result = next;
  }
  return result;
};

/** How a node of `shape` lies in the group's domain: at every point, or once for all inner points. `null`: not at all. */
function alignment(
  shape: Shape,
  domain: Shape,
  inner: readonly boolean[],
): ((view: View) => View | null) | null {
  const own = squeeze(shape);
  if (sameShape(own, squeeze(domain))) return (view) => reshapeView(view, domain);
  const kept = domain.map((size, axis) => (inner[axis] === true ? ONE : size));
  if (!sameShape(own, squeeze(kept))) return null;
  return (view) => {
    const once = reshapeView(view, kept);
    return once === null ? null : broadcastView(once, domain);
  };
}

/**
 * @param skip items that are computed for others of the group alone
 * @param locate the buffer that holds a node's entries, row-major, when a kernel of its own runs; undefined for what is inlined
 * @throws Unfusable
 */
export function formBody(
  group: Group,
  locate: (node: Node) => number | undefined,
  skip: ReadonlySet<Item> = new Set(),
): Body {
  return new Former(group, locate).body(skip);
}

class Former {
  readonly #group: Group;
  readonly #locate: (node: Node) => number | undefined;
  readonly #own = new Set<Node>();
  readonly #reads: Access[] = [];
  readonly #values: FormedValue[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #byNode = new Map<string, number>();
  #hasReduce = false;
  #computing: Node | null = null;

  constructor(group: Group, locate: (node: Node) => number | undefined) {
    this.#group = group;
    this.#locate = locate;
    for (const item of group.items) if (item.defines) this.#own.add(item.node);
  }

  body(skip: ReadonlySet<Item>): Body {
    const { items, matmul, domain } = this.#group;
    let [left, right, depth] = [-1, -1, ONE];
    if (matmul !== null) {
      const [a, b] = [matmul.operands[0]!, matmul.operands[1]!];
      depth = a.shape.at(-1)!;
      const batch = domain.slice(0, -2);
      left = this.#access(this.#factor(a, [...batch, domain.at(-2)!, depth]), a.type);
      right = this.#access(this.#factor(b, [...batch, depth, domain.at(-1)!]), b.type);
    }
    const writes: Write[] = [];
    const stored: number[] = [];
    for (const item of items) {
      const align = alignment(item.node.shape, domain, this.#group.inner);
      if (align === null) throw new Unfusable("the shapes differ");
      this.#computing = item.defines ? item.node : null;
      const value = this.#value(item.node, { step: align, at: null, rest: null });
      const view = align(item.view);
      if (view === null) throw new Unfusable("the destination is not a view");
      if (skip.has(item)) continue;
      stored.push(value);
      writes.push({
        buffer: item.buffer,
        view,
        type: item.node.type,
        item,
      });
    }
    this.#checkInPlace(writes);
    if (this.#values.length > (matmul === null ? VALUE_LIMIT : EPILOGUE_LIMIT) && items.length > 1) {
      throw new Unfusable("the kernel would be too large");
    }
    return { reads: this.#reads, writes, values: this.#values, stored, left, right, depth };
  }

  /** Where a kernel writes what it reads, each entry must be read at the point that writes it, before it is written. */
  #checkInPlace(writes: readonly Write[]): void {
    for (const write of writes) {
      for (const [index, read] of this.#reads.entries()) {
        if (read.buffer !== write.buffer || write.item.defines) continue;
        if (!write.item.inPlace) throw new Unfusable("it would read what is not put together yet");
        const factor = this.#group.matmul !== null && index < 2;
        if (factor || this.#hasReduce || !sameView(read.view, write.view)) {
          throw new Unfusable("it would overwrite what it still reads");
        }
      }
    }
  }

  #factor(node: Node, shape: Shape): { buffer: number; view: View } {
    const chain: Chain = { step: (view) => reshapeView(view, shape), at: null, rest: null };
    const found = locateThrough(node, this.#locate, chain);
    if (found === null) throw new Unfusable("a factor is not stored", node);
    if (this.#own.has(found.base)) throw new Unfusable("a factor is made by the same kernel");
    return found;
  }

  #access(at: { buffer: number; view: View }, type: ElementType): number {
    const known = this.#reads.findIndex(
      (r) =>
        r.buffer === at.buffer && r.view.shape.length === at.view.shape.length && sameView(r.view, at.view),
    );
    // The factors of a product keep places of their own: their last axes mean other loops.
    if (known >= (this.#group.matmul === null ? 0 : 2)) return known;
    this.#reads.push({ buffer: at.buffer, view: at.view, type });
    return this.#reads.length - 1;
  }

  #push(value: FormedValue): number {
    const key = keyOf(value);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.#values.push(value);
    this.#byKey.set(key, this.#values.length - 1);
    return this.#values.length - 1;
  }

  #value(node: Node, chain: Chain): number {
    // What is only a view of something else need not be a view of entries of its own.
    const stored = this.#computing !== node && this.#locate(node) !== undefined;
    if (isView(node) && !stored && !isSingle(node)) return this.#move(node, chain);
    const uniform = isSingle(node) || node.op === "constant";
    const view = uniform ? this.#single() : fold(contiguous(node.shape), chain);
    const key = `${node.id}:${viewKey(view)}`;
    const known = this.#byNode.get(key);
    if (known !== undefined) return known;
    const made = this.#make(node, chain, view);
    this.#byNode.set(key, made);
    return made;
  }

  /** A single entry is the same at every point. */
  #single(): View {
    return broadcastView(contiguous(this.#group.domain.map(() => ONE)), this.#group.domain);
  }

  #make(node: Node, chain: Chain, view: View): number {
    const computing = node === this.#computing;
    if (this.#own.has(node) && !computing) throw new Unfusable("it is read otherwise than it is made");
    const buffer = computing ? undefined : this.#locate(node);
    if (buffer !== undefined) {
      return this.#push({ kind: "load", access: this.#access({ buffer, view }, node.type) });
    }
    if (isView(node)) return this.#move(node, chain);
    switch (node.op) {
      case "constant":
        return this.#push({ kind: "constant", value: node.attributes.value, type: node.type });
      case "extent":
        return this.#push({ kind: "extent", size: node.attributes.size });
      case "iota": {
        const { shape, axis } = node.attributes;
        return this.#push({
          kind: "index",
          view: isSingle(node) ? view : fold(indexAlong(shape, axis), chain),
        });
      }
      case "random": {
        const { distribution, site } = node.attributes;
        return this.#push({ kind: "random", distribution, site, view });
      }
      case "stop_gradient":
        return this.#value(node.operands[0]!, chain);
      case "sum":
      case "prod":
      case "reduce_max":
      case "reduce_min":
        return this.#reduce(node, chain, computing);
      case "matmul":
        if (node !== this.#group.matmul || !computing) throw new Unfusable("a product of its own", node);
        return this.#push({ kind: "product" });
      default:
        if (isElementwise(node)) {
          const operands = node.operands.map((o) => this.#value(o, chain));
          return this.#push({ kind: "apply", op: node.op, arguments: operands, type: node.type });
        }
        throw new Unfusable(`${node.op} has to be stored`, node);
    }
  }

  #move(node: ViewNode, chain: Chain): number {
    const step = (view: View): View | null => moveView(node, view);
    return this.#value(node.operands[0]!, { step, at: node, rest: chain });
  }

  #reduce(node: Reduction, chain: Chain, computing: boolean): number {
    const operand = node.operands[0]!;
    const axes = reducedAxes(node);
    // Nothing to reduce: the entries are those of the operand, in their order.
    if (axes.length === 0) return this.#value(operand, chain);
    if (!computing) throw new Unfusable("a reduction of its own", node);
    const { domain, inner, matmul } = this.#group;
    const dense = operand.shape.flatMap((size, axis) => (isOne(size) ? [] : [axes.includes(axis)]));
    const fits =
      matmul === null &&
      sameShape(squeeze(operand.shape), domain) &&
      dense.every((reduced, axis) => reduced === inner[axis]);
    if (!fits) throw new Unfusable("the reduction runs over other loops");
    this.#hasReduce = true;
    const value = this.#value(operand, { step: (v) => reshapeView(v, domain), at: null, rest: null });
    return this.#push({ kind: "reduce", op: REDUCE[node.op], value });
  }
}

/** A node that lies in memory before any kernel runs. */
export const isSource = (node: Node): boolean =>
  node.op === "input" ||
  node.op === "parameter" ||
  node.op === "state" ||
  node.op === "hyper" ||
  node.op === "step" ||
  node.op === "table";

/** The buffer under a chain of movement ops, as a view; `null` where something is to be computed first. */
function locateThrough(
  node: Node,
  locate: (node: Node) => number | undefined,
  last: Chain,
): { readonly buffer: number; readonly view: View; readonly base: Node } | null {
  let base = node;
  let chain: Chain = last;
  for (;;) {
    const buffer = locate(base);
    if (buffer !== undefined) {
      return { buffer, view: fold(contiguous(base.shape), chain), base };
    }
    if (!isView(base)) return null;
    const at: ViewNode = base;
    chain = { step: (view) => moveView(at, view), at, rest: chain };
    base = base.operands[0]!;
  }
}
