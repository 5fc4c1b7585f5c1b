/**
 * What a scheduled program computes, interpreted in planned memory, beside the evaluator: for tests and
 * for mutants of the scheduler.
 */
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { ownedBy, statesOf, type Model } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { type Shape, shapeAt } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import type { Buffer, EntryName, KernelProgram } from "../../compiler/schedule/kernel.ts";
import * as own from "./interpreted.ts";

/** What schedules programs, and runs and verifies them. */
export type Scheduling = typeof own;

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
  { schedule, verifyProgram, Interpreter }: Scheduling = own,
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

function fill(program: KernelProgram, machine: own.Interpreter, model: Model, n: number): void {
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

/** The first entry that differs, relative to the largest; NaN agrees with NaN. */
export function differenceOf(actual: Float64Array, expected: Float64Array): string | null {
  if (actual.length !== expected.length) return `${actual.length} entries, not ${expected.length}`;
  const scale = Math.max(1, ...expected.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)));
  for (const [i, x] of expected.entries()) {
    const a = actual[i]!;
    const same = Object.is(a, x) || a === x || Math.abs(a - x) <= 1e-10 * scale;
    if (!same) return `entry ${i} is ${a}, not ${x}`;
  }
  return null;
}

/** The first root of the model that is another number by the program's entries than by the evaluator. */
export function faultOfSchedule(model: Model, n: number, scheduling: Scheduling = own): string | null {
  const { roots, persistent, optimizer } = model;
  /** What each entry leaves, by buffer. */
  const asked: { readonly entry: EntryName; readonly step: number; readonly roots: Map<string, Node> }[] = [];
  const ask = (entry: EntryName, wanted: readonly (readonly [string, Node])[], step = 0): void => {
    if (wanted.length > 0) asked.push({ entry, step, roots: new Map(wanted) });
  };
  ask(
    "predict",
    roots.outputs.map(({ name, node }) => [`output.${name}`, node]),
  );
  if (roots.loss !== null) ask("evaluate", [["loss", roots.loss]]);
  if (roots.trainingLoss !== null) {
    const gradients = persistent.flatMap(({ gradient }, i): [string, Node][] =>
      gradient === null ? [] : [[`gradient.${i}`, gradient]],
    );
    ask("gradients", [["loss", roots.trainingLoss], ...gradients]);
    const updates = persistent.flatMap((tensor, i): [string, Node][] => {
      const { kind, update } = tensor;
      if (update === null) return [];
      return [[kind === "state" ? `state.${tensor.parameter}.${tensor.name}` : `${kind}.${i}`, update]];
    });
    if (optimizer !== null) ask("step", [["loss", roots.trainingLoss], ...updates], 1);
  }
  for (const { entry, step, roots: wanted } of asked) {
    const after = runScheduled(model, n, [entry], scheduling);
    const values = evaluate([...wanted.values()], environmentOf(model, n, step));
    for (const [i, name] of [...wanted.keys()].entries()) {
      const difference = differenceOf(after.get(name)!, values[i]!.data);
      if (difference !== null) return `${name} of ${entry}: ${difference}`;
    }
  }
  return null;
}
