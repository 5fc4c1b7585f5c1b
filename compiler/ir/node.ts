/**
 * The graph's nodes. A node is an op applied to nodes; equal nodes are one node (hash-consing, see
 * `graph.ts`), so a program is a directed acyclic graph and "is it the same formula" is `===`.
 *
 * Conventions that every pass relies on:
 * - Elementwise ops take operands of one and the same shape. Broadcasting is a node of its own,
 *   written by the builder.
 * - Reductions keep the reduced axes, as size 1; dropping them is a `reshape`.
 * - `broadcast` keeps the rank: it stretches axes of size 1. Adding leading axes is a `reshape`.
 * - An `int` or a `bool` is a type, not a storage format: values ride in the float format, exact up
 *   to 2^24.
 */
import type { Loop } from "./loop.ts";
import type { Origin } from "./origin.ts";
import type { Shape, Size } from "./size.ts";

export type { Loop };

export type ElementType = "float" | "int" | "bool";

/** Ops applied to each element; operands and result share one shape. */
export interface ElementwiseAttributes extends UnaryAttributes, BinaryAttributes, TernaryAttributes {}

export interface UnaryAttributes {
  neg: {};
  exp: {};
  expm1: {};
  log: {};
  log1p: {};
  sqrt: {};
  reciprocal: {};
  abs: {};
  sign: {};
  sin: {};
  cos: {};
  asin: {};
  acos: {};
  atan: {};
  sinh: {};
  cosh: {};
  tanh: {};
  asinh: {};
  acosh: {};
  sigmoid: {};
  softplus: {};
  relu: {};
  erf: {};
  erfinv: {};
  /** log |Γ(x)| */
  lgamma: {};
  floor: {};
  /** To the nearest integer, ties to even. */
  round: {};
  not: {};
  /** `bool` or `int` read as `float`. */
  cast: {};
  /** The operand, through which no gradient flows. */
  stop_gradient: {};
}

export interface BinaryAttributes {
  add: {};
  /** a + b, which is undone in the backward pass: there a is made again as the sum - b. */
  couple: {};
  sub: {};
  mul: {};
  div: {};
  pow: {};
  /** The angle of the point (b, a). */
  atan2: {};
  max: {};
  min: {};
  lt: {};
  le: {};
  gt: {};
  ge: {};
  eq: {};
  ne: {};
  and: {};
  or: {};
}

export interface TernaryAttributes {
  /** Condition, then, otherwise. */
  where: {};
}

/** Reductions over `axes` (sorted, non-negative), which stay as size 1. */
export interface ReductionAttributes {
  sum: { readonly axes: readonly number[] };
  prod: { readonly axes: readonly number[] };
  reduce_max: { readonly axes: readonly number[] };
  reduce_min: { readonly axes: readonly number[] };
  logsumexp: { readonly axes: readonly number[] };
  /** The index of the first largest entry along one axis; `int`. */
  argmax: { readonly axes: readonly number[] };
}

export interface OtherAttributes {
  /** exp(x - max x) / Σ exp(x - max x) along one axis. */
  softmax: { readonly axis: number };
  /** Batched matrix product [..., m, k] · [..., k, n]; the leading axes of both are equal. */
  matmul: {};

  reshape: { readonly shape: Shape };
  permute: { readonly axes: readonly number[] };
  broadcast: { readonly shape: Shape };
  /**
   * Entries start, start + step, … of each axis; `shape` is the result's. A start counts from the
   * end where `fromEnd` (needed on the free axis alone: `x[-1]` starts at N - 1, written start = 1,
   * fromEnd = true). Steps may be negative.
   */
  slice: { readonly axes: readonly SliceAxis[]; readonly shape: Shape };
  /**
   * The transpose of `slice`: zeros of `shape`, with the operand written where that slice would
   * read.
   */
  embed: { readonly axes: readonly SliceAxis[]; readonly shape: Shape };
  concat: { readonly axis: number };
  /**
   * Runs of `size` entries, `dilation` apart, that begin every `stride` entries of an axis: the axis
   * becomes the number of windows, and a last axis is added, [.., i, .., u] being
   * x[.., stride·i + dilation·u, ..].
   */
  windows: WindowAttributes & { readonly size: number };
  /**
   * The transpose of `windows`: what lies along the last axis is added up where windows of an axis
   * of `length` have it.
   */
  fold: WindowAttributes & { readonly length: number };

