/**
 * What a contestant is asked to do, as plain data: it reaches other processes, pages and Python as
 * JSON, its tensors as files.
 */

export type Floats = Float32Array<ArrayBuffer>;
export type Labels = Int32Array<ArrayBuffer>;

/** A file of little-endian numbers in row-major order, in the job's folder. */
export interface TensorFile {
  readonly file: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
}

export interface Network {
  /** Widths from the input to the logits. */
  readonly sizes: readonly number[];
  /** Of all layers but the last. */
  readonly activation: "sigmoid" | "tanh";
  /** Cross-entropy reads labels as `y`, the other one [rows, 1] of 0 and 1; both are means. */
  readonly loss: "cross_entropy" | "bce_with_logits";
}

export interface Optimizer {
  readonly name: "sgd" | "adam";
  readonly lr: number;
}

interface Files {
  /** `x`, `y`, and of layer i `weight.i` [out, in] and `bias.i` [out]. */
  readonly tensors: Readonly<Record<string, TensorFile>>;
  /**
   * What a compiler made of the job: `strict` and `relaxed` of nndsl's, `onnx`. Files in the job's
   * folder.
   */
  readonly modules: Readonly<Record<string, string>>;
}

interface OfNetwork extends Files {
  readonly network: Network;
  readonly batch: number;
}

export const functionNames = ["exp", "log", "tanh", "sigmoid", "softplus", "gelu_erf", "sin"] as const;
export type FunctionName = (typeof functionNames)[number];

/** A layer's products: forward, of the gradient at its input, of the gradient at its weight. */
export const productForms = ["x·wᵀ", "x·w", "xᵀ·y"] as const;
export type ProductForm = (typeof productForms)[number];

/** One forward, backward and update over the same rows. */
export type TrainJob = OfNetwork & { readonly kind: "train"; readonly optimizer: Optimizer };
/** The same, in the library's own loop where it has one. */
export type FitJob = OfNetwork & { readonly kind: "fit"; readonly optimizer: Optimizer };
/** Every row once, in a new order, in batches. */
export type EpochJob = OfNetwork & { readonly kind: "epoch"; readonly optimizer: Optimizer };
/** Softmax of the logits, or the sigmoid of one, as numbers. */
export type PredictJob = OfNetwork & { readonly kind: "predict" };
/** A function of every entry of `x`. */
export type FunctionJob = Files & { readonly kind: "function"; readonly name: FunctionName };
/** A product of `x` [n, n] with `w` [n, n], or of two such inputs. */
export type ProductJob = Files & { readonly kind: "product"; readonly form: ProductForm; readonly n: number };

/** Programs of `models/` that are no dense nets; contestants write each in their own way. */
export const programNames = [
  "transformer",
  "attention",
  "lstm",
  "gru",
  "softmax-rows",
  "layer-norm",
  "batch-norm",
  "chain",
  "classes",
  "pinn",
  "digits-conv",
  "block",
  "mobile",
  "gpt",
  "embedding",
] as const;
export type ProgramName = (typeof programNames)[number];

/** A step of plain SGD, or an inference, of such a program. */
export interface ProgramJob extends Files {
  readonly kind: "program";
  readonly program: ProgramName;
  readonly mode: "step" | "predict";
  readonly rows: number;
  /** All of the model's settings. */
  readonly settings: Readonly<Record<string, number>>;
  readonly lr: number;
  /** Multiplications and additions of its products. */
  readonly productFlops: number;
  /** By path; `tensors` has the inputs by name. */
  readonly parameters: Readonly<Record<string, TensorFile>>;
}

export type NetworkJob = TrainJob | FitJob | EpochJob | PredictJob;
export type Job = NetworkJob | FunctionJob | ProductJob | ProgramJob;

/** Reads a file of the job's folder. */
export type Read = (file: string) => Promise<ArrayBuffer>;

async function bytesOf(job: Job, name: string, dtype: TensorFile["dtype"], read: Read): Promise<ArrayBuffer> {
  const tensor = job.tensors[name];
  if (tensor?.dtype !== dtype) throw new Error(`The job has no ${dtype} tensor ${name}.`);
  return read(tensor.file);
}

/**
 * A tensor of the job by its name. @throws Error where it has none of that type: a mistake of the
 * benchmark's own
 */
export const floatsOf = async (job: Job, name: string, read: Read): Promise<Floats> =>
  new Float32Array(await bytesOf(job, name, "float32", read));

/** The numbers of a tensor, whatever its type. */
export const valuesOf = async ({ file, dtype }: TensorFile, read: Read): Promise<Floats | Labels> =>
  dtype === "int32" ? new Int32Array(await read(file)) : new Float32Array(await read(file));

export const labelsOf = async (job: Job, name: string, read: Read): Promise<Labels> =>
  new Int32Array(await bytesOf(job, name, "int32", read));

export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs, inputs] */
  readonly weight: Floats;
  readonly bias: Floats;
}

export async function layersOf(job: NetworkJob, read: Read): Promise<Layer[]> {
  const { sizes } = job.network;
  return Promise.all(
    sizes.slice(1).map(async (outputs, i) => ({
      inputs: sizes[i] ?? 0,
      outputs,
      weight: await floatsOf(job, `weight.${i}`, read),
      bias: await floatsOf(job, `bias.${i}`, read),
    })),
  );
}

/** A matrix the other way round. */
export function transposed(matrix: Floats, rows: number, columns: number): Floats {
  const result = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j] ?? NaN;
  }
  return result;
}
