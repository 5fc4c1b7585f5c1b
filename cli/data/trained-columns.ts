/**
 * Columns of a table beside those that the weights were trained on: another order is an error, not
 * other numbers.
 */
import { DataError } from "../failures.ts";
import { cut } from "../terminal/cut.ts";
import type { Picked } from "./pick-columns.ts";

const MOST_NAMES = 12;

const listed = (names: readonly string[]): string =>
  names
    .slice(0, MOST_NAMES)
    .map((name) => `\`${cut(name)}\``)
    .join(", ") + (names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "");

/** `a,"b, or so"`, as the command line takes it. */
const selection = (names: readonly string[]): string =>
  names.map((name) => (/[,"]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(",");

/**
 * Columns taken in the order of the file must have the names of training, in that order. Columns
 * that were asked for one by one are the user's word, whatever their names are, unless a name of
 * training stands in another's place. Without a header there is nothing to compare.
 *
 * @returns what a user should know, if anything
 * @throws DataError where the columns are others
 */
export function expectTrainedColumns(
  input: string,
  trained: readonly string[],
  { names, explicit }: Picked,
  file: string,
): string | null {
  if (names === null) return null;
  const differs = (name: string, position: number): boolean => name !== trained[position];
  if (names.length === trained.length && !names.some(differs)) return null;
  const moved = names.find((name, position) => differs(name, position) && trained.includes(name));
  if (explicit && moved === undefined) {
    return `${file}: \`${input}\` takes ${listed(names)} in place of the columns it was trained on, ${listed(trained)}`;
  }
  const before = new Set(names);
  const isThere = trained.every((name) => before.has(name));
  const pick = trained.length > MOST_NAMES ? "" : `: ${input}=${file}:${selection(trained)}`;
  throw new DataError(
    "data-other-columns",
    moved !== undefined && names.length === trained.length
      ? `column \`${cut(moved)}\` is not where it was in training`
      : `its columns are not those of training`,
    { file, row: 1 },
    {
      notes: [`\`${input}\` was trained on ${listed(trained)}`, `here it would take ${listed(names)}`],
      help: isThere
        ? `pick them in the order of training${pick}`
        : `to use other columns instead, list them in the order of training: ${input}=${file}:COLUMN,…`,
    },
  );
}
