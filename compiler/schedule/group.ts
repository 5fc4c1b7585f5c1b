/** Nodes computed by one kernel, and the loops that do for all of them. */
import { Build } from "../graph/build.ts";
import type { Graph } from "../graph/graph.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { addAffine, affineOf, isOne, multiplyAffine, ONE, sameShape, type Shape, ZERO } from "../ir/size.ts";
import { isHeavy, isReduction, isRunning, reducedAxes, runningAxis } from "./kinds.ts";
import type { Place, Region } from "./place.ts";
import { contiguous, mergesInto, rowsView, sliceView, squeeze, type View } from "./view.ts";

/**
 * A value to be stored: `node` goes to `region`, entry by entry where `view` (of the node's shape)
 * says.
 */
export interface Item {
  readonly node: Node;
  readonly region: Region;
  readonly view: View;
  /**
   * Whether readers of the node find it in `region`: not so where it overwrites a parameter, or is
   * part of something larger.
   */
  readonly defines: boolean;
  /** Whether the buffer holds the old value of a parameter or a state, which formulas read. */
  readonly inPlace: boolean;
  /** Where its rows are added to those of a table; null where it overwrites. `view` is the first row then. */
  readonly adds: Adding | null;
}

/** Rows of [...batch, ...ids, ...rest], each added to one of a table of [...batch, rows, ...rest]. */
export interface Adding {
  readonly ids: Node;
  /** The table in its region. */
  readonly table: View;
  readonly batch: number;
}

/** Nodes computed by one kernel. */
export interface Group {
  /**
   * A nest: the axes without those of size 1. A product: [...batch, rows, columns], the last two of
   * any size.
   */
  readonly domain: Shape;
  /** Beside `domain`: whether reductions run over the axis. */
  readonly inner: readonly boolean[];
  readonly matmul: NodeOf<"matmul"> | null;
  readonly items: readonly Item[];
}

/** Why a group is no kernel. */
export class Refusal {
  readonly reason: string;
  /** A node that has to be stored for any kernel to read it as it is wanted here. */
  readonly force: Node | null;
  constructor(reason: string, force: Node | null = null) {
    this.reason = reason;
    this.force = force;
  }
}

/** Where the parts of a concatenation lie whose own entries lie in `whole`. */
export function stripsOf({ operands, attributes: { axis } }: NodeOf<"concat">, whole: View): View[] {
  // Along the batch a part begins after rows of which N alone knows the number.
  let start = ZERO;
  return operands.map(({ shape }) => {
    const axes = shape.map(() => ({ start: 0, fromEnd: false, step: 1 }));
    const offset = addAffine(whole.offset, multiplyAffine(start, whole.strides[axis]!));
    start = addAffine(start, affineOf(shape[axis]!));
    return { ...sliceView(whole, axes, shape), offset };
  });
}

/**
 * What writes a stored node that lies at `place`: itself; for one that is put together from parts,
 * the parts.
 * @param regions those of the parts of a concatenation; null for one that writes itself
 */
export function itemsOf(
  node: Node,
  { region, strip }: Place,
  graph: Graph,
  regions: readonly (Region | null)[],
): Item[] {
  const whole = strip ?? contiguous(node.shape);
  const part = (of: Node, to: Region, view: View): Item => ({
    node: of,
    region: to,
    view,
    defines: false,
    inPlace: false,
    adds: null,
  });
  if (node.op === "concat") {
    const strips = stripsOf(node, whole);
    return node.operands.flatMap((operand, i) => {
      const own = regions[i] ?? null;
      return own === null ? [] : [part(operand, own, strips[i]!)];
    });
  }
  if (node.op === "embed") {
    const inner = node.operands[0]!;
    const zeros = new Build(graph, node.origin).zeros(node.shape);
    return [
      part(zeros, region, whole),
      part(inner, region, sliceView(whole, node.attributes.axes, inner.shape)),
    ];
  }
  if (node.op === "scatter") {
    const [rows, ids] = [node.operands[0]!, node.operands[1]!];
    const { batch } = node.attributes;
    const zeros = new Build(graph, node.origin).zeros(node.shape);
    const first = rowsView(whole, rows.shape, batch);
    return [part(zeros, region, whole), { ...part(rows, region, first), adds: { ids, table: whole, batch } }];
  }
  return [{ node, region, view: whole, defines: true, inPlace: false, adds: null }];
}

/** The kernel of one item alone. */
export function single(item: Item): Group {
  const { node } = item;
  const items = [item];
  if (item.defines && node.op === "matmul") {
    const rank = node.shape.length;
    const domain: Shape = [...squeeze(node.shape.slice(0, rank - 2)), ...node.shape.slice(rank - 2)];
    return { domain, inner: domain.map(() => false), matmul: node satisfies NodeOf<"matmul">, items };
  }
  if (item.defines && isReduction(node) && isHeavy(node)) {
    const { shape } = node.operands[0]!;
    const axes = reducedAxes(node);
    const inner = shape.flatMap((size, axis) => (isOne(size) ? [] : [axes.includes(axis)]));
    return { domain: squeeze(shape), inner, matmul: null, items };
  }
  const domain = squeeze(node.shape);
  const along = item.defines && isRunning(node) ? runningAxis(node) : -1;
  const inner = node.shape.flatMap((size, axis) => (isOne(size) ? [] : [axis === along]));
  return { domain, inner, matmul: null, items };
}

/** The loops that do for both, with the item's node added; null where there are none. */
export function join(group: Group, other: Group, item: Item): Group | null {
  const items = [...group.items, item];
  const [loops, otherLoops] = [squeeze(group.domain), squeeze(other.domain)];
  const reduces = group.inner.includes(true);
  const otherReduces = other.inner.includes(true);
  if (sameShape(loops, otherLoops)) {
    if (group.matmul !== null) return otherReduces ? null : { ...group, items };
    if (!otherReduces) return { ...group, items };
    if (!reduces || group.inner.every((inner, axis) => inner === other.inner[axis]))
      return { ...other, items };
    return null;
  }
  // Bias and activation of a layer over three axes, whose product is one over the rows of them all.
  if (group.matmul !== null)
    return !otherReduces && mergesInto(otherLoops, loops) ? { ...group, items } : null;
  if (reduces && !otherReduces && sameShape(squeeze(kept(group)), otherLoops)) return { ...group, items };
  if (otherReduces && !reduces && loops.length > 0 && sameShape(squeeze(kept(other)), loops))
    return { ...other, items };
  return null;
}

/** The domain without what is reduced along. */
export const kept = ({ domain, inner }: Pick<Group, "domain" | "inner">): Shape =>
  domain.map((size, axis) => (inner[axis] === true ? ONE : size));
