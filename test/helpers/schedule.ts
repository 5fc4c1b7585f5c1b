/**
 * Models made of formulas alone, and what a scheduled program computes of them beside the
 * evaluator.
 */
import { expect } from "vitest";
import { Graph } from "../../compiler/graph/graph.ts";
import { NO_ROOTS, type Model, type Persistent, type Roots } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { fixed, type Shape } from "../../compiler/ir/size.ts";
import { faultOfSchedule } from "./scheduled.ts";

export const shape = (...sizes: readonly number[]): Shape => sizes.map((size) => fixed(size));

/** Formulas of parameters, by number, and of states, in the optimizer's order. */
interface Formulas extends Roots {
  readonly parameterStarts: readonly Node[];
  readonly stateStarts: readonly Node[];
  readonly gradients: readonly Node[];
  readonly parameterUpdates: readonly Node[];
  readonly stateUpdates: readonly Node[];
}

/** Of one line. */
interface Optimizer extends Omit<NonNullable<Model["optimizer"]>, "groups"> {
  readonly states: readonly { readonly parameter: number; readonly name: string }[];
}

/** A model of `inputs` and `parameters` (by name and path), with the roots given. */
export function modelOf(
  graph: Graph,
  parts: {
    readonly inputs?: Readonly<Record<string, Shape>>;
    readonly parameters?: Readonly<Record<string, Shape>>;
    readonly optimizer?: Optimizer;
    readonly roots: Partial<Formulas>;
  },
): Model {
  const { parameterStarts, stateStarts, gradients, parameterUpdates, stateUpdates, ...roots } = parts.roots;
  const span = { file: "test.nn", start: 0, end: 0 };
  const parameters = Object.entries(parts.parameters ?? {});
  const persistent = [
    ...parameters.map(([path, s], i): Persistent => ({
      kind: "parameter",
      path,
      shape: s,
      init: "zeros",
      span,
      start: parameterStarts?.[i] ?? null,
      gradient: gradients?.[i] ?? null,
      update: parameterUpdates?.[i] ?? null,
    })),
    ...(parts.optimizer?.states ?? []).map(({ parameter, name }, i): Persistent => ({
      kind: "state",
      parameter,
      name,
      path: `${parameters[parameter]![0]}.${name}`,
      shape: parameters[parameter]![1],
      start: stateStarts?.[i] ?? null,
      gradient: null,
      update: stateUpdates?.[i] ?? null,
    })),
  ];
  return {
    name: "Test",
    freeName: "N",
    graph,
    inputs: Object.entries(parts.inputs ?? {}).map(([name, s]) => ({
      name,
      role: "input",
      type: "float",
      shape: s,
    })),
    persistent,
    optimizer:
      parts.optimizer === undefined
        ? null
        : {
            ...parts.optimizer,
            groups: [{ name: parts.optimizer.name, paths: null, parameters: parameters.map((_, i) => i) }],
          },
    settings: {},
    roots: { ...NO_ROOTS, ...roots },
    warnings: [],
    applied: [],
    unkept: [],
    layers: [],
  };
}

/** Every root of the model, by the program's entries and by the evaluator. */
export function expectScheduled(model: Model, n: number): void {
  expect(faultOfSchedule(model, n)).toBeNull();
}
