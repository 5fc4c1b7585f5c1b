/**
 * From a group of nodes to the body of one kernel. Every node is computed at the points of the
 * kernel's domain: a view of the node's row-major entries says which entry belongs to which point.
 * Elementwise ops share that view with their operands, movement ops turn it, so that what is not
 * stored anywhere is inlined down to buffers, indices, random streams and constants.
 */
import type { Node, NodeOf } from "../ir/node.ts";
import { isOne, movesOf, ONE, sameShape, type Shape, ZERO } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { alignment, entriesOf, fold, link, type Link, locateThrough, placedEntries } from "./chain.ts";
import { type Access, type Body, type FormedValue, valueKey, valueLimit, type Write } from "./formed.ts";
import { type Adding, type Group, type Item, Refusal } from "./group.ts";
import {
  isLaid,
  isSingle,
  type LaidNode,
  REDUCE,
  reducedAxes,
  type Reduction,
  type Running,
  runningAxis,
} from "./kinds.ts";
import { alsoGathered, isBetterTurned, isWorthGathering, refusedFactor, transposed } from "./gathering.ts";
import { loopsAsView, locateLists } from "./lists.ts";
import type { Locate } from "./place.ts";
import {
  broadcastView,
  contiguous,
  indexAlong,
  moveView,
  reshapeView,
  rowsView,
  sameView,
  squeeze,
  type View,
} from "./view.ts";

/** The body of a group, which takes further items. */
export function formBody(group: Group, locate: Locate): GrowingBody | Refusal {
  const body = new GrowingBody({ ...group, items: [] }, locate);
  const refusal = body.begin() ?? body.extendAll(group.items);
  return refusal ?? body;
}

export class GrowingBody implements Body {
  readonly reads: Access[] = [];
  readonly writes: Write[] = [];
  readonly values: FormedValue[] = [];
  readonly stored: number[] = [];
  left = -1;
  right = -1;
  depth = ONE;
  isTurned = false;
  group: Group;
  readonly locate: Locate;
  /** What the kernel makes and others read in a buffer. */
  readonly #own = new Set<Node>();
  readonly #byKey = new Map<string, number>();
  readonly #byNode = new Map<Node, { readonly view: View; readonly value: number }[]>();
  /** What lies under the factors of a product, and under tables. */
  readonly #factors: Node[] = [];
  /**
   * Keys and nodes in the order in which they came, so that an item that does not fit can be taken
   * out again.
   */
  readonly #keys: string[] = [];
  readonly #nodes: Node[] = [];
  /** A single entry is the same at every point. */
  readonly #single: View;
  #hasReduce = false;
  #computing: Node | null = null;
  /** Values beyond which it is given up. */
  #most = Infinity;

  constructor(group: Group, locate: Locate) {
    this.group = group;
    this.locate = locate;
    const { domain } = group;
    this.#single = broadcastView(contiguous(domain.map(() => ONE)), domain);
  }

  /** The factors of a product. */
  begin(): Refusal | null {
    const { matmul, domain } = this.group;
    if (matmul === null) return null;
    const [a, b] = [matmul.operands[0]!, matmul.operands[1]!];
    this.depth = a.shape.at(-1)!;
    const batch = domain.slice(0, -2);
    const left = this.#factor(a, [...batch, domain.at(-2)!, this.depth]);
    if (left instanceof Refusal) return left;
    const columns = this.#factor(b, [...batch, this.depth, domain.at(-1)!]);
    if (columns instanceof Refusal) return columns;
    const [rows, width] = [domain.at(-2)!, domain.at(-1)!];
    this.isTurned = isBetterTurned(left, columns, this.depth);
    const given = this.isTurned
      ? { left: transposed(columns), right: transposed(left), columns: rows }
      : { left, right: columns, columns: width };
    const right = { ...given.right, ...alsoGathered({ ...given, depth: this.depth }) };
    const side = refusedFactor({ ...given, right, depth: this.depth });
    if (side !== null) {
      const force = (side === "left") === this.isTurned ? b : a;
      return new Refusal("a factor is too large to be gathered", force);
    }
    const [first, second] = this.isTurned ? [b, a] : [a, b];
    this.left = this.#access({ ...given.left, type: first.type, isTable: false });
    this.right = this.#access({ ...right, type: second.type, isTable: false });
    return null;
  }