  /**
   * [..., K] bool: whether the entry's own index along the last axis equals the `int` operand
   * ([...]).
   */
  one_hot: { readonly classes: number };
  /** x [..., K] and int y [...] → [...]: x[..., y[...]]. */
  gather: {};
  /**
   * x [...B, V, ...R] and int y [...B, ...I] → [...B, ...I, ...R]: the rows of x that y names, the first
   * `batch` axes being those of both. An id that names none gives 0.
   */
  take: { readonly batch: number };
  /**
   * The transpose of `take`: x [...B, ...I, ...R] and int y [...B, ...I] → [...B, count, ...R]: zeros, with
   * each row of x added where y says, in the order of y. A row whose id names none is left out.
   */
  scatter: { readonly batch: number; readonly count: Size };
  /** Sums so far along an axis of known size: y_i = y_(i-1) + x_i. */
  cumsum: { readonly axis: number };
  /** Products so far: y_i = y_(i-1) x_i. */
  cumprod: { readonly axis: number };
  /** The linear recurrence of a and x: y_i = a_i y_(i-1) + x_i, 0 being before the first. */
  recur: { readonly axis: number };
  /**
   * The place of each entry in the order of its row, along the last axis; `int`. Of equal entries the
   * first comes first; NaN counts as the largest.
   */
  rank: { readonly descending: boolean };

  /**
   * [value, ...first values, ...next values] of a loop that carries `carries` tensors: `value` at every
   * place of the loop, stacked along a new first axis. All `scan` nodes of one loop are one run of it.
   */
  scan: { readonly loop: Loop; readonly carries: number };
  /** x [length, ...] → [...]: the entry at the place where the loop is. */
  pick: { readonly loop: Loop };
  /** What a loop carries, by number, as it arrives at a place: the first value, or the next value of the place before. */
  carried: { readonly loop: Loop; readonly index: number; readonly shape: Shape; readonly type: ElementType };

  /**
   * d scalar / d tensor: operands (scalar, tensor); shaped like the tensor. Gone after the pass
   * `differentiate`.
   */
  grad: {};

  // sources: no operands
  /** Every entry is `value`. */
  constant: { readonly value: number; readonly shape: Shape; readonly type: ElementType };
  /** A table of numbers in row-major order. */
  table: { readonly values: readonly number[]; readonly shape: Shape; readonly type: ElementType };
  /** A size as a number, which the free dimension makes a value of run time; scalar. */
  extent: { readonly size: Size };
  /** 0, 1, 2 … along `axis`. */
  iota: { readonly axis: number; readonly shape: Shape };
  input: { readonly name: string; readonly shape: Shape; readonly type: ElementType };
  /**
   * By number in the model's table of parameters, since its path is known only when the model has
   * been read.
   */
  parameter: { readonly index: number; readonly shape: Shape };
  /** The optimizer's state `name` of a parameter. */
  state: { readonly parameter: number; readonly name: string; readonly shape: Shape };
  /** An optimizer argument that stays adjustable at run time; scalar. */
  hyper: { readonly name: string };
  /** 1, 2, 3 …: the number of the step being made; scalar. */
  step: {};
  /**
   * Counter-based random numbers: entry i is a pure function of (seed, step, site, i); see
   * `random.ts`. Uniform in [0, 1) or standard normal. In initializers the step is 0.
   */
  random: { readonly distribution: "uniform" | "normal"; readonly site: number; readonly shape: Shape };
}

export interface Attributes extends ElementwiseAttributes, ReductionAttributes, OtherAttributes {}

export interface SliceAxis {
  readonly start: number;
  readonly fromEnd: boolean;
  readonly step: number;
}

/** Where windows lie along an axis, which is never the free one. */
export interface WindowAttributes {
  readonly axis: number;
  readonly stride: number;
  readonly dilation: number;
}

export type OpName = keyof Attributes;
export type ElementwiseName = keyof ElementwiseAttributes;
export type ReductionName = keyof ReductionAttributes;

/** A function for each elementwise op, of values of some kind. */
export type ElementwiseOf<T> = { readonly [K in keyof UnaryAttributes]: (x: T) => T } & {
  readonly [K in keyof BinaryAttributes]: (a: T, b: T) => T;
} & { readonly [K in keyof TernaryAttributes]: (c: T, a: T, b: T) => T };

export interface NodeOf<K extends OpName> {
  /** Order of making: a node's operands have smaller numbers. */
  readonly id: number;
  readonly op: K;
  readonly attributes: Attributes[K];
  readonly operands: readonly Node[];
  readonly shape: Shape;
  readonly type: ElementType;
  readonly origin: Origin;
}

/** A node of any op; `node.op` narrows it. */
export type Node = { readonly [K in OpName]: NodeOf<K> }[OpName];
