/** The values to try, and their combinations. */
import { InvalidArgumentError } from "commander";
import { splitAtCommas } from "../commas.ts";
import { UsageError } from "../failures.ts";
import { counted } from "../terminal/numbers.ts";

/** One setting of the model (`--set`), or argument of its optimizer (`--opt`), and what it is to be. */
export interface Axis {
  readonly kind: "set" | "opt";
  readonly name: string;
  /** As typed; of an argument of the optimizer they are numbers. */
  readonly values: readonly string[];
}

/** One value of each axis. */
export interface Combination {
  /** By axis, in the order of the axes. */
  readonly values: readonly string[];
  /** Settings that are compiled in. */
  readonly settings: Readonly<Record<string, string>>;
  /** Arguments of the optimizer. */
  readonly hyper: Readonly<Record<string, number>>;
  /** `units=4, lr=0.1`: what tells it from the others; empty where there is no other. */
  readonly label: string;
  /** `4, 0.1`: the same beside the names of the settings that change; long values are cut. */
  readonly short: string;
}

/** Runs of one sweep: more are a mistake. */
const MOST_RUNS = 100_000;

export interface Grid {
  readonly axes: readonly Axis[];
  /** The last axis changes fastest. */
  readonly combinations: readonly Combination[];
  readonly seeds: readonly number[];
}

/** Reads `--set NAME=A,B` or `--opt NAME=A,B`, once for each name. */
export function readAxis(kind: Axis["kind"]) {
  return (text: string, before: readonly Axis[] = []): readonly Axis[] => {
    const [, name, list] = /^([A-Za-z_][\w.]*)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || list === undefined)
      throw new InvalidArgumentError("Write NAME=VALUE, or NAME=VALUE,VALUE.");
    const values = splitAtCommas(list);
    if (values.includes("")) throw new InvalidArgumentError("There is a comma with no value beside it.");
    if (before.some((axis) => axis.name === name)) {
      throw new InvalidArgumentError(
        `\`${name}\` is given twice: write all its values in one list, ${name}=A,B.`,
      );
    }
    const repeated = values.find((value, i) => values.indexOf(value) !== i);
    if (repeated !== undefined) throw new InvalidArgumentError(`The value ${repeated} is repeated.`);
    const noNumber = values.find((value) => numberOf(value) === null);
    if (kind === "opt" && noNumber !== undefined)
      throw new InvalidArgumentError(`${noNumber} is not a number, such as 0.01 or 1e-3.`);
    return [...before, { kind, name, values }];
  };
}

/** A value that is a number as it stands there; null for any other. */
export function numberOf(value: string): number | null {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** A value in JSON: a number where it is one. */
export const jsonValue = (value: string): number | string => numberOf(value) ?? value;

/** Axes along which something changes. */
export const varying = (axes: readonly Axis[]): readonly Axis[] =>
  axes.filter(({ values }) => values.length > 1);

/** @throws UsageError where there is nothing to compare, or far too much */
export function gridOf(axes: readonly Axis[], firstSeed: number, seedCount: number): Grid {
  const both = axes.find(({ name }, i) => axes.findIndex((axis) => axis.name === name) !== i);
  if (both !== undefined) {
    throw new UsageError("bad-usage", `\`${both.name}\` is given by --set and by --opt`, {
      help: "give it once",
    });
  }
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count * seedCount === 1) {
    throw new UsageError("bad-usage", "there is nothing to sweep: one combination with one seed is one run", {
      help: "list values, as in --set units=2,4,8, or give --seeds 10; for one run there is `nndsl train`",
    });
  }
  if (count * seedCount > MOST_RUNS) {
    throw new UsageError(
      "bad-usage",
      `${counted(count, "combination")} of ${counted(seedCount, "seed")} each are more than ${counted(MOST_RUNS, "run")}`,
      { help: "list fewer values" },
    );
  }
  const seeds = Array.from({ length: seedCount }, (_, i) => firstSeed + i);
  if (seeds.at(-1)! >= 2 ** 32) {
    throw new UsageError(
      "bad-usage",
      `the last seed would be ${seeds.at(-1)}, but 4294967295 is the largest`,
      {
        help: "give a smaller --seed",
      },
    );
  }
  let rows: (readonly string[])[] = [[]];
  for (const { values } of axes) rows = rows.flatMap((row) => values.map((value) => [...row, value]));
  const shorts = shortLabels(rows.map((values) => values.filter((_, i) => axes[i]!.values.length > 1)));
  return { axes, combinations: rows.map((values, i) => combination(axes, values, shorts[i]!)), seeds };
}

/** Letters of a value, until all labels differ. */
const LENGTHS = [14, 20, 30, 50, 100];

function shortLabels(rows: readonly (readonly string[])[]): readonly string[] {
  const cut = (length: number): string[] =>
    rows.map((row) =>
      row.map((value) => (value.length > length ? `${value.slice(0, length - 1)}…` : value)).join(", "),
    );
  const length = LENGTHS.find((most) => new Set(cut(most)).size === rows.length);
  return cut(length ?? Infinity);
}

function combination(axes: readonly Axis[], values: readonly string[], short: string): Combination {
  const pairs = axes.map((axis, i) => ({ ...axis, value: values[i]! }));
  const changing = pairs.filter((axis) => axis.values.length > 1);
  const label = changing.map(({ name, value }) => `${name}=${value}`).join(", ");
  return {
    values,
    settings: Object.fromEntries(
      pairs.flatMap(({ kind, name, value }) => (kind === "set" ? [[name, value]] : [])),
    ),
    hyper: Object.fromEntries(
      pairs.flatMap(({ kind, name, value }) => (kind === "opt" ? [[name, Number(value)]] : [])),
    ),
    label,
    short,
  };
}
