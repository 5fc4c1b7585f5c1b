/** A model as the passes see it: tables of what it owns, and the formulas that its entries compute, as roots of one graph. */
import type { Diagnostic, Span } from "../../grammar/diagnostic.ts";
import type { Graph } from "./graph.ts";
import type { ElementType, Node } from "../ir/node.ts";
import type { Shape } from "../ir/size.ts";

export interface InputInfo {
  readonly name: string;
  readonly role: "input" | "target";
  readonly type: ElementType;
  readonly shape: Shape;
  readonly doc?: string;
  /** For an `int` input used as a label: entries must be 0 … classes - 1, checked at run time. */
  readonly classes?: number;
}

export interface ParameterInfo {
  /** `h.0.weight` */
  readonly path: string;
  readonly shape: Shape;
  readonly frozen: boolean;
  /** How it starts, as written: `kaiming_uniform`, or `= [[1, 1]]`. */
  readonly init: string;
  readonly doc?: string;
  /** In the user's words: its name, or the call into the standard library that made it. */
  readonly span: Span;
  /** Its name, where that is in the standard library. */
  readonly declared?: Span;
}

export interface StateInfo {
  readonly parameter: number;
  readonly name: string;
}

export interface OptimizerInfo {
  readonly name: string;
  /** Arguments that stay adjustable, in the order of the definition. */
  readonly hyper: readonly { readonly name: string; readonly value: number }[];
  readonly states: readonly StateInfo[];
}

export interface NamedNode {
  readonly name: string;
  readonly node: Node;
  readonly doc?: string;
}

/** What each entry computes. `predict` and `evaluate` are made with `training` false, `gradients` and `step` with it true. */
export interface Roots {
  /** First values, by number of parameter. */
  readonly parameterStarts: readonly Node[];
  /** First values, beside `optimizer.states`. */
  readonly stateStarts: readonly Node[];
  readonly outputs: readonly NamedNode[];
  /** Scalar, not in training; null where the model has no loss. */
  readonly loss: Node | null;
  readonly metrics: readonly NamedNode[];
  /** Scalar, in training. */
  readonly trainingLoss: Node | null;
  /** By number of parameter, null for frozen ones; `grad` nodes until they are differentiated. Empty without a loss. */
  readonly gradients: readonly (Node | null)[];
  /** New values by number of parameter, null for frozen ones; empty without an optimiser. */
  readonly parameterUpdates: readonly (Node | null)[];
  /** New values, beside `optimizer.states`. */
  readonly stateUpdates: readonly Node[];
}

/** Roots of a model that is asked for nothing. */
export const NO_ROOTS: Roots = {
  parameterStarts: [],
  stateStarts: [],
  outputs: [],
  loss: null,
  metrics: [],
  trainingLoss: null,
  gradients: [],
  parameterUpdates: [],
  stateUpdates: [],
};

export interface Model {
  readonly name: string;
  readonly doc?: string;
  /** The free dimension's name in the source, `N` as a rule; null where the model has none. */
  readonly freeName: string | null;
  readonly graph: Graph;
  readonly inputs: readonly InputInfo[];
  readonly parameters: readonly ParameterInfo[];
  readonly optimizer: OptimizerInfo | null;
  readonly settings: Readonly<Record<string, string>>;
  readonly roots: Roots;
  readonly warnings: readonly Diagnostic[];
  /** Which rewrite rules were applied where, for `--emit ir`: filled by the passes. */
  readonly applied: readonly AppliedRule[];
  /** What is made again for the backward pass. */
  readonly unkept: readonly Unkept[];
}

/** The nodes between `from` and `to`, without both: a layer's insides. */
export interface Unkept {
  readonly from: readonly Node[];
  readonly to: Node;
}

export interface AppliedRule {
  readonly pass: string;
  readonly rule: string;
  readonly formula: string;
  /** The node that took the place of the old one. */
  readonly node: Node;
}

/** The roots as one list, and back, for passes that rewrite them all alike. */
export function mapRoots(roots: Roots, map: (node: Node) => Node): Roots {
  const named = (list: readonly NamedNode[]): NamedNode[] => list.map((r) => ({ ...r, node: map(r.node) }));
  const optional = (node: Node | null): Node | null => (node === null ? null : map(node));
  return {
    parameterStarts: roots.parameterStarts.map(map),
    stateStarts: roots.stateStarts.map(map),
    outputs: named(roots.outputs),
    loss: optional(roots.loss),
    metrics: named(roots.metrics),
    trainingLoss: optional(roots.trainingLoss),
    gradients: roots.gradients.map(optional),
    parameterUpdates: roots.parameterUpdates.map(optional),
    stateUpdates: roots.stateUpdates.map(map),
  };
}

/** Every root, in a fixed order. */
export function listRoots(roots: Roots): Node[] {
  const list: Node[] = [];
  mapRoots(roots, (node) => {
    list.push(node);
    return node;
  });
  return list;
}
