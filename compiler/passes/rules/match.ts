/**
 * What patterns are made of: constants and scales, negations, views, and reductions spread back
 * over what they reduced.
 */
import type { Build } from "../../graph/build.ts";
import { remake } from "../../graph/graph.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { sameShape, type Shape } from "../../ir/size.ts";
import type { Site } from "../rewrite.ts";

export const isConstant = (node: Node, value?: number): node is NodeOf<"constant"> =>
  node.op === "constant" && (value === undefined || node.attributes.value === value);

/** What a scalar was before it was given a shape. */
export function unspread(node: Node): Node {
  while (node.op === "broadcast" || node.op === "reshape") node = node.operands[0]!;
  return node;
}

/** Either order of the operands of a commutative op. */
export const orders = (node: { readonly operands: readonly Node[] }): readonly (readonly [Node, Node])[] => {
  const [a, b] = node.operands;
  return [
    [a!, b!],
    [b!, a!],
  ];
};

/** -x, without a second minus where x has one. */
export function negated({ b, as }: Site, x: Node): Node {
  const inner = as(x, "neg");
  if (inner !== null) return inner.operands[0]!;
  const scaled = as(x, "mul");
  for (const [u, c] of scaled === null ? [] : orders(scaled)) {
    if (isConstant(c)) return b.mul(u, -c.attributes.value);
  }
  return isConstant(x) ? b.constant(-x.attributes.value, x.shape) : b.neg(x);
}

export const areOpposite = (site: Site, x: Node, y: Node): boolean =>
  negated(site, x) === y || negated(site, y) === x;

/** A node as an op that a rule may look into; null where it is another, or a variable. */
export type Look = Site["as"];

/** offset + slope · core, entry by entry, under views, the outermost first. */
export interface Affine {
  readonly core: Node;
  readonly offset: number;
  readonly slope: number;
  readonly views: readonly Node[];
}

/**
 * `node` where it is a view: a reshape, a permutation, a broadcast, a slice, windows or the choice of
 * an entry, with all of which elementwise functions commute.
 */
const viewOf = (as: Look, node: Node): Node | null =>
  as(node, "reshape") ??
  as(node, "permute") ??
  as(node, "broadcast") ??
  as(node, "slice") ??
  as(node, "windows") ??
  as(node, "gather");

/**
 * Sums, products and views that are read behind one another: rules ask at every node of a chain.
 */
const MOST_LINKS = 64;

/**
 * Reads sums and products with numbers, `MOST_LINKS` of them at most; 0 + 1 · node where there are
 * none.
 */
export function affine(as: Look, node: Node): Affine {
  let [core, offset, slope] = [node, 0, 1];
  const views: Node[] = [];
  for (let links = 0; ; links++) {
    if (links === MOST_LINKS) return { core, offset, slope, views };
    const [a, c] = core.operands;
    const [sum, difference, product] = [as(core, "add"), as(core, "sub"), as(core, "mul")];
    const view = viewOf(as, core);
    if (view !== null) views.push(view);
    if (view !== null) core = view.operands[0]!;
    else if (as(core, "neg") !== null) [core, slope] = [a!, -slope];
    else if (sum !== null && isConstant(a!)) [core, offset] = [c!, offset + slope * a.attributes.value];
    else if (sum !== null && isConstant(c!)) [core, offset] = [a!, offset + slope * c.attributes.value];
    else if (difference !== null && isConstant(a!))
      [core, offset, slope] = [c!, offset + slope * a.attributes.value, -slope];
    else if (difference !== null && isConstant(c!))
      [core, offset] = [a!, offset - slope * c.attributes.value];
    else if (product !== null && isConstant(a!)) [core, slope] = [c!, slope * a.attributes.value];
    else if (product !== null && isConstant(c!)) [core, slope] = [a!, slope * c.attributes.value];
    else if (as(core, "div") !== null && isConstant(c!)) [core, slope] = [a!, slope / c.attributes.value];
    else return { core, offset, slope, views };
  }
}

/** A node seen through views: `again` puts the same views over another node of the core's shape. */
export interface Viewed {
  readonly core: Node;
  readonly again: (node: Node) => Node;
}

/** Looks through views. */
export function throughViews({ b, as }: Site, node: Node): Viewed {
  const views: Node[] = [];
  let core = node;
  for (;;) {
    const view = viewOf(as, core);
    if (view === null) break;
    views.push(view);
    core = view.operands[0]!;
  }
  return { core, again: (other) => underViews(b, views, other) };
}

/** `x` under the views given, the outermost first. */
export const underViews = (b: Build, views: readonly Node[], given: Node): Node =>
  views.reduceRight((x, view) => remake(b.graph, view, [x, ...view.operands.slice(1)]), given);

/**
 * The reduction that `node` is, or is spread from over `node`'s shape, axis under axis; reshapes on
 * the way that undo one another (dropping the reduced axes and adding them again) do not matter,
 * nor does a cut gradient.
 */
export function spreadReduction<K extends "sum" | "reduce_max" | "logsumexp">(
  { as }: Site,
  node: Node,
  op: K,
): NodeOf<K> | null {
  const spread = as(node, "broadcast")?.operands[0] ?? node;
  let inner = spread;
  for (;;) {
    const step = as(inner, "reshape") ?? as(inner, "stop_gradient");
    if (step === null) break;
    inner = step.operands[0]!;
  }
  const reduction = as(inner, op);
  return reduction !== null && sameShape(reduction.shape, spread.shape) ? reduction : null;
}

/** Axes of the reduction; every reduction has them. */
export const axesOf = (reduction: NodeOf<"sum" | "reduce_max" | "logsumexp">): readonly number[] =>
  reduction.attributes.axes;

/** x, where `node` is x - max x with the maximum over at least `axes`. */
export function unshifted(site: Site, node: Node, axes: readonly number[]): Node | null {
  const difference = site.as(node, "sub");
  if (difference === null) return null;
  const [x, shift] = difference.operands;
  const top = spreadReduction(site, shift!, "reduce_max");
  if (top === null || top.operands[0] !== x) return null;
  return axes.every((axis) => axesOf(top).includes(axis)) ? x! : null;
}

/** A number, or one over a size, spread or not. */
export function isScale(x: Node): boolean {
  const core = unspread(x);
  if (core.op === "reciprocal") return core.operands[0]!.op === "extent";
  return isConstant(core) && isOrdinary(core.attributes.value);
}

/** Whether a number and its inverse are normal in f32: there is no overflow or underflow to it. */
export const isOrdinary = (c: number): boolean => Math.abs(c) >= 2 ** -126 && Math.abs(c) <= 2 ** 126;

/** A constant in another shape, or a tensor stretched to it. */
export const resized = (b: Build, x: Node, shape: Shape): Node =>
  isConstant(x) ? b.constant(x.attributes.value, shape, x.type) : b.broadcast(x, shape);
