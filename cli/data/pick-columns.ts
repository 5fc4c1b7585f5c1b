/** The columns of a table that an input takes. */
import { DataError } from "../failures.ts";
import { didYouMean } from "../suggest.ts";
import { count } from "../terminal/numbers.ts";
import { cut } from "../terminal/cut.ts";

export interface Picked {
  /** Their places in a row, in the order taken. */
  readonly indices: readonly number[];
  /** The name of the column taken at `position`; without a header its number, from 1. */
  readonly name: (position: number) => string;
  /** The names of all of them, null without a header. */
  readonly names: readonly string[] | null;
  /** Whether they were asked for one by one. */
  readonly explicit: boolean;
}

/** Characters of a name. */
const LONGEST_NAME = 1000;

/**
 * @param header the names of all columns, null without any: then they are numbered from 1
 * @param columns what to take, `-name` for all but that; undefined for all
 * @throws DataError where there is no such column, or two
 */
export function pickColumns(
  header: readonly string[] | null,
  width: number,
  columns: readonly string[] | undefined,
  file: string,
  row: number,
): Picked {
  const name = (index: number): string => header?.[index] ?? String(index + 1);
  const picked = (indices: readonly number[], explicit: boolean): Picked => ({
    indices,
    name: (position) => name(indices[position]!),
    names: header === null ? null : indices.map(name),
    explicit,
  });
  const long = header?.find(({ length }) => length > LONGEST_NAME);
  if (long !== undefined) {
    throw new DataError(
      "data-long-label",
      `a column's name of ${count(long.length)} characters`,
      { file, row },
      {
        notes: [`it begins with \`${cut(long)}\``],
        help: "is the first row a header, and are its quotes closed?",
      },
    );
  }
  const all = Array.from({ length: width }, (_, index) => index);
  if (columns === undefined) return picked(all, false);

  const places = new Map<string, number>();
  const repeated = new Set<string>();
  for (const index of all) {
    if (places.has(name(index))) repeated.add(name(index));
    else places.set(name(index), index);
  }
  const find = (wanted: string): number => {
    const index = places.get(wanted);
    if (index === undefined) throw missingColumn(wanted, header, width, file);
    if (repeated.has(wanted)) {
      throw new DataError(
        "data-duplicate-column",
        `two columns are called \`${cut(wanted)}\``,
        { file, row },
        { help: "give each column its own name" },
      );
    }
    return index;
  };
  const isOmission = (text: string): boolean => text.startsWith("-") && !places.has(text);
  const omitted = new Set(columns.filter(isOmission).map((text) => find(text.slice(1))));
  const wanted = columns.filter((text) => !isOmission(text)).map(find);
  if (omitted.size > 0 && wanted.length > 0 && !wanted.some((index) => omitted.has(index)))
    throw mixedColumns(columns, isOmission, file);
  return wanted.length > 0
    ? picked(
        wanted.filter((index) => !omitted.has(index)),
        true,
      )
    : picked(
        all.filter((index) => !omitted.has(index)),
        false,
      );
}

/** `-kind,length`, where none of what is left out had been picked: more likely two are to be left out. */
function mixedColumns(
  columns: readonly string[],
  isOmission: (text: string) => boolean,
  file: string,
): DataError {
  const shown = (text: string): string => `\`${cut(text)}\``;
  const out = columns.find(isOmission)!;
  const picked = columns.find((text) => !isOmission(text))!;
  const all = columns.map((text) => (isOmission(text) ? text : `-${text}`)).join(",");
  return new DataError(
    "data-mixed-columns",
    `${shown(out)} leaves a column out, and ${shown(picked)} picks one, beside which there are no others`,
    { file },
    { help: `to leave out all of them write ${shown(all)}` },
  );
}

function missingColumn(
  wanted: string,
  header: readonly string[] | null,
  width: number,
  file: string,
): DataError {
  const help =
    header === null
      ? `its first row has numbers in it, so it is not a header: give columns by number, 1 to ${width}: \`1,2\`, or \`-${width}\` for all but that one`
      : /^\d+$/.test(wanted)
        ? `it has a header, so give columns by name: ${didYouMean("", header) ?? ""}`
        : didYouMean(wanted, header);
  return new DataError(
    "data-missing-column",
    `there is no column \`${cut(wanted)}\``,
    { file },
    help === undefined ? {} : { help },
  );
}
