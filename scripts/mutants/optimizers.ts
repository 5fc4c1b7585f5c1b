/**
 * The optimizers of `std/` with one operator exchanged: their losses must leave those that PyTorch
 * has.
 */
import { analyze } from "../../compiler/analyze.ts";
import { stdSources } from "../../compiler/generated/std-sources.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { afterStep, firstEnvironment } from "../../test/helpers/steps.ts";
import { trajectories, trajectory } from "../../test/helpers/trajectories.ts";
import { drawTensor, oracle, program, type TrainingRun } from "../../test/oracle/data.ts";
import { exchangedOperators } from "./exchanged-operators.ts";
import type { Outcome, Tried } from "./outcome.ts";

/**
 * Of an operator between two operands. What is added to keep a root from 0 is too small to be seen.
 */
const OPERATOR = / ([-+*/]) (?!eps)|(\^)/g;

/** By then every state has been read. */
const STEPS = 6;
/** PyTorch's losses are f64, as the evaluator's are. */
const TOLERANCE = 1e-6;

export async function optimizerMutants(): Promise<Tried[]> {
  const models = program("optimizers");
  const tried: Tried[] = [];
  for (const declaration of (stdSources.get("optimizers.nn") ?? "").matchAll(/^optimizer (\w+)[^]*?^\}/gm)) {
    const [text, name] = declaration as unknown as [string, string];
    const runs = oracle.training.runs.filter(({ model }) =>
      new RegExp(`model ${model} \\{[^}]*optimizer ${name}\\(`).test(models),
    );
    const outcomes: { name: string; outcome: Outcome }[] = [];
    for (const { name: of, mutant } of exchangedOperators(text, OPERATOR, text.indexOf(") {"))) {
      const caught = (await isWrong(`${models}\n${mutant}`, runs)) || (await leaves(name, mutant));
      const outcome = caught ? "caught" : "missed";
      outcomes.push({ name: of, outcome });
    }
    const unsound = (await isWrong(`${models}\n${text}`, runs)) || (await leaves(name, text));
    tried.push({ name: `optimizer ${name}`, unsound, outcomes });
  }
  return tried;
}

/** Whether steps with a schedule, clipping, groups and averages are others than PyTorch's. */
async function leaves(name: string, definition: string): Promise<boolean> {
  const { oracle: known, models } = trajectories;
  const run = known.runs[name]!;
  try {
    const { losses, average } = await trajectory(`${models}\n${definition}`, name, 8);
    const differs = (a: number, b: number): boolean => !(Math.abs(a - b) < TOLERANCE * (1 + Math.abs(b)));
    return (
      losses.some((loss, k) => differs(loss, run.losses[k]!)) ||
      average.some((w, k) => differs(w, run.early[k]!))
    );
  } catch {
    return true;
  }
}

/** Whether any of the runs has other losses, or does not run at all. */
async function isWrong(text: string, runs: readonly TrainingRun[]): Promise<boolean> {
  for (const run of runs) {
    try {
      const losses = await lossesOf(text, run);
      if (losses.some((loss, k) => !(Math.abs(loss / run.losses[k]! - 1) < TOLERANCE))) return true;
    } catch {
      return true;
    }
  }
  return false;
}

async function lossesOf(text: string, { model: name, batch }: TrainingRun): Promise<number[]> {
  const { joint } = await analyze(text, { model: name });
  const { inputs, parameters } = oracle.training;
  const rows = Number(Object.values(inputs)[0]!.shape[0]);
  const data = Object.entries(inputs).map(([input, spec]) => [input, drawTensor(spec, rows)] as const);
  const batchAt = (start: number): Map<string, Values> =>
    new Map(
      data.map(([input, { data: all, shape }]) => {
        const width = all.length / rows;
        const part = all.slice(start * width, (start + batch) * width);
        return [input, { data: part, shape: [batch, ...shape.slice(1)] }];
      }),
    );
  let environment = firstEnvironment(joint, { n: batch, inputs: batchAt(0), seed: 0 }, (path) =>
    drawTensor(parameters[path]!, 1),
  );
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    environment = { ...environment, step, inputs: batchAt(((step - 1) * batch) % rows) };
    losses.push(evaluate([joint.roots.trainingLoss!], environment)[0]!.data[0]!);
    environment = afterStep(joint, environment);
  }
  return losses;
}
