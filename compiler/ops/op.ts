/**
 * What an op is: one record, in one place, with everything the compiler knows of it. The passes ask
 * the record; a rule about particular ops names them, and is right without the others. A record
 * imports no pass.
 */
import type { Formulas } from "../ir/formulas.ts";
import type { Attributes, ElementType, Node, NodeOf, OpName } from "../ir/node.ts";
import type { Shape } from "../ir/size.ts";
import type { Interval } from "./interval.ts";

/** A tensor of the f64 evaluator, row-major. Booleans are 0 and 1. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What the values of source nodes are taken from. */
export interface Environment {
  /** The free dimension. */
  readonly n: number;
  readonly inputs: ReadonlyMap<string, Values>;
  readonly parameters: ReadonlyMap<number, Values>;
  /** Key: `${parameter}.${name}`. */
  readonly states: ReadonlyMap<string, Values>;
  readonly hyper: ReadonlyMap<string, number>;
  readonly step: number;
  readonly seed: number;
}

/**
 * The derivative rule: from the cotangent of the result to a cotangent for each operand, as
 * formulas. It sees the result itself (σ' is y(1-y)). `null`: no gradient flows to that operand.
 */
export type Vjp<K extends OpName> = (
  formulas: Formulas,
  node: NodeOf<K>,
  cotangent: Node,
) => readonly (Node | null)[];

export type Family =
  | "elementwise"
  | "reduction"
  | "product"
  | "movement"
  | "index"
  | "running"
  | "loop"
  | "source"
  | "derivative";

/**
 * When entries are finite, overflow of sums and products, poles and gaps aside: `always`, so that
 * they do not show whether an operand is a number; `bounded` also where an operand is infinite, but
 * not where it is NaN; `kept` where all operands are finite; `given` is for the caller to say.
 */
export type Finiteness = "always" | "bounded" | "kept" | "given";

export interface Op<K extends OpName> {
  readonly name: K;
  readonly family: Family;
  /** The op in mathematics, one line, for the reference and for `--emit ir`'s reader. */
  readonly formula: string;
  /** Result shape and type; throws OpError. */
  readonly infer: (
    operands: readonly Node[],
    attributes: Attributes[K],
  ) => { readonly shape: Shape; readonly type: ElementType };
  /**
   * A rule; or the reason why there is no gradient: `flat` where the derivative is zero wherever it
   * exists (a warning), `none` where asking is an error.
   */
  readonly vjp: Vjp<K> | { readonly absent: "flat" | "none"; readonly because: string };
  /** The living definition, in f64. */
  readonly evaluate: (operands: readonly Values[], node: NodeOf<K>, environment: Environment) => Values;
  /**
   * Whether it is linear in all operands together: f(a + c·b) = f(a) + c f(b). Movement and
   * products are known to be by their families.
   */
  readonly linear?: boolean;
  /**
   * Where every entry lies that is not NaN, where those of the operands lie in these intervals and
   * no axis is empty.
   */
  readonly range: (intervals: readonly Interval[], node: NodeOf<K>) => Interval;
  readonly finite: Finiteness;
  /** Whether finite numbers of these intervals may give ∞ or -∞; without it none do. */
  readonly pole?: (intervals: readonly Interval[]) => boolean;
  /** Whether numbers of these intervals may give NaN; without it no finite ones do. */
  readonly gap?: (intervals: readonly Interval[]) => boolean;
  /** Of a view; see `movement.ts`. */
  readonly isView?: true;
  /**
   * Floating-point operations for each entry of the result (for a reduction, for each entry of its
   * operand; a product counts 2·k itself).
   */
  readonly flops: number;
  /**
   * What operands may be: `number` is float or int (the builder casts a bool), `bool` is bool
   * alone, `any` is left to `infer`.
   */
  readonly takes: "number" | "bool" | "any";
  /** Whether kernels are made of it; the pass `lower` writes all others in terms of these. */
  readonly inKernels: boolean;
  /** Operand counts, in order: `[least, most]`. */
  readonly arity: readonly [number, number];
  /**
   * For elementwise ops and reductions: how tests may draw operands. Derivatives are compared on
   * `domain`, away from `kinks`.
   */
  readonly sample?: {
    readonly domain: readonly Interval[];
    readonly kinks?: readonly number[];
  };
}

export type OpTable = { readonly [K in OpName]: Op<K> };
