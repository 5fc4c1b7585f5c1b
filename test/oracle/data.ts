/** The oracle's data, drawn bit for bit as `torch_oracle.py` draws them. */
import { readFileSync } from "node:fs";

/**
 * Uniform in (low, high) on a grid that f32 holds exactly, whole numbers 0 … classes - 1, or one of
 * some choices.
 */
export type Spec = { readonly shape: readonly (number | "N")[]; readonly stream: number } & (
  | { readonly low: number; readonly high: number }
  | { readonly classes: number }
  | { readonly choices: readonly number[] }
);

/** JSON has no NaN and no infinity: the oracle writes "nan", "inf", "-inf". */
export type Written = number | string;

/**
 * Every `stride`-th entry of a tensor, and over all of them the sum and the sum of absolute values.
 */
export interface Digest {
  readonly shape: readonly number[];
  readonly stride: number;
  readonly values: readonly Written[];
  readonly sum: readonly [Written, Written];
}

export interface BatchResult {
  readonly loss: Written;
  readonly outputs: Readonly<Record<string, Digest>>;
  readonly gradients: Readonly<Record<string, Digest>>;
  readonly metrics: Readonly<Record<string, Written>>;
}

export interface OracleCase {
  readonly inputs: Readonly<Record<string, Spec>>;
  readonly parameters: Readonly<Record<string, Spec>>;
  readonly batches: Readonly<Record<string, BatchResult>>;
}

export interface TrainingRun {
  readonly model: string;
  /** Step k reads this many rows from row k·batch on, round and round. */
  readonly batch: number;
  readonly losses: readonly number[];
  readonly final: Readonly<Record<string, readonly number[]>>;
}

/** Steps of a net with batch norms: step k reads this many rows from row k·batch on, round and round. */
export interface NormRun extends TrainingRun {
  readonly inputs: Readonly<Record<string, Spec>>;
  readonly parameters: Readonly<Record<string, Spec>>;
  /** Of the first 7 rows after the last step. */
  readonly predicted: readonly number[];
  readonly evaluated: number;
}

export interface Oracle {
  readonly cases: Readonly<Record<string, OracleCase>>;
  readonly training: {
    readonly inputs: Readonly<Record<string, Spec>>;
    readonly parameters: Readonly<Record<string, Spec>>;
    readonly runs: readonly TrainingRun[];
  };
  readonly batchNorm: readonly NormRun[];
  readonly initializers: Readonly<
    Record<
      string,
      { readonly mean: number; readonly std: number; readonly low?: number; readonly high?: number }
    >
  >;
}

export const oracle: Oracle = JSON.parse(readFileSync(new URL("torch.json", import.meta.url), "utf8"));

/** The text of a program beside this file. */
export const program = (name: string): string => readFileSync(new URL(`${name}.nn`, import.meta.url), "utf8");

export const written = (value: Written): number =>
  typeof value === "number" ? value : value === "nan" ? NaN : value === "inf" ? Infinity : -Infinity;

/** 32 bits for entry `index` of a stream: MurmurHash3's finalizer. */
function mix(stream: number, index: number): number {
  let h = (Math.imul(index, 0x9e3779b1) + Math.imul(stream, 0x85ebca77)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The numbers of a tensor for a batch of `n` rows, row-major. */
export function draw(spec: Spec, n: number): Float64Array {
  const count = spec.shape.reduce<number>((product, size) => product * (size === "N" ? n : size), 1);
  return Float64Array.from({ length: count }, (_, index) => {
    const bits = mix(spec.stream, index) >>> 16;
    if ("choices" in spec) return spec.choices[Math.floor((bits * spec.choices.length) / 65536)] ?? NaN;
    return "classes" in spec
      ? Math.floor((bits * spec.classes) / 65536)
      : spec.low + ((spec.high - spec.low) * (2 * bits + 1)) / 131072;
  });
}

/** A tensor that is given with its shape, so that the batch is never a guess. */
export const drawTensor = (spec: Spec, n: number): { data: Float64Array; shape: number[] } => ({
  data: draw(spec, n),
  shape: spec.shape.map((size) => (size === "N" ? n : size)),
});

/**
 * E = max |a - b| / (max |b| + 1e-8); infinite where only one side is a number, or the lengths
 * differ.
 */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i] ?? NaN;
    const b = expected[i] ?? NaN;
    if (Object.is(a, b) || a === b) continue;
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
    difference = Math.max(difference, Math.abs(a - b));
  }
  for (let i = 0; i < expected.length; i++) {
    const b = Math.abs(expected[i] ?? NaN);
    if (Number.isFinite(b)) size = Math.max(size, b);
  }
  return difference / (size + 1e-8);
}

/**
 * How far a tensor is from what the oracle kept of it: its entries, and its sum beside the sum of
 * absolute values.
 */
export function digestDistance(
  tensor: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  digest: Digest,
): number {
  if (tensor.shape.join() !== digest.shape.join()) return Infinity;
  const data = Array.from(tensor.data);
  const kept = data.filter((_, index) => index % digest.stride === 0);
  const total = data.reduce((sum, value) => sum + value, 0);
  const [sum, magnitude] = digest.sum.map(written);
  const sums =
    Object.is(total, sum) || total === sum ? 0 : Math.abs(total - (sum ?? NaN)) / ((magnitude ?? NaN) + 1e-8);
  const worst = Math.max(distance(kept, digest.values.map(written)), sums);
  return Number.isNaN(worst) ? Infinity : worst;
}
