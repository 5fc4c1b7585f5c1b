/** One program, compiled and run on data of its own. */
import { compile } from "../../compiler/index.ts";
import { ownedBy, type Model } from "../../compiler/graph/model.ts";
import { shapeAt } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import { load } from "../../runtime/index.ts";
import { modelOf } from "../helpers/elaborated.ts";
import { stream } from "./choices.ts";
import type { Numbers } from "./distance.ts";
import { INPUT_REACH, type Given } from "./program.ts";
import type { Case } from "./programs.ts";

export type Dtype = "f32" | "f64";

export interface Run {
  /** As elaborated: what was written, before any pass. */
  readonly model: Model;
  /** The data, and the parameters as the module drew them. */
  readonly environment: Environment;
  /** What the module computed of them. */
  readonly outputs: ReadonlyMap<string, Numbers>;
  readonly gradients: ReadonlyMap<string, Numbers>;
  readonly loss: number;
  readonly trainingLoss: number;
}

/** @throws DiagnosticError, CompilerFault, NndslError: none of them is to be */
export async function run({ source, inputs, batch, seed }: Case, dtype: Dtype): Promise<Run> {
  const [model, { wasm }] = await Promise.all([modelOf(source), compile(source, { dtype })]);
  const net = await load(wasm, { seed });
  const data = new Map(inputs.map((given, i) => [given.name, draw(given, batch, seed + 31 * i)]));
  const feed = (names: readonly string[]): Record<string, Values> =>
    Object.fromEntries([...data].filter(([name]) => names.includes(name)));
  const given = net.manifest.inputs;
  const examples = feed(given.map((i) => i.name));
  const outputs = net.predict(feed(given.filter((i) => i.role === "input").map((i) => i.name)));
  const { loss: trainingLoss, gradients } = net.gradients(examples);
  const loss = net.loss(examples);
  const parameters = ownedBy(model).map(({ path, shape }, index): [number, Values] => [
    index,
    { shape: shapeAt(shape, batch), data: Float64Array.from(net.get(path).data) },
  ]);
  net.dispose();
  return {
    model,
    environment: {
      n: batch,
      inputs: data,
      parameters: new Map(parameters),
      states: new Map(),
      hyper: new Map(),
      step: 0,
      seed,
    },
    outputs: new Map(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data])),
    gradients: new Map(Object.entries(gradients).map(([path, tensor]) => [path, tensor.data])),
    loss,
    trainingLoss,
  };
}

/** Data for an input, exact in f32. */
function draw({ shape, values }: Given, batch: number, seed: number): Values {
  const sizes = shapeAt(shape, batch);
  const next = stream(seed);
  const entry = (): number => {
    const u = next();
    if (typeof values === "object") return Math.floor(u * values.classes);
    switch (values) {
      case "float":
        return Math.fround(INPUT_REACH * (2 * u - 1));
      case "probability":
        return Math.fround(0.1 + 0.8 * u);
      case "bool":
        return u < 0.5 ? 0 : 1;
      case "side":
        return u < 0.5 ? -1 : 1;
      default:
        return values satisfies never;
    }
  };
  return { shape: sizes, data: Float64Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, entry) };
}