  extendAll(items: readonly Item[]): Refusal | null {
    for (const item of items) if (item.defines) this.#own.add(item.node);
    for (const factor of this.#factors)
      if (this.#own.has(factor)) return new Refusal("a factor is made by the same kernel");
    if (items.length > 1) this.#most = valueLimit(this.group);
    for (const item of items) {
      const refusal = this.#add(item);
      if (refusal !== null) return refusal;
    }
    return this.#check();
  }

  /**
   * The body with one more item, over the same loops; where it does not fit, the body stays as it
   * was.
   */
  extend(item: Item): Refusal | null {
    const { node, defines } = item;
    // What reads it elsewhere in this kernel would have to wait for it.
    if (defines && (this.#byNode.has(node) || this.#factors.includes(node)))
      return new Refusal("it is read otherwise than it is made");
    const { group } = this;
    const [reads, writes, values, nodes, factors] = [
      this.reads,
      this.writes,
      this.values,
      this.#nodes,
      this.#factors,
    ].map(({ length }) => length) as [number, number, number, number, number];
    const hasReduce = this.#hasReduce;
    const isNew = defines && !this.#own.has(node);
    if (isNew) this.#own.add(node);
    this.#most = valueLimit(group);
    const refusal = this.#add(item) ?? this.#check();
    if (refusal === null) return null;
    this.group = group;
    if (isNew) this.#own.delete(node);
    this.#hasReduce = hasReduce;
    for (const key of this.#keys.splice(values)) this.#byKey.delete(key);
    for (const made of this.#nodes.splice(nodes)) {
      const known = this.#byNode.get(made)!;
      known.pop();
      if (known.length === 0) this.#byNode.delete(made);
    }
    this.#factors.length = factors;
    this.values.length = values;
    this.reads.length = reads;
    this.writes.length = writes;
    this.stored.length = writes;
    return refusal;
  }

  /** Forgets what only further items need, which is most of a body: there will be none. */
  close(): void {
    this.#byKey.clear();
    this.#byNode.clear();
    this.#keys.length = this.#nodes.length = 0;
  }

  /** As it is, with the stores that are wanted. */
  storing(isWanted: (write: Write) => boolean): Body {
    const { reads, values, left, right, depth, isTurned } = this;
    const stored = this.stored.filter((_, i) => isWanted(this.writes[i]!));
    return { reads, writes: this.writes.filter(isWanted), values, stored, left, right, depth, isTurned };
  }

  #add(item: Item): Refusal | null {
    const { domain, inner, items } = this.group;
    const align = alignment(item.node.shape, domain, inner);
    if (align === null) return new Refusal("the shapes differ");
    this.#computing = item.defines ? item.node : null;
    const value = this.#value(item.node, link(align));
    if (value instanceof Refusal) return value;
    const view = align(item.view);
    if (view === null) return new Refusal("the destination is not a view");
    const row = item.adds === null ? null : this.#row(item.adds, item.node.shape, link(align));
    if (row instanceof Refusal) return row;
    if (this.values.length > this.#most) return new Refusal("the kernel would be too large");
    this.stored.push(value);
    this.writes.push({ region: item.region, view, type: item.node.type, isTable: row !== null, item, row });
    this.group = { ...this.group, items: [...items, item] };
    return null;
  }

  /**
   * Where a kernel writes what it reads, each entry must be read at the point that writes it,
   * before it is written.
   */
  #check(): Refusal | null {
    for (const write of this.writes) {
      for (const [index, read] of this.reads.entries()) {
        if (read.region !== write.region && !read.region.overlaps(write.region)) continue;
        if (!write.item.inPlace) return new Refusal("it would read what is not put together yet");
        const factor = (this.group.matmul !== null && index < 2) || read.isTable || write.isTable;
        if (factor || this.#hasReduce || !sameView(read.view, write.view))
          return new Refusal("it would overwrite what it still reads");
      }
    }
    return null;
  }

  #factor(node: Node, shape: Shape): Omit<Access, "type" | "isTable"> | Refusal {
    const found = locateThrough(
      node,
      this.locate,
      link((view) => reshapeView(view, shape)),
    );
    if (found === null) return new Refusal("a factor is not stored", node);
    if (!(found instanceof Refusal)) {
      this.#factors.push(found.base);
      return found;
    }
    const listed = locateLists(node, this.locate, shape);
    // Batches are loops around the product.
    if (listed === null || listed.lists.axes.slice(0, -2).some((axis) => axis.length !== 1)) return found;
    const { region, lists } = listed;
    const view = loopsAsView(lists);
    if (!isWorthGathering(view)) return found;
    this.#factors.push(listed.base);
    return { region, view, lists: lists.axes.map(({ length }) => length) };
  }

  #access(access: Access): number {
    const { region, view, isTable } = access;
    const known = this.reads.findIndex(
      (r) => r.region === region && r.isTable === isTable && sameView(r.view, view),
    );
    // The factors of a product keep places of their own: their last axes mean other loops.
    if (known >= (this.group.matmul === null ? 0 : 2)) return known;
    this.reads.push(access);
    return this.reads.length - 1;
  }

  #push(value: FormedValue): number {
    const key = valueKey(value);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.values.push(value);
    this.#keys.push(key);
    this.#byKey.set(key, this.values.length - 1);
    return this.values.length - 1;
  }

  #value(node: Node, chain: Link): number | Refusal {
    // What is only a view of something else need not be a view of entries of its own.
    const stored = this.#computing !== node && this.locate(node) !== undefined;
    const isMoved = isLaid(node) && !stored && !isSingle(node);
    // One that is stored here, and read as such, has to be found again.
    if (isMoved && this.#computing !== node) return this.#move(node, chain);
    const uniform = isSingle(node) || node.op === "constant";
    const view = uniform ? this.#single : entriesOf(node.shape, chain);
    if (view instanceof Refusal) return isMoved ? this.#move(node, chain) : view;
    const known = this.#byNode.get(node)?.find((made) => sameView(made.view, view));
    if (known !== undefined) return known.value;
    const value = isMoved ? this.#move(node, chain) : this.#make(node, chain, view);
    if (value instanceof Refusal) return value;
    const made = this.#byNode.get(node);
    if (made === undefined) this.#byNode.set(node, [{ view, value }]);
    else made.push({ view, value });
    this.#nodes.push(node);
    return value;
  }

  #make(node: Node, chain: Link, view: View): number | Refusal {
    const computing = node === this.#computing;
    if (this.#own.has(node) && !computing) return new Refusal("it is read otherwise than it is made");
    if (this.values.length > this.#most) return new Refusal("the kernel would be too large");
    const place = computing ? undefined : this.locate(node);
    if (place !== undefined) {
      const { region, strip } = place;
      const entries = isSingle(node)
        ? { ...view, offset: strip?.offset ?? view.offset }
        : placedEntries(place, node.shape, chain);
      if (entries instanceof Refusal) return entries;
      const access = this.#access({ region, view: entries, type: node.type, isTable: false });
      return this.#push({ kind: "load", access });
    }
    if (isLaid(node)) return this.#move(node, chain);
    switch (node.op) {
      case "constant":
        return this.#push({ kind: "constant", value: node.attributes.value, type: node.type });
      case "extent":
        return this.#push({ kind: "extent", size: node.attributes.size });
      case "iota": {
        const { shape, axis } = node.attributes;
        const along = isSingle(node) ? view : fold(indexAlong(shape, axis), chain);
        if (along instanceof Refusal) return along;
        if (movesOf(along.offset).length > 0) return new Refusal("its entries are those of a place", node);
        return this.#push({ kind: "index", view: along });
      }
      case "random": {
        const { distribution, site } = node.attributes;
        if (movesOf(view.offset).length > 0) return new Refusal("its entries are those of a place", node);
        return this.#push({ kind: "random", distribution, site, view });
      }
      case "stop_gradient":
        return this.#value(node.operands[0]!, chain);
      case "take":
        return this.#take(node, chain);
      case "cumsum":
      case "cumprod":
      case "recur":
      case "rank":
        return this.#running(node, computing);
      case "sum":
      case "prod":
      case "reduce_max":
      case "reduce_min":
        return this.#reduce(node, chain, computing);
      case "matmul":
        if (node !== this.group.matmul || !computing) return new Refusal("a product of its own", node);
        return this.#push({ kind: "product" });
      default:
        if (isElementwise(node)) {
          const operands = this.#valuesOf(node, chain);
          if (operands instanceof Refusal) return operands;
          return this.#push({ kind: "apply", op: node.op, arguments: operands, type: node.type });
        }
        return new Refusal(`${node.op} has to be stored`, node);
    }
  }

  #valuesOf({ operands }: Node, chain: Link): number[] | Refusal {
    // With room for these alone: kernels hold many such lists, and one that grows has room for more.
    const values = operands.map(() => 0);
    for (const [i, operand] of operands.entries()) {
      const value = this.#value(operand, chain);
      if (value instanceof Refusal) return value;
      values[i] = value;
    }
    return values;
  }

  #move(node: LaidNode, chain: Link): number | Refusal {
    return this.#value(
      node.operands[0]!,
      link((view) => moveView(node, view), node, chain),
    );
  }

