/**
 * A model as the passes see it: tables of what it owns, and the formulas that its entries compute,
 * as roots of one graph.
 */
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
  /** For an `int` input used as a label: what entries may be, checked at run time. */
  readonly labels?: LabelRange;
}

/** Whole numbers from `least` to `most`, which may be infinite, and single ones beside them. */
export interface LabelRange {
  readonly least: number;
  readonly most: number;
  readonly besides: readonly number[];
}

/** A tensor that lasts from call to call; its formulas are null where nobody asks for them. */
interface Lasting {
  /** `h.0.weight`, and `h.0.weight.m` of a state. */
  readonly path: string;
  readonly shape: Shape;
  /** The first value. */
  readonly start: Node | null;
}

interface Declared extends Lasting {
  /** How it starts, as written: `kaiming_uniform`, or `= [[1, 1]]`. */
  readonly init: string;
  readonly doc?: string;
  /** In the user's words: its name, or the call into the standard library that made it. */
  readonly span: Span;
  /** Its name, where that is in the standard library. */
  readonly declared?: Span;
}

interface Trained extends Declared {
  readonly kind: "parameter";
  /** A `grad` node until it is differentiated; null without a loss. */
  readonly gradient: Node | null;
  /** The new value; null without an optimizer. */
  readonly update: Node | null;
}

interface Frozen extends Declared {
  readonly kind: "frozen";
  readonly gradient: null;
  readonly update: null;
}

/**
 * A state of a layer or of the model itself: a step gives it its update, and no other entry changes
 * it.
 */
export interface LayerState extends Declared {
  readonly kind: "layer-state";
  readonly gradient: null;
  /** The new value; null without an optimizer, and where its name is never bound again. */
  readonly update: Node | null;
}

/** What the optimizer keeps for a parameter, shaped like it. */
export interface State extends Lasting {
  readonly kind: "state";
  /** The parameter's number. */
  readonly parameter: number;
  readonly name: string;
  readonly gradient: null;
  readonly update: Node | null;
}

export type Parameter = Trained | Frozen;

/** What nodes read by its number: `parameter` with that index. */
export type Owned = Parameter | LayerState;

/** A new kind of lasting tensor is one more member, with what only it has. */
export type Persistent = Owned | State;

export interface OptimizerInfo {
  /** What its lines say: `adam`, or `sgd for encoder, head.bias; adam`. */
  readonly name: string;
  /** Arguments that stay adjustable, in the order of the lines and of the definition of each. */
  readonly hyper: readonly { readonly name: string; readonly value: number }[];
  /** By line. */
  readonly groups: readonly OptimizerGroup[];
}

/** A line, and what it trains. */
export interface OptimizerGroup {
  /** Of the optimizer's definition. */
  readonly name: string;
  /** As written; null where it has all that no other line has. */
  readonly paths: readonly string[] | null;
  /** Numbers of parameters. */
  readonly parameters: readonly number[];
}

export interface NamedNode {
  readonly name: string;
  readonly node: Node;
  readonly doc?: string;
}

/**
 * What entries compute beside lasting tensors. `predict` and `evaluate` are made with `training`
 * false, `gradients` and `step` with it true.
 */
export interface Roots {
  readonly outputs: readonly NamedNode[];
  /** Scalar, not in training; null where the model has no loss. */
  readonly loss: Node | null;
  readonly metrics: readonly NamedNode[];
  /** Scalar, in training. */
  readonly trainingLoss: Node | null;
  /** Of a step in training; none unless they are asked for (see `passes/probe.ts`). */
  readonly probes: readonly Probe[];
}

/** What a probe says of a layer call: a number, but for `alive`. */
export type Figure =
  | "mean"
  | "std"
  | "min"
  | "max"
  | "zeros"
  /** For each unit, the entries of the last axis, 1 where it was other than 0 in some row, else 0. */
  | "alive"
  /** The norm of the loss's gradient at the output. */
  | "gradient"
  /** The norm of the gradient of a parameter. */
  | "gradients"
  /** The norm of what the step changes of a parameter, over that of the parameter. */
  | "updates";

export interface Probe {
  /** The layer call's number. */
  readonly call: number;
  readonly figure: Figure;
  /** The parameter's number, of `gradients` and `updates`. */
  readonly parameter: number | null;
  readonly node: Node;
}

