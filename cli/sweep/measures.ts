/** What is compared in a sweep: losses and metrics, and how they are spread over the seeds. */
import type { Combination, Grid } from "./grid.ts";
import type { Run, Trained } from "./run.ts";

/** What a run is evaluated on: the rows trained on, those of `--validate` and those of `--test`. */
export const setNames = ["own", "validation", "test"] as const;

/** A loss or metric on one of them. */
export interface Measure {
  readonly name: string;
  readonly set: (typeof setNames)[number];
  /** `loss`, `test accuracy` */
  readonly label: string;
}

/** Those that any of the runs has, losses first; a model's runs differ where its settings choose metrics. */
export function measuresOf(runs: readonly Run[]): readonly Measure[] {
  const found = new Map<string, Measure>();
  for (const set of setNames) {
    const evaluations = runs.flatMap(({ outcome }) => {
      const evaluation = outcome.kind === "trained" ? outcome[set] : null;
      return evaluation === null ? [] : [evaluation];
    });
    const names = new Set([
      ...(evaluations.some(({ loss }) => loss !== null) ? [LOSS] : []),
      ...evaluations.flatMap(({ metrics }) => Object.keys(metrics)),
    ]);
    for (const name of names) {
      const label = set === "own" ? name : `${set} ${name}`;
      found.set(label, { name, set, label });
    }
  }
  return [...found.values()];
}

const LOSS = "loss";

/** Those on the rows that say most of a setting: of the test, else of the validation, else trained on. */
export function telling(measures: readonly Measure[]): readonly Measure[] {
  const set = setNames.findLast((name) => measures.some((measure) => measure.set === name));
  return measures.filter((measure) => measure.set === set);
}

/** Null where the run has none. */
export function valueOf({ name, set }: Measure, outcome: Trained): number | null {
  const evaluation = outcome[set];
  if (evaluation === null) return null;
  return name === LOSS ? evaluation.loss : (evaluation.metrics[name] ?? null);
}

/** The runs of one combination. */
export interface Cell {
  readonly combination: Combination;
  readonly trained: readonly Trained[];
  readonly failed: number;
}

export function cellsOf(grid: Grid, runs: readonly Run[]): readonly Cell[] {
  const own = byCombination(grid, runs);
  return grid.combinations.map((combination, index) => cellOf(combination, own[index]!));
}

export function cellOf(combination: Combination, own: readonly Run[]): Cell {
  const trained = own.flatMap(({ outcome }) => (outcome.kind === "trained" ? [outcome] : []));
  return { combination, trained, failed: own.length - trained.length };
}

/** The runs of each combination, in one pass: there may be many of both. */
export function byCombination({ combinations }: Grid, runs: readonly Run[]): Run[][] {
  const groups: Run[][] = combinations.map(() => []);
  for (const run of runs) groups[run.combination]!.push(run);
  return groups;
}

export const valuesOf = (measure: Measure, trained: readonly Trained[]): readonly number[] =>
  trained.flatMap((outcome) => valueOf(measure, outcome) ?? []);

export interface Quartiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/**
 * Between two values they lie on the line through both, as in NumPy and R's type 7. Null for no
 * values.
 */
export function quartiles(values: readonly number[]): Quartiles | null {
  const sorted = values.toSorted((a, b) => a - b);
  const last = sorted.length - 1;
  if (last < 0) return null;
  const at = (share: number): number => {
    const place = share * last;
    const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return below + (above - below) * (place - Math.floor(place));
  };
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}
