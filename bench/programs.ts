/**
 * Programs of `models/` beyond dense nets, each at one size: what contestants are told of them, and
 * the numbers that all start with.
 */
import type { Manifest } from "../dist/runtime/index.js";
import { labels, uniform } from "./data.ts";
import type { JobFolder } from "./folder.ts";
import type { Floats, Labels, ProgramJob, ProgramName, TensorFile } from "./job.ts";
import { modelSource } from "./models.ts";
import type { Constant } from "./onnx-file.ts";
import { programToOnnx } from "./onnx-programs.ts";
import { productFlopsOf } from "./costs/kernel-calls.ts";

export interface OfProgram {
  readonly program: ProgramName;
  readonly mode: "step" | "predict";
  readonly rows: number;
  /** Of the model; those that are left out keep the values of its first line. */
  readonly settings?: Readonly<Record<string, number>>;
}

/** Ones where the model starts with ones; else as PyTorch draws weights, by what a unit reads. */
function startOf({ shape, init }: Manifest["parameters"][number], seed: number): Floats {
  const count = shape.reduce((product, size) => product * size, 1);
  if (init === "ones") return new Float32Array(count).fill(1);
  const read = shape.length < 2 ? (shape[0] ?? 1) : count / shape[0]!;
  const bound = 1 / Math.sqrt(read);
  return uniform(count, -bound, bound, seed);
}

function valuesOf(
  { dtype, classes }: Manifest["inputs"][number],
  count: number,
  seed: number,
): Floats | Labels {
  return dtype === "int" ? labels(count, classes ?? 1, seed) : uniform(count, -1, 1, seed);
}

/** One job for all: parameters by their paths, inputs by their names. */
export const programJob =
  ({ program, mode, rows, settings = {} }: OfProgram) =>
  async (folder: JobFolder): Promise<ProgramJob> => {
    const source = await modelSource(program);
    const { modules, manifest } = await folder.compiled(source, settings);
    const tensors: Record<string, TensorFile> = {};
    for (const [i, input] of manifest.inputs.entries()) {
      const shape = input.shape.map((size) => (typeof size === "number" ? size : rows));
      const count = shape.reduce((product, size) => product * size, 1);
      tensors[input.name] = await folder.tensor(valuesOf(input, count, 1 + i), shape);
    }
    const parameters: Record<string, TensorFile> = {};
    const constants: Constant[] = [];
    for (const [i, parameter] of manifest.parameters.entries()) {
      const [name, { shape }, values] = [parameter.path, parameter, startOf(parameter, 100 + i)];
      parameters[name] = await folder.tensor(values, shape);
      constants.push({ name, shape, values });
    }
    const known = Object.fromEntries(
      Object.entries(manifest.settings).map(([name, value]) => [name, Number(value)]),
    );
    const onnx =
      mode === "predict" && programToOnnx(program, { rows, settings: known, parameters: constants });
    return {
      kind: "program",
      program,
      mode,
      rows,
      settings: known,
      lr: manifest.optimizer?.hyper["lr"] ?? 0,
      productFlops: await productFlopsOf(source, settings, mode, rows),
      tensors,
      parameters,
      modules: { ...modules, ...(onnx && { onnx: await folder.write(onnx) }) },
    };
  };