  /** Entries of a stored table, from rows on that its ids name. */
  #take(node: NodeOf<"take">, chain: Link): number | Refusal {
    if (this.group.matmul !== null) return new Refusal("rows are taken by loops of their own");
    const [table, ids] = [node.operands[0]!, node.operands[1]!];
    const { batch } = node.attributes;
    const found = locateThrough(
      table,
      this.locate,
      link((view) => view),
    );
    if (found === null) return new Refusal("a table is not stored", table);
    if (found instanceof Refusal) return found;
    if (this.#own.has(found.base)) return new Refusal("a table is made by the same kernel");
    const rows = rowsView(found.view, node.shape, batch);
    const first = isSingle(node) ? { ...this.#single, offset: rows.offset } : fold(rows, chain);
    if (first instanceof Refusal) return first;
    const row = this.#row({ ids, table: found.view, batch }, node.shape, chain);
    if (row instanceof Refusal) return row;
    this.#factors.push(found.base);
    const access = this.#access({ region: found.region, view: first, type: table.type, isTable: true });
    return this.#push({ kind: "fetch", access, row });
  }

  /** Which row of a table each entry of `shape`, [...ids, ...rest], belongs to. */
  #row({ ids, table, batch }: Adding, shape: Shape, chain: Link): number | Refusal {
    const of = this.#value(
      ids,
      link(
        (view) => ({ ...view, shape, strides: shape.map((_, axis) => view.strides[axis] ?? ZERO) }),
        null,
        chain,
      ),
    );
    if (of instanceof Refusal) return of;
    return this.#push({ kind: "row", of, rows: table.shape[batch]!, stride: table.strides[batch]! });
  }

  #overDomain(): Link {
    const { domain } = this.group;
    return link((view) => reshapeView(view, domain));
  }

  /** Whether the inner loops are these axes of what has this shape. */
  #runsAlong(shape: Shape, axes: readonly number[]): boolean {
    const { domain, inner, matmul } = this.group;
    const dense = shape.flatMap((size, axis) => (isOne(size) ? [] : [axes.includes(axis)]));
    return (
      matmul === null && sameShape(squeeze(shape), domain) && dense.every((is, axis) => is === inner[axis])
    );
  }

  #running(node: Running, computing: boolean): number | Refusal {
    if (!computing) return new Refusal("it runs by itself", node);
    if (node.op === "rank") return this.#rank(node);
    const { axis } = node.attributes;
    const operands = this.#valuesOf(node, this.#overDomain());
    if (operands instanceof Refusal) return operands;
    const [x, y] = operands;
    // One entry alone is what it is made of.
    if (isOne(node.shape[axis]!)) return node.op === "recur" ? y! : x!;
    if (!this.#runsAlong(node.shape, [axis])) return new Refusal("it runs along other loops");
    this.#hasReduce = true;
    return this.#push(
      node.op === "recur"
        ? { kind: "running", op: "linear", value: y!, by: x! }
        : { kind: "running", op: node.op === "cumsum" ? "sum" : "prod", value: x!, by: null },
    );
  }

  /** Of a stored row, since all of it is read before any entry has its place. */
  #rank(node: NodeOf<"rank">): number | Refusal {
    const x = node.operands[0]!;
    if (!this.#runsAlong(node.shape, [runningAxis(node)])) return new Refusal("it runs along other loops");
    const found = locateThrough(x, this.locate, this.#overDomain());
    if (found === null) return new Refusal("a row is not stored", x);
    if (found instanceof Refusal) return found;
    this.#hasReduce = true;
    const access = this.#access({ region: found.region, view: found.view, type: x.type, isTable: false });
    return this.#push({ kind: "rank", access, descending: node.attributes.descending });
  }

  #reduce(node: Reduction, chain: Link, computing: boolean): number | Refusal {
    const operand = node.operands[0]!;
    const axes = reducedAxes(node);
    // Nothing to reduce: the entries are those of the operand, in their order.
    if (axes.length === 0) return this.#value(operand, chain);
    if (!computing) return new Refusal("a reduction of its own", node);
    if (!this.#runsAlong(operand.shape, axes)) return new Refusal("the reduction runs over other loops");
    this.#hasReduce = true;
    const value = this.#value(operand, this.#overDomain());
    return value instanceof Refusal ? value : this.#push({ kind: "reduce", op: REDUCE[node.op], value });
  }
}
