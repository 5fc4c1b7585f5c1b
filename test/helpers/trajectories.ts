/** Steps of the optimizers in `oracle/trajectories.nn`, as the f64 evaluator makes them. */
import { readFileSync } from "node:fs";
import { analyze } from "../../compiler/index.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import type { Model } from "../../compiler/graph/model.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import { afterStep, firstEnvironment } from "./steps.ts";

interface Run {
  readonly losses: readonly number[];
  readonly final: Readonly<Record<string, readonly number[]>>;
  /** Of `h.weight` after all steps, and after eight. */
  readonly average: readonly number[];
  readonly early: readonly number[];
}

interface Oracle {
  readonly inputs: { readonly x: readonly number[]; readonly y: readonly number[] };
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly schedules: Readonly<Record<string, readonly number[]>>;
  readonly runs: Readonly<Record<string, Run>>;
}

const read = (name: string): string => readFileSync(new URL(`../oracle/${name}`, import.meta.url), "utf8");

export const trajectories = {
  // What trajectories.py writes.
  oracle: JSON.parse(read("trajectories.json")) as Oracle,
  models: read("trajectories.nn"),
};

const shapes: Readonly<Record<string, number[]>> = {
  "h.weight": [4, 3],
  "h.bias": [4],
  "z.weight": [1, 4],
  "z.bias": [1],
};

export const nameOf = (optimizer: string): string => optimizer[0]!.toUpperCase() + optimizer.slice(1);

export const valuesOf = (data: readonly number[], shape: number[]): Values => ({
  data: Float64Array.from(data),
  shape,
});

/** What `steps` steps of an optimizer make of the network; `models` are those of the oracle, or others of their names. */
export async function trajectory(
  models: string,
  optimizer: string,
  steps: number,
): Promise<{
  readonly joint: Model;
  readonly environment: Environment;
  readonly losses: readonly number[];
  /** Of `h.weight`. */
  readonly average: Values["data"];
}> {
  const { inputs, parameters } = trajectories.oracle;
  const { joint } = await analyze(models, { model: nameOf(optimizer) });
  const given = new Map([
    ["x", valuesOf(inputs.x, [8, 3])],
    ["y", valuesOf(inputs.y, [8, 1])],
  ]);
  let environment = firstEnvironment(joint, { n: 8, inputs: given, seed: 0 }, (path) =>
    valuesOf(parameters[path]!, shapes[path]!),
  );
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    environment = { ...environment, step };
    losses.push(evaluate([joint.roots.trainingLoss!], environment)[0]!.data[0]!);
    environment = afterStep(joint, environment);
  }
  const index = joint.persistent.findIndex(({ path }) => path === "h.weight");
  return { joint, environment, losses, average: environment.states.get(`${index}.average`)!.data };
}
