/** What runs of one sweep have in common, and the runs of an earlier one that goes on. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../compiler/version.ts";
import { UsageError } from "../failures.ts";
import { readFailure } from "../files.ts";
import type { OpenedProgram } from "../program.ts";
import { usualBatch } from "../options.ts";
import { shellWord } from "../shell.ts";
import type { SweepArguments } from "./arguments.ts";
import { fingerprint, type DataPlan, type Sets } from "./data.ts";
import type { Axis, Grid } from "./grid.ts";
import type { History, Outcome, Run } from "./run.ts";

/** All that a run depends on beside its combination and its seed; files by a hash of what they hold. */
export interface Recipe {
  readonly nndsl: string;
  readonly program: string;
  readonly model: string | null;
  readonly data: string;
  readonly validate: number | string | null;
  readonly test: string | null;
  readonly epochs: number;
  readonly batch: number;
  readonly shuffle: boolean;
  readonly dtype: string;
  readonly simd: string;
}

/** How a message names each. */
const names: Readonly<Record<keyof Recipe, string>> = {
  nndsl: "version of nndsl",
  program: "program",
  model: "--model",
  data: "--data",
  validate: "--validate",
  test: "--test",
  epochs: "--epochs",
  batch: "--batch",
  shuffle: "--no-shuffle",
  dtype: "--dtype",
  simd: "--simd",
};

/** What is known of it before the program and the data are read. */
export function typedRecipe(options: SweepArguments): Omit<Recipe, "program" | "data" | "validate" | "test"> {
  const { epochs, batch = usualBatch, shuffle, dtype, simd, model = null } = options;
  return { nndsl: version, model, epochs, batch, shuffle, dtype, simd };
}

export function recipeOf(
  program: OpenedProgram,
  { validate }: DataPlan,
  { data, validation, test }: Sets,
  options: SweepArguments,
): Recipe {
  const texts = [...program.sources.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...typedRecipe(options),
    program: createHash("sha256").update(JSON.stringify(texts)).digest("hex"),
    data: fingerprint(data),
    validate: typeof validate === "number" ? validate : validation && fingerprint(validation),
    test: test && fingerprint(test),
  };
}

/** A sweep that was made before in the same folder. */
export interface Earlier {
  readonly path: string;
  readonly recipe: Partial<Record<string, unknown>>;
  readonly axes: readonly Axis[];
  readonly runs: readonly {
    readonly values: readonly string[];
    readonly seed: number;
    readonly outcome: Outcome;
  }[];
  readonly pictures: readonly string[];
}

/**
 * The runs in a folder; null where there are none.
 * @throws UsageError where there are some and they are not to go on, or where they cannot be read
 */
export async function readEarlier(folder: string, resume: boolean): Promise<Earlier | null> {
  const path = join(folder, "runs.json");
  if (!existsSync(path)) return null;
  if (!resume) {
    throw new UsageError("has-runs", `${folder} holds the runs of another sweep`, {
      file: path,
      help: "go on with them by --resume, or write to another folder with -o",
    });
  }
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw readFailure(path, error);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Said below.
  }
  const earlier = earlierOf(path, json);
  if (earlier !== null) return earlier;
  throw new UsageError("cannot-resume", `${path} is not what a sweep writes`, {
    file: path,
    help: "write to another folder with -o",
  });
}

/** @throws UsageError where the earlier runs were made in another way */
export function expectSame(earlier: Earlier, recipe: Partial<Recipe>, axes: readonly Axis[]): void {
  const list = (of: readonly Axis[]): string =>
    of.map(({ kind, name }) => `--${kind} ${name}`).join(" ") || "no --set or --opt";
  const different = Object.entries(recipe).flatMap(([name, value]) =>
    // The keys of a recipe.
    earlier.recipe[name] === value ? [] : [`another ${names[name as keyof Recipe]}`],
  );
  if (list(earlier.axes) !== list(axes)) different.push(list(earlier.axes));
  if (different.length === 0) return;
  throw new UsageError(
    "cannot-resume",
    `the runs in ${earlier.path} were made with ${different.join(", and with ")}`,
    {
      file: earlier.path,
      help: "give what was given then, or write to another folder with -o",
    },
  );
}

/**
 * The file of the runs is written anew: none may be lost.
 *
 * @throws UsageError where an earlier run has a value or a seed that the grid lacks
 */
