/** The ES module and the declarations that go beside `NAME.wasm`. */
import type { Manifest, ManifestSize } from "../../runtime/manifest.ts";
import { runtimeSource } from "../generated/runtime-source.ts";
import { version } from "../version.ts";

/** `DigitNet` → `digit-net`, `XOR2` → `xor2`. */
export const fileName = (model: string): string =>
  model
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

/** The text of `NAME.js`. It carries the runtime, so that it works on a page without a bundler or an import map. */
export function moduleText(name: string, manifest: Manifest): string {
  return `// ${manifest.model}, compiled by nndsl ${version}. It loads ./${name}.wasm; types are in ./${name}.d.ts.
${runtimeSource.trim()}
const load = (source = new URL("./${name}.wasm", import.meta.url), options) => nndsl.load(source, options);
const NndslError = nndsl.NndslError;
export { load, load as default, NndslError };
`;
}

/** The text of `NAME.d.ts`: the runtime's interface with this model's names and shapes in it. */
export function declarationsText(manifest: Manifest, doc?: string): string {
  const inputs = manifest.inputs.filter((i) => i.role === "input");
  const targets = manifest.inputs.filter((i) => i.role === "target");
  const shape = (sizes: readonly ManifestSize[], dtype?: string): string =>
    `${dtype === undefined || dtype === "float" ? "" : dtype}[${sizes.join(", ")}]`;
  const field = (name: string, type: string, note: string, about?: string): string =>
    `${comment([...(about === undefined ? [] : [about]), note], "  ")}  ${key(name)}: ${type};\n`;
  const union = (names: readonly string[]): string =>
    names.length === 0 ? "never" : names.map((n) => JSON.stringify(n)).join(" | ");
  const array = manifest.dtype === "f64" ? "Float64Array" : "Float32Array";
  const trainable = manifest.parameters.filter((p) => p.gradient !== null);

  return `// ${manifest.model}, compiled by nndsl ${version}. The interface is described in nndsl's documentation.

/** Numbers of one tensor in row-major order. */
export interface Tensor {
  readonly data: ${array};
  readonly shape: readonly number[];
}
type Nested = number | boolean | readonly Nested[];
/** What a tensor may be given as: a typed array, a nested array, or a tensor with its shape. */
export type TensorLike =
  | ArrayLike<number>
  | readonly Nested[]
  | number
  | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

/** What \`predict\` reads. */
export interface Inputs {
${inputs.map((i) => field(i.name, "TensorLike", shape(i.shape, i.dtype), i.doc)).join("")}}

/** What training reads: the inputs and the targets. */
export interface Batch extends Inputs {
${targets
  .map((t) => field(t.name, "TensorLike", shape(t.shape, t.dtype) + labels(t.classes), t.doc))
  .join("")}}

export interface Outputs {
${manifest.outputs.map((o) => field(o.name, "Tensor", shape(o.shape), o.doc)).join("")}}

export interface Metrics {
${manifest.metrics.map((m) => `  readonly ${key(m.name)}: number;\n`).join("")}}

/** Paths of the parameters. */
export type ParameterPath = ${union(manifest.parameters.map((p) => p.path))};
/** Paths of the parameters that are trained. */
export type TrainablePath = ${union(trainable.map((p) => p.path))};

/** Arguments of the optimiser${manifest.optimizer ? `, ${manifest.optimizer.name}` : ""}; they may be set between steps. */
export interface Hyper {
${Object.keys(manifest.optimizer?.hyper ?? {})
  .map((name) => `  ${key(name)}: number;\n`)
  .join("")}}

export interface FitOptions {
  /** Passes over the data; 1 if not said. */
  readonly epochs?: number;
  /** Rows a step; 32 if not said. */
  readonly batch?: number;
  /** A new order every epoch; true if not said. */
  readonly shuffle?: boolean;
  /** Of the shuffling. */
  readonly seed?: number;
  readonly onStep?: (progress: { readonly epoch: number; readonly step: number; readonly loss: number }) => void;
  readonly onEpoch?: (progress: { readonly epoch: number; readonly loss: number; readonly seconds: number }) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

${comment(doc === undefined ? [`The model ${manifest.model}.`] : [doc], "")}export interface Net {
  readonly manifest: {
    readonly model: ${JSON.stringify(manifest.model)};
    readonly dtype: ${JSON.stringify(manifest.dtype)};
    readonly [field: string]: unknown;
  };
  /** The outputs for a batch. */
  predict(inputs: Inputs): Outputs;
  /** The mean or sum that the model's \`loss\` lines give, not in training. */
  loss(batch: Batch): number;
  /** The training loss and its gradient by every trained parameter; nothing is changed. */
  gradients(batch: Batch): { readonly loss: number; readonly gradients: Readonly<Record<TrainablePath, Tensor>> };
  /** One step of the optimiser; returns the loss before it. */
  step(batch: Batch): number;
  evaluate(batch: Batch): { readonly loss: number; readonly metrics: Metrics };
  /** Trains over all rows given. */
  fit(data: Batch, options?: FitOptions): Promise<{ readonly history: readonly { readonly epoch: number; readonly loss: number }[] }>;
  /** A copy of a parameter. */
  get(path: ParameterPath): Tensor;
  set(path: ParameterPath, data: TensorLike): void;
  /** The live memory of a parameter; void once the memory grows. */
  view(path: ParameterPath): ${array};
  readonly hyper: Hyper;
  /** Weights, optimiser state, step and random state, as safetensors. */
  save(): Uint8Array;
  restore(bytes: Uint8Array | ArrayBuffer): void;
  /** First values again, drawn from \`seed\`. */
  reset(seed?: number): void;
  dispose(): void;
}

export declare class NndslError extends Error {
  readonly code: string;
}

/** Loads \`./${fileName(manifest.model)}.wasm\`, or \`source\` in its place. */
export declare function load(
  source?: ArrayBuffer | Uint8Array | Response | Promise<Response> | URL | WebAssembly.Module,
  options?: { readonly seed?: number },
): Promise<Net>;
export default load;
`;
}

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

const labels = (classes: number | undefined): string =>
  classes === undefined ? "" : `, labels 0 … ${classes - 1}`;

function comment(lines: readonly string[], indent: string): string {
  const text = lines.flatMap((line) => line.split("\n")).map((line) => line.replaceAll("*/", "*∕"));
  return text.length === 1
    ? `${indent}/** ${text[0]} */\n`
    : `${indent}/**\n${text.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}
