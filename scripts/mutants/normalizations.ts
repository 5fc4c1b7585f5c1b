/**
 * The normalizing layers of `std/` with one operator exchanged: what they give, and the states that
 * they keep over 20 steps, must leave what PyTorch has.
 */
import { analyze } from "../../compiler/analyze.ts";
import { stdSources } from "../../compiler/generated/std-sources.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { layerStatesOf, ownedBy } from "../../compiler/graph/model.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import { afterStep, firstEnvironment } from "../../test/helpers/steps.ts";
import { digestDistance, distance, drawTensor, oracle, program, type Spec } from "../../test/oracle/data.ts";
import { exchangedOperators } from "./exchanged-operators.ts";
import type { Outcome, Tried } from "./outcome.ts";

const OPERATOR = / ([-+*/]) |(\^)/g;
/** PyTorch's numbers are f64, as the evaluator's are. */
const TOLERANCE = 1e-6;
const ROWS = 3;

export async function normalizationMutants(): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const declaration of (stdSources.get("normalization.nn") ?? "").matchAll(/^layer (\w+)[^]*?^\}/gm)) {
    const [text, name] = declaration as unknown as [string, string];
    const isWrong = name === "batch_norm" ? learnsWrong : givesWrong;
    const outcomes: { name: string; outcome: Outcome }[] = [];
    for (const { name: of, mutant } of exchangedOperators(text, OPERATOR, text.indexOf(") {"))) {
      const outcome = (await isWrong(mutant).catch(() => true)) ? "caught" : "missed";
      outcomes.push({ name: of, outcome });
    }
    tried.push({ name: `layer ${name}`, unsound: await isWrong(text), outcomes });
  }
  return tried;
}

const drawn = (specs: Readonly<Record<string, Spec>>, rows: number): Map<string, Values> =>
  new Map(Object.entries(specs).map(([name, spec]) => [name, drawTensor(spec, rows)]));

/** Whether a layer gives other outputs than PyTorch's. */
async function givesWrong(layer: string): Promise<boolean> {
  const { inputs, parameters, batches } = oracle.cases["normalization"]!;
  const { formulas } = await analyze(`${program("normalization")}\n${layer}`);
  const values = drawn(parameters, ROWS);
  const environment: Environment = {
    n: ROWS,
    inputs: drawn(inputs, ROWS),
    parameters: new Map(ownedBy(formulas).map(({ path }, index) => [index, values.get(path)!])),
    states: new Map(),
    hyper: new Map(),
    step: 0,
    seed: 0,
  };
  const outputs = formulas.roots.outputs.filter(({ name }) => !/_dd?$/.test(name));
  const found = evaluate(
    outputs.map(({ node }) => node),
    environment,
  );
  const { outputs: wanted } = batches[String(ROWS)]!;
  return outputs.some(({ name }, i) => !(digestDistance(found[i]!, wanted[name]!) < TOLERANCE));
}

/** Whether a net with batch norms has other losses, parameters or states than PyTorch's. */
async function learnsWrong(layer: string): Promise<boolean> {
  const run = oracle.batchNorm.find(({ model, batch }) => model === "Rows" && batch === ROWS)!;
  const { joint } = await analyze(`${program("batch-norm")}\n${layer}`, { model: run.model });
  const rows = Number(run.inputs["x"]!.shape[0]);
  const data = [...drawn(run.inputs, rows)];
  const batchAt = (step: number): Map<string, Values> =>
    new Map(
      data.map(([name, { data: all, shape }]) => {
        const width = all.length / rows;
        const start = ((step * ROWS) % rows) * width;
        return [name, { data: all.slice(start, start + ROWS * width), shape: [ROWS, ...shape.slice(1)] }];
      }),
    );
  const parameters = drawn(run.parameters, 1);
  const states = new Map(
    layerStatesOf(joint).map(({ path }) => [
      path,
      constant(path.endsWith("var") ? 1 : 0, run.final[path]!.length),
    ]),
  );
  const given = { n: ROWS, inputs: batchAt(0), seed: 0 };
  let environment = firstEnvironment(joint, given, (path) => parameters.get(path) ?? states.get(path)!);
  const losses: number[] = [];
  for (const [step] of run.losses.entries()) {
    environment = { ...environment, step: step + 1, inputs: batchAt(step) };
    losses.push(evaluate([joint.roots.trainingLoss!], environment)[0]!.data[0]!);
    environment = afterStep(joint, environment);
  }
  const distances = ownedBy(joint).map(({ path }, index) =>
    distance(environment.parameters.get(index)!.data, run.final[path]!),
  );
  return [...distances, distance(losses, run.losses)].some((e) => !(e < TOLERANCE));
}

const constant = (value: number, length: number): Values => ({
  data: new Float64Array(length).fill(value),
  shape: [length],
});
