/**
 * What one reading of a model is given, and what it has found so far. All that changes while
 * reading is here.
 */
import type { Block, Const, Expression, FunctionDeclaration, Identifier } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";
import type { InputInfo, NamedNode, OptimizerInfo, Unkept } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import type { CallSite, Frame, MadeTensor } from "./frame.ts";
import type { Limits } from "./limits.ts";
import type { LoopTable } from "../graph/loop-table.ts";
import { ParameterScope, type CallNumbers, type Paths } from "./paths.ts";
import type { Reporter } from "./problem.ts";
import type { Schedule } from "./schedules.ts";
import type { ListValue, OptimizerValue, POISON, Value } from "./values.ts";

/** What an earlier reading of the same model found. */
export interface Known extends Paths {
  readonly parameters: readonly MadeTensor[];
  readonly root: ParameterScope;
}

/**
 * Hears the value of each expression, and of each name where it is bound, at every turn of a loop
 * and every call.
 */
export type Observer = (written: Expression | Identifier, value: Value, frame: Frame) => void;

export interface Reading {
  readonly model: Identifier;
  readonly graph: Graph;
  readonly reporter: Reporter;
  readonly limits: Limits;
  /** By the names that spans carry. */
  readonly texts: ReadonlyMap<string, string>;
  /** The name of the free dimension; `N` for messages where the model has none. */
  readonly freeName: string;
  readonly training: boolean;
  /** For all readings of the model. */
  readonly callNumbers: CallNumbers;
  /** For all readings of the model. */
  readonly loops: LoopTable;
  /** Null in the first reading, which finds the parameters. */
  readonly known: Known | null;
  readonly observer: Observer | null;
  /**
   * The value of an expression, and what a block returns: given, since a call is an expression and
   * its body a block.
   */
  readonly evaluate: (machine: Machine, frame: Frame, expression: Expression, name?: string) => Value;
  readonly execute: (machine: Machine, frame: Frame, block: Block) => Value | null;
}

/** A call's result may have sizes that its caller asked for by number: what to say of them. */
export interface Maker {
  readonly name: string;
  readonly site: Span;
  readonly numbers: readonly (readonly [string, number])[];
}

export interface ChosenOptimizer {
  readonly callee: OptimizerValue;
  /** In the order of its parameters. */
  readonly values: ReadonlyMap<string, Value>;
  /** The numbers in them that stay adjustable, in the same order. */
  readonly hyper: OptimizerInfo["hyper"];
  /** What it trains; null for all that no other optimizer does. */
  readonly paths: readonly Identifier[] | null;
  readonly span: Span;
  readonly site: CallSite;
  /** Of the model. */
  readonly frame: Frame;
}

/** An output or a metric. */
export interface Result extends NamedNode {
  readonly span: Span;
}

export interface Machine extends Reading {
  readonly inputs: InputInfo[];
  readonly inputSpans: Map<string, Span>;
  readonly outputs: Result[];
  readonly metrics: Result[];
  readonly losses: Node[];
  /** What models and layers own, in order of making. */
  readonly parameters: MadeTensor[];
  /** New values of states of layers, by number; of the reading that trains. */
  readonly updates: Map<number, Node>;
  /** What `@recompute` was written before. */
  readonly unkept: Unkept[];
  /** In the order of their lines. */
  readonly optimizers: ChosenOptimizer[];
  /** While arguments of an optimizer are read; null elsewhere. */
  schedule: Schedule | null;
  /** The parameters and the layer calls of the model itself. */
  readonly root: ParameterScope;
  readonly constants: Map<Const, Value | typeof POISON | "open">;
  readonly makers: Map<Node, readonly Maker[]>;
  /** See `list-results.ts`. */
  readonly listResults: WeakMap<ListValue, Map<FunctionDeclaration, Value>>;
  /** How many there have been. */
  readonly counts: { steps: number; problems: number; randomSites: number };
}

export const startReading = (reading: Reading): Machine => ({
  ...reading,
  inputs: [],
  inputSpans: new Map(),
  outputs: [],
  metrics: [],
  losses: [],
  parameters: [],
  updates: new Map(),
  unkept: [],
  optimizers: [],
  schedule: null,
  root: new ParameterScope(reading.model.text, reading.model.span),
  constants: new Map(),
  makers: new Map(),
  listResults: new WeakMap(),
  counts: { steps: 0, problems: 0, randomSites: 0 },
});

/** Gives `name` its value from here on. */
export function bind(machine: Machine, frame: Frame, name: Identifier, value: Value): void {
  frame.scope.names.set(name.text, value);
  const state = frame.owner?.states.get(name.text);
  if (state?.scope === frame.scope) state.bound = name.span;
  machine.observer?.(name, value, frame);
}
