/**
 * Models made of formulas alone, and what a scheduled program computes of them beside the
 * evaluator.
 */
import { expect } from "vitest";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { Graph } from "../../compiler/graph/graph.ts";
import {
  NO_ROOTS,
  ownedBy,
  statesOf,
  type Model,
  type Persistent,
  type Roots,
} from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { fixed, type Shape, shapeAt } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import { Interpreter } from "./interpret.ts";
import type { Buffer, EntryName, KernelProgram } from "../../compiler/schedule/kernel.ts";
import { schedule } from "../../compiler/schedule/schedule.ts";
import { verifyProgram } from "../../compiler/schedule/verify-program.ts";

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

/** Numbers that differ from entry to entry, of both signs. */
export function sample(seed: number, of: Shape, n: number): Values {
  const sizes = shapeAt(of, n);
  const count = sizes.reduce((c, s) => c * s, 1);
  let state = seed * 2654435761 + 12345;
  const data = Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
  return { shape: sizes, data };
}

/**
 * What the entries of `model` leave behind: runs `initialize` unless starts are missing, then
 * `entries`.
 */
export function runScheduled(
  model: Model,
  n: number,
  entries: readonly EntryName[],
): Map<string, Float64Array> {
  const program = schedule(model, { elementBytes: 8 });
  verifyProgram(program, 8);
  const machine = new Interpreter(program, n, 7);
  fill(program, machine, model, n);
  for (const entry of entries) machine.run(entry);
  return new Map(
    program.buffers.flatMap((b): [string, Float64Array][] =>
      b.role.kind === "temporary" ? [] : [[keyOf(b), machine.view(b).slice()]],
    ),
  );
}

export const keyOf = (buffer: Buffer): string => {
  switch (buffer.role.kind) {
    case "input":
    case "output":
    case "metric":
    case "hyper":
      return `${buffer.role.kind}.${buffer.role.name}`;
    case "parameter":
    case "layer-state":
    case "gradient":
      return `${buffer.role.kind}.${buffer.role.index}`;
    case "state":
      return `state.${buffer.role.parameter}.${buffer.role.name}`;
    default:
      return buffer.role.kind;
  }
};

function fill(program: KernelProgram, machine: Interpreter, model: Model, n: number): void {
  const environment = environmentOf(model, n, 0);
  for (const buffer of program.buffers) {
    const { role } = buffer;
    const values =
      role.kind === "input"
        ? environment.inputs.get(role.name)!.data
        : role.kind === "parameter" || role.kind === "layer-state"
          ? environment.parameters.get(role.index)!.data
          : role.kind === "state"
            ? environment.states.get(`${role.parameter}.${role.name}`)!.data
            : role.kind === "hyper"
              ? [environment.hyper.get(role.name)!]
              : role.kind === "step"
                ? [0]
                : null;
    if (values !== null) machine.view(buffer).set(values);
  }
}

export function environmentOf(model: Model, n: number, step: number): Environment {
  return {
    n,
    inputs: new Map(model.inputs.map((i, k) => [i.name, sample(k + 1, i.shape, n)])),
    parameters: new Map(ownedBy(model).map((p, k) => [k, sample(k + 101, p.shape, n)])),
    states: new Map(
      statesOf(model).map((s, k) => [
        `${s.parameter}.${s.name}`,
        // Second moments are not negative.
        squares(sample(k + 201, s.shape, n)),
      ]),
    ),
    hyper: new Map((model.optimizer?.hyper ?? []).map((h) => [h.name, h.value])),
    step,
    seed: 7,
  };
}

const squares = (values: Values): Values => ({ shape: values.shape, data: values.data.map((x) => x * x) });

/** Relative to the largest entry; NaN agrees with NaN. */
export function expectClose(actual: Float64Array, expected: Float64Array, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  const scale = Math.max(1, ...expected.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)));
  for (const [i, x] of expected.entries()) {
    const a = actual[i]!;
    const same = Object.is(a, x) || a === x || Math.abs(a - x) <= 1e-10 * scale;
    if (!same) expect.fail(`${what}: entry ${i} is ${a}, not ${x}`);
  }
}

/** Every root of the model, by the program's entries and by the evaluator. */
export function expectScheduled(model: Model, n: number): void {
  const { roots } = model;
  const at = (nodes: readonly Node[], step = 0): Float64Array[] =>
    evaluate(nodes, environmentOf(model, n, step)).map((v) => v.data);
  if (roots.outputs.length > 0) {
    const after = runScheduled(model, n, ["predict"]);
    const expected = at(roots.outputs.map((o) => o.node));
    for (const [i, o] of roots.outputs.entries())
      expectClose(after.get(`output.${o.name}`)!, expected[i]!, o.name);
  }
  if (roots.loss !== null) {
    expectClose(runScheduled(model, n, ["evaluate"]).get("loss")!, at([roots.loss])[0]!, "loss");
  }
  if (roots.trainingLoss === null) return;
  const after = runScheduled(model, n, ["gradients"]);
  expectClose(after.get("loss")!, at([roots.trainingLoss])[0]!, "training loss");
  for (const [i, { gradient }] of model.persistent.entries()) {
    if (gradient !== null) expectClose(after.get(`gradient.${i}`)!, at([gradient])[0]!, `gradient ${i}`);
  }
  if (model.optimizer === null) return;
  const stepped = runScheduled(model, n, ["step"]);
  expectClose(stepped.get("loss")!, at([roots.trainingLoss], 1)[0]!, "loss of the step");
  for (const [i, tensor] of model.persistent.entries()) {
    if (tensor.update === null) continue;
    const key = tensor.kind === "state" ? `state.${tensor.parameter}.${tensor.name}` : `${tensor.kind}.${i}`;
    expectClose(stepped.get(key)!, at([tensor.update], 1)[0]!, key);
  }
}
