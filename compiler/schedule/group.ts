/** Nodes computed by one kernel, and the loops that do for all of them. */
import { Build } from "../graph/build.ts";
import type { Graph } from "../graph/graph.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { addAffine, affineOf, isOne, multiplyAffine, ONE, sameShape, type Shape, ZERO } from "../ir/size.ts";
import { isHeavy, isReduction, reducedAxes } from "./kinds.ts";
import { contiguous, sliceView, squeeze, type View } from "./view.ts";

/**
 * A value to be stored: `node` goes to `buffer`, entry by entry where `view` (of the node's shape)
 * says.
 */
export interface Item {
  readonly node: Node;
  readonly buffer: number;
  readonly view: View;
  /**
   * Whether readers of the node find it in `buffer`: not so where it overwrites a parameter, or is
   * part of something larger.
   */
  readonly defines: boolean;
  /** Whether the buffer holds the old value of a parameter or a state, which formulas read. */
  readonly inPlace: boolean;
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

/** What writes a stored node: itself; for one that is put together from parts, the parts. */
export function itemsOf(node: Node, buffer: number, graph: Graph): Item[] {
  const whole = contiguous(node.shape);
  if (node.op === "concat") {
    const { axis } = node.attributes;
    // Along the batch a part begins after rows of which N alone knows the number.
    let start = ZERO;
    return node.operands.map((part): Item => {
      const axes = part.shape.map(() => ({ start: 0, fromEnd: false, step: 1 }));
      const view = sliceView(whole, axes, part.shape);
      const offset = multiplyAffine(start, whole.strides[axis]!);
      start = addAffine(start, affineOf(part.shape[axis]!));
      return { node: part, buffer, view: { ...view, offset }, defines: false, inPlace: false };
    });
  }
  if (node.op === "embed") {
    const part = node.operands[0]!;
    const zeros = new Build(graph, node.origin).zeros(node.shape);
    return [
      { node: zeros, buffer, view: whole, defines: false, inPlace: false },
      {
        node: part,
        buffer,
        view: sliceView(whole, node.attributes.axes, part.shape),
        defines: false,
        inPlace: false,
      },
    ];
  }
  return [{ node, buffer, view: whole, defines: true, inPlace: false }];
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
  return { domain, inner: domain.map(() => false), matmul: null, items };
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
  if (group.matmul !== null) return null;
  if (reduces && !otherReduces && sameShape(squeeze(kept(group)), otherLoops)) return { ...group, items };
  if (otherReduces && !reduces && loops.length > 0 && sameShape(squeeze(kept(other)), loops))
    return { ...other, items };
  return null;
}

/** The domain without what is reduced along. */
export const kept = ({ domain, inner }: Pick<Group, "domain" | "inner">): Shape =>
  domain.map((size, axis) => (inner[axis] === true ? ONE : size));
