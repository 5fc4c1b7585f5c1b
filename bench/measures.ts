/** What targets are made of: figures of the results, and ratios of them. */
import type { ContestantName } from "./hosts/runner.ts";
import { least, timeOf, type Pick, type Results } from "./results.ts";

export interface Target {
  readonly workload: string;
  readonly measure: string;
  readonly limit: number;
  /** Whether the figure must not be above the limit, or not below. */
  readonly bound: "at most" | "at least";
  readonly unit: "×" | "µs" | "s" | "MB" | "% of peak";
  /** Of medians; undefined where something that it needs was not measured. */
  readonly measured: number | undefined;
  /** The same of the least times: what others at work on the machine disturb less. */
  readonly ofLeast: number | undefined;
  /**
   * That of the least times if nndsl took the time of the products alone at the 128-bit peak, which
   * the same rounds measured: none can be lower.
   */
  readonly atPeak: number | undefined;
}

/** Undefined where something that it needs was not measured. */
export type Measure = (results: Results, pick: Pick) => number | undefined;

/** A target with what reads its figure. */
export interface Goal extends Omit<Target, "measured" | "ofLeast" | "atPeak"> {
  readonly read: Measure;
  readonly readAtPeak?: Measure;
}

/** The time of a contestant at a workload, in Node. */
export const of =
  (workload: string, contestant: ContestantName): Measure =>
  (results, pick) =>
    timeOf(
      results.hosts.find(({ name }) => name === "Node"),
      workload,
      contestant,
      pick,
    );

/** A quotient of two. */
export const over =
  (above: Measure, below: Measure): Measure =>
  (results, pick) => {
    const [a, b] = [above(results, pick), below(results, pick)];
    return a === undefined || b === undefined ? undefined : a / b;
  };

/** The lesser of two. */
export const fasterOf =
  (a: Measure, b: Measure): Measure =>
  (results, pick) => {
    const times = [a(results, pick), b(results, pick)].filter((time) => time !== undefined);
    return times.length === 2 ? Math.min(...times) : undefined;
  };

/**
 * The time at the peak: of the quietest round, whatever is asked for, since a peak is what the
 * machine can do at most.
 */
export const peakOf = (workload: string, name: "peak" | "peak-relaxed"): Measure => {
  const measure = of(workload, name);
  return (results) => measure(results, least);
};

/** A multiple of one. */
export const scaled =
  (measure: Measure, factor: number): Measure =>
  (results, pick) => {
    const value = measure(results, pick);
    return value === undefined ? undefined : value * factor;
  };

/** What targets call contestants. */
export const labels: Readonly<Record<ContestantName, string>> = {
  nndsl: "strict",
  "nndsl-relaxed": "relaxed",
  "nndsl-threads": "two threads",
  torch: "PyTorch",
  jax: "jax-js",
  tfjs: "TensorFlow.js",
  ort: "ONNX Runtime Web",
  peak: "peak",
  "peak-relaxed": "peak (relaxed)",
};

/** The time at the peak of the code that a contestant is made of, shared by its threads. */
export function atPeak(workload: string, ours: ContestantName): Measure {
  const alone = peakOf(workload, ours === "nndsl" ? "peak" : "peak-relaxed");
  return ours === "nndsl-threads" ? scaled(alone, 1 / 2) : alone;
}

/** Our time over theirs. @param title of the workload, for people */
export function ratio(
  title: string,
  workload: string,
  ours: ContestantName,
  theirs: ContestantName,
  limit: number,
): Goal {
  return {
    workload: title,
    measure: `${labels[ours]} ÷ ${labels[theirs]}`,
    limit,
    bound: "at most",
    unit: "×",
    read: over(of(workload, ours), of(workload, theirs)),
    readAtPeak: over(atPeak(workload, ours), of(workload, theirs)),
  };
}