/** Roots of a model that is asked for nothing. */
export const NO_ROOTS: Roots = { outputs: [], loss: null, metrics: [], trainingLoss: null, probes: [] };

export interface Model {
  readonly name: string;
  readonly doc?: string;
  /** The free dimension's name in the source, `N` as a rule; null where the model has none. */
  readonly freeName: string | null;
  readonly graph: Graph;
  readonly inputs: readonly InputInfo[];
  /** What models and layers own first, so that their numbers are places in this table. */
  readonly persistent: readonly Persistent[];
  readonly optimizer: OptimizerInfo | null;
  readonly settings: Readonly<Record<string, string>>;
  readonly roots: Roots;
  readonly warnings: readonly Diagnostic[];
  /** Which rewrite rules were applied where, for `--emit ir`: filled by the passes. */
  readonly applied: readonly AppliedRule[];
  /** What is made again for the backward pass. */
  readonly unkept: readonly Unkept[];
  /** By the numbers that origins of nodes have; the model's own body first. */
  readonly layers: readonly LayerCall[];
}

/** A call of a layer. */
export interface LayerCall {
  /** What the paths of its parameters begin with, `h.0`; empty for the model's own body. */
  readonly path: string;
  /** The layer's name. */
  readonly callee: string;
  /** The call, in the user's words. */
  readonly span: Span;
  /**
   * The numbers of the parameters and states that it owns itself; what layers that it calls own is
   * theirs.
   */
  readonly parameters: readonly number[];
  /** The tensors that it gave, in prediction and in training, as far as they are still there. */
  readonly results: readonly Node[];
  /** Those that it gave in training. */
  readonly trained: readonly Node[];
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

/** What models and layers own, by number. */
export const ownedBy = ({ persistent }: Pick<Model, "persistent">): Owned[] =>
  persistent.filter((tensor) => tensor.kind !== "state");

/** The parameters among them. */
export const parametersOf = (model: Pick<Model, "persistent">): Parameter[] =>
  ownedBy(model).filter((tensor) => tensor.kind !== "layer-state");

/** The states of layers among them. */
export const layerStatesOf = (model: Pick<Model, "persistent">): LayerState[] =>
  ownedBy(model).filter((tensor) => tensor.kind === "layer-state");

/** What the optimizer keeps. */
export const statesOf = ({ persistent }: Pick<Model, "persistent">): State[] =>
  persistent.filter((tensor) => tensor.kind === "state");

export const pathOf = ({ persistent }: Pick<Model, "persistent">, index: number): string =>
  persistent[index]?.path ?? `parameter ${index}`;

/** All formulas that a model is asked for. */
export type Formulas = Pick<Model, "persistent" | "roots">;

/** The formulas rewritten all alike. */
export function mapRoots({ persistent, roots }: Formulas, map: (node: Node) => Node): Formulas {
  const named = (list: readonly NamedNode[]): NamedNode[] => list.map((r) => ({ ...r, node: map(r.node) }));
  const optional = (node: Node | null): Node | null => (node === null ? null : map(node));
  return {
    persistent: persistent.map((tensor): Persistent => {
      const start = optional(tensor.start);
      if (tensor.kind === "frozen") return { ...tensor, start };
      const update = optional(tensor.update);
      if (tensor.kind !== "parameter") return { ...tensor, start, update };
      return { ...tensor, start, update, gradient: optional(tensor.gradient) };
    }),
    roots: {
      outputs: named(roots.outputs),
      loss: optional(roots.loss),
      metrics: named(roots.metrics),
      trainingLoss: optional(roots.trainingLoss),
      probes: roots.probes.map((probe) => ({ ...probe, node: map(probe.node) })),
    },
  };
}

/** The model asked for `outputs` and nothing else. */
export const askedFor = (model: Model, outputs: readonly NamedNode[]): Model => ({
  ...model,
  persistent: model.persistent.map((t) => ({ ...t, start: null, update: null, gradient: null })),
  roots: { ...NO_ROOTS, outputs },
});

/** Every root, in a fixed order. */
export function listRoots(formulas: Formulas): Node[] {
  const list: Node[] = [];
  mapRoots(formulas, (node) => {
    list.push(node);
    return node;
  });
  return list;
}
