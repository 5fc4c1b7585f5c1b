/** `runs.csv` and `runs.json`: all that a sweep has found, whole or as far as it got. */
import { writeCsv } from "../data/write-csv.ts";
import type { Complaint } from "../failures.ts";
import type { Evaluation } from "../parts.ts";
import { jsonValue, type Grid } from "./grid.ts";
import { measuresOf, valueOf } from "./measures.ts";
import type { Recipe } from "./recipe.ts";
import type { Run } from "./run.ts";

export interface PictureFile {
  readonly file: string;
  readonly kind: "distribution" | "curves" | "heat map";
}

/** A run as `--json` prints it. */
interface RunJson {
  readonly settings: Readonly<Record<string, number | string>>;
  readonly seed: number;
  readonly loss: number | null;
  readonly metrics: Evaluation["metrics"];
  readonly validation?: Evaluation;
  readonly test?: Evaluation;
  readonly failed?: { readonly code: string; readonly message: string };
}

function runJson({ axes, combinations }: Grid, { combination, seed, outcome }: Run): RunJson {
  const { values } = combinations[combination]!;
  const settings = Object.fromEntries(axes.map(({ name }, i) => [name, jsonValue(values[i]!)]));
  if (outcome.kind === "failed") return { settings, seed, loss: null, metrics: {}, failed: outcome.failure };
  const { own, validation, test } = outcome;
  return {
    settings,
    seed,
    loss: own.loss,
    metrics: own.metrics,
    ...(validation === null ? {} : { validation }),
    ...(test === null ? {} : { test }),
  };
}

/** What `--json` prints. @param model null where the sweep was stopped before it was known */
export function sweepJson(
  model: string | null,
  grid: Grid,
  runs: readonly Run[],
  pictures: readonly PictureFile[],
  more: { readonly interrupted?: true; readonly diagnostics?: readonly Complaint[] },
): string {
  const result = { model, runs: runs.map((run) => runJson(grid, run)), pictures, ...more };
  return `${JSON.stringify(result, null, 2)}\n`;
}

/** With a run in each line, so that it can be read and compared. */
export function runsJson(
  model: string,
  recipe: Recipe,
  grid: Grid,
  runs: readonly Run[],
  pictures: readonly PictureFile[],
): string {
  const lines = runs.map((run) => {
    const values = grid.combinations[run.combination]!.values;
    return JSON.stringify({ ...runJson(grid, run), values, history: run.outcome.history });
  });
  const list = (items: readonly string[]): string =>
    items.length === 0 ? "[]" : `[\n    ${items.join(",\n    ")}\n  ]`;
  return `{
  "model": ${JSON.stringify(model)},
  "recipe": ${JSON.stringify(recipe)},
  "axes": ${list(grid.axes.map((axis) => JSON.stringify(axis)))},
  "runs": ${list(lines)},
  "pictures": ${list(pictures.map((picture) => JSON.stringify(picture)))}
}
`;
}

/** A row for each run; a setting that is called as a result is, is `set.NAME`. */
export function runsCsv(grid: Grid, runs: readonly Run[]): string {
  const measures = measuresOf(runs);
  const results = ["seed", ...measures.map(({ label }) => label.replace(" ", ".")), "failed"];
  const header = [
    ...grid.axes.map(({ name }) => (results.includes(name) ? `set.${name}` : name)),
    ...results,
  ];
  const rows = runs.map(({ combination, seed, outcome }) => [
    ...grid.combinations[combination]!.values,
    String(seed),
    ...measures.map((measure) => (outcome.kind === "failed" ? "" : String(valueOf(measure, outcome) ?? ""))),
    outcome.kind === "failed" ? `${outcome.failure.code}: ${outcome.failure.message}` : "",
  ]);
  return writeCsv(header, rows);
}
