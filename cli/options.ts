/** Options that several commands share. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Decimal } from "./data/cells.ts";
import { columnList } from "./data/spec.ts";
import { UsageError } from "./failures.ts";

/** Rows of a step where nothing says otherwise, as in Keras. */
export const usualBatch = 32;

export interface SharedOptions {
  readonly set: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly seed: number;
  readonly batch?: number;
}

/** Options of models that a command has no use for, with the reason: it refuses them. */
export type Useless = Readonly<Partial<Record<"seed" | "batch", string>>>;

const setOption = (): Option =>
  new Option("--set <name=value>", "a setting of the model, as in the language; repeatable")
    .argParser(pairs((text) => text))
    .default({}, "none");

/**
 * `--set --model --seed --batch`, for every command that takes a model.
 * @param set for a command that reads `--set` in its own way
 */
export function addModelOptions(command: Command, useless: Useless = {}, set = setOption()): Command {
  return command
    .addOption(set)
    .option("--model <name>", "which model to use, if the file has several")
    .addOption(
      useless.seed === undefined
        ? new Option("--seed <number>", "seed of the initial weights and of all other random numbers")
            .argParser(integer(0, 2 ** 32 - 1))
            .default(0)
        : refused("--seed <number>", useless.seed),
    )
    .addOption(
      useless.batch === undefined
        ? new Option("--batch <rows>", "rows per step or call").argParser(integer(1, 2 ** 31 - 1))
        : refused("--batch <rows>", useless.batch),
    );
}

const refused = (flags: string, because: string): Option =>
  new Option(flags).hideHelp().argParser(() => {
    throw new InvalidArgumentError(because);
  });

/** How tables among the data are read, where their look does not say. */
export interface TableArguments {
  readonly decimal?: Decimal;
  readonly header?: boolean;
  readonly labels?: readonly string[];
}

/** `--decimal --header --labels`, for every command that takes `--data`. */
export function addTableOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--decimal <mark>", "decimal mark in tables; comma reads 17,4").choices(["point", "comma"]),
    )
    .option("--header", "the first row of a table names its columns")
    .option("--no-header", "the first row of a table is data; columns are named 1, 2 …")
    .addOption(
      new Option(
        "--labels <columns>",
        "text columns to read as labels 0, 1 … for a float input; repeatable",
      ).argParser((text: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        ...columnList(text),
      ]),
    );
}

export const tableOptions = ({ decimal, header, labels }: TableArguments): TableArguments => ({
  ...(decimal === undefined ? {} : { decimal }),
  ...(header === undefined ? {} : { header }),
  ...(labels === undefined ? {} : { labels }),
});

/** `--simd`, for commands that make code. @param more what it is for the command beside that */
export const simdOption = (more = ""): Option =>
  new Option(
    "--simd <mode>",
    `strict: identical results on every processor; relaxed: faster, nearly identical${more}`,
  )
    .choices(["strict", "relaxed"])
    .default("strict");

/** `--dtype`, for commands that make code. */
export const dtypeOption = (): Option =>
  new Option("--dtype <type>", "precision of all computation").choices(["f32", "f64"]).default("f32");

/** `--memory`, for commands that plan memory. */
export const memoryOption = (): Option =>
  new Option(
    "--memory <bytes>",
    "memory limit for a batch, e.g. 512KB; values are recomputed to fit",
  ).argParser(byteCount);

/** The limit of the arena, if `--memory` sets one, for a batch of `--batch` rows. */
export function memoryOptions({ memory, batch }: { readonly memory?: number; readonly batch?: number }): {
  readonly memory?: { readonly bytes: number; readonly rows?: number };
} {
  if (memory === undefined) return {};
  return { memory: { bytes: memory, ...(batch === undefined ? {} : { rows: batch }) } };
}

/** `--threads`, for commands that run a model for long. */
export const threadsOption = (): Option =>
  new Option("--threads <number>", "number of threads; results are identical to the bit")
    .argParser(integer(1, 1024))
    .default(1);

/** The options that say what is compiled. */
export function sourceOptions({ set, model }: SharedOptions): {
  readonly settings: Readonly<Record<string, string>>;
  readonly model?: string;
} {
  return { settings: set, ...(model === undefined ? {} : { model }) };
}

/** Gathers `name=value` into one record. A number of an optimizer for a part has a dot in its name: `encoder.lr`. */
export function pairs<T>(read: (text: string) => T) {
  return (text: string, before: Readonly<Record<string, T>> | undefined): Record<string, T> => {
    const [, name, value] = /^([A-Za-z_][\w.]*)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new InvalidArgumentError("Write NAME=VALUE.");
    return { ...before, [name]: read(value) };
  };
}

export function integer(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be an integer from ${least} to ${most}.`);
    }
    return value;
  };
}

/** `65536`, `64KB`, `2.5 MB` (1 KB = 1,000 bytes), `64KiB` (1 KiB = 1,024 bytes). */
export function byteCount(text: string): number {
  const [, digits, power, binary] = /^(\d+(?:\.\d+)?)\s*(?:([kmg])(i)?)?b?$/i.exec(text.trim()) ?? [];
  const unit =
    (binary === undefined ? 1000 : 1024) ** (power === undefined ? 0 : " kmg".indexOf(power.toLowerCase()));
  const value = Math.floor(Number(digits) * unit);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a number of bytes, such as 65536, 64KB or 2MB.");
  return value;
}

export function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new InvalidArgumentError("It must be a number, such as 0.01 or 1e-3.");
  return value;
}

/**
 * The program's file and the data. `--data` takes all that follows it, so a file typed last (`train
 * --data a.npz model.nn`) arrives among the data; it is known by its name.
 * @throws UsageError where there is no program
 */
export function takeFile(
  file: string | undefined,
  data: readonly string[] = [],
): { readonly file: string; readonly data: readonly string[] } {
  if (file !== undefined) return { file, data };
  const stray = data.find((text) => text.endsWith(".nn") && !text.includes("="));
  if (stray === undefined) {
    throw new UsageError("bad-usage", "there is no program", { help: "name it first: FILE.nn" });
  }
  return { file: stray, data: data.filter((text) => text !== stray) };
}