export function expectAll({ path, runs }: Earlier, { axes, seeds }: Grid): void {
  const ran = axes.map((_, i) => [...new Set(runs.map(({ values }) => values[i]!))]);
  const missing = axes.flatMap(({ name, values }, i) =>
    ran[i]!.filter((value) => !values.includes(value)).map((value) => `${name}=${value}`),
  );
  const [first, last] = [seeds[0]!, seeds.at(-1)!];
  const ranSeeds = new Set(runs.map(({ seed }) => seed));
  for (const seed of ranSeeds) if (seed < first || seed > last) missing.push(`seed ${seed}`);
  if (missing.length === 0) return;

  let [least, most] = [first, last];
  for (const seed of ranSeeds) [least, most] = [Math.min(least, seed), Math.max(most, seed)];
  const wanted = [
    ...axes.map(({ kind, name, values }, i) => {
      const all = [...new Set([...ran[i]!, ...values])];
      return `--${kind} ${shellWord(`${name}=${all.join(",")}`)}`;
    }),
    `--seed ${least} --seeds ${most - least + 1}`,
  ];
  const rest = missing.length > NAMED ? `, and ${missing.length - NAMED} more` : "";
  throw new UsageError(
    "cannot-resume",
    `${path} has runs that are not in this sweep: with ${missing.slice(0, NAMED).join(", ")}${rest}`,
    {
      file: path,
      help: `values and seeds can only be added: give ${wanted.join(" ")}, or write to another folder with -o`,
    },
  );
}

/** What is missing is named as far as one can read it. */
const NAMED = 6;

/** The earlier runs that stand in the grid, by their places in it. Those whose process was lost are made again. */
export function keptRuns({ runs }: Earlier, { combinations, seeds }: Grid): readonly Run[] {
  const key = (values: readonly string[], seed: number): string => JSON.stringify([values, seed]);
  const outcomes = new Map(runs.map(({ values, seed, outcome }) => [key(values, seed), outcome]));
  return combinations.flatMap(({ values }, combination) =>
    seeds.flatMap((seed) => {
      const outcome = outcomes.get(key(values, seed));
      if (outcome === undefined) return [];
      if (outcome.kind === "failed" && outcome.failure.code === "process-ended") return [];
      return [{ combination, seed, outcome }];
    }),
  );
}

// ------------------------------------------------------------------------------------------------ what was written

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

const isNumberOrNull = (value: unknown): value is number | null =>
  value === null || typeof value === "number";

/** Null for what no sweep wrote. */
function earlierOf(path: string, json: unknown): Earlier | null {
  if (!isRecord(json)) return null;
  const { recipe, axes, runs, pictures } = json;
  if (!isRecord(recipe) || !Array.isArray(axes) || !axes.every(isAxis)) return null;
  if (!Array.isArray(runs) || !Array.isArray(pictures)) return null;
  const read = runs.map(readRun);
  if (!read.every((run) => run !== null)) return null;
  if (read.some(({ values }) => values.length !== axes.length)) return null;
  const files = pictures.flatMap((picture) =>
    // What is removed later is a picture of this folder.
    isRecord(picture) && typeof picture["file"] === "string" && /^[\w-]+\.svg$/.test(picture["file"])
      ? [picture["file"]]
      : [],
  );
  return { path, recipe, axes, runs: read, pictures: files };
}

const isAxis = (value: unknown): value is Axis =>
  isRecord(value) &&
  (value["kind"] === "set" || value["kind"] === "opt") &&
  typeof value["name"] === "string" &&
  isTexts(value["values"]);

function readRun(value: unknown): Earlier["runs"][number] | null {
  if (!isRecord(value)) return null;
  const { values, seed, failed, loss, metrics } = value;
  const history = readHistory(value["history"]);
  if (!isTexts(values) || typeof seed !== "number" || history === null) return null;
  if (failed !== undefined) {
    if (!isRecord(failed)) return null;
    const { code, message } = failed;
    if (typeof code !== "string" || typeof message !== "string") return null;
    return { values, seed, outcome: { kind: "failed", failure: { code, message }, history } };
  }
  const own = readEvaluation({ loss, metrics });
  if (own === null) return null;
  // What is absent there is null here.
  const [validation = null, test = null] = [value["validation"], value["test"]].map(readEvaluation);
  return { values, seed, outcome: { kind: "trained", own, validation, test, history } };
}

function readHistory(value: unknown): History | null {
  if (!isRecord(value)) return null;
  const { loss, validation } = value;
  if (!isLosses(loss)) return null;
  if (validation === undefined) return { loss };
  return isLosses(validation) ? { loss, validation } : null;
}

const isLosses = (value: unknown): value is readonly (number | null)[] =>
  Array.isArray(value) && value.every(isNumberOrNull);

function readEvaluation(value: unknown) {
  if (!isRecord(value)) return null;
  const { loss, metrics } = value;
  if (!isNumberOrNull(loss) || !isRecord(metrics)) return null;
  const entries = Object.entries(metrics);
  if (!entries.every((entry): entry is [string, number | null] => isNumberOrNull(entry[1]))) return null;
  return { loss, metrics: Object.fromEntries(entries) };
}
