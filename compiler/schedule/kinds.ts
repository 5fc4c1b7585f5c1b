/** What a node is to kernels: in memory already, one entry, a reduction, loops of its own. */
import type { Node, NodeOf, ReductionName } from "../ir/node.ts";
import { isOne } from "../ir/size.ts";
import { isView, type ViewNode } from "../ops/movement.ts";

export const REDUCE = { sum: "sum", prod: "prod", reduce_max: "max", reduce_min: "min" } as const;
export type Reduction = NodeOf<Extract<ReductionName, keyof typeof REDUCE>>;

export const isReduction = (node: Node): node is Reduction => node.op in REDUCE;

/** The axes that a reduction really runs over: over an axis of size 1 there is nothing to sum. */
export const reducedAxes = (node: Reduction): number[] =>
  node.attributes.axes.filter((axis) => !isOne(node.operands[0]!.shape[axis]!));

export type Running = Extract<Node, { op: "cumsum" | "cumprod" | "recur" | "rank" }>;
/** What goes along an axis from entry to entry, or puts it in order. */
export const isRunning = (node: Node): node is Running =>
  node.op === "cumsum" || node.op === "cumprod" || node.op === "recur" || node.op === "rank";

/** The axis that it goes along. */
export const runningAxis = (node: Running): number =>
  node.op === "rank" ? node.shape.length - 1 : node.attributes.axis;

/** Computed by loops of its own: what cannot be inlined in an elementwise formula. */
export const isHeavy = (node: Node): boolean =>
  node.op === "matmul" || (isReduction(node) && reducedAxes(node).length > 0) || isRunning(node);

/**
 * What kernels read as it lies in memory, with other strides or from another place on: views, and
 * the entry at the place of a loop.
 */
export type LaidNode = ViewNode | NodeOf<"pick">;
export const isLaid = (node: Node): node is LaidNode => isView(node) || node.op === "pick";

/** One entry at compile time. */
export const isSingle = (node: Node): boolean => node.shape.every(isOne);

/** A node that lies in memory before any kernel runs. */
export const isSource = (node: Node): boolean =>
  node.op === "input" ||
  node.op === "parameter" ||
  node.op === "state" ||
  node.op === "hyper" ||
  node.op === "step" ||
  node.op === "carried" ||
  node.op === "table";
