/**
 * Tables of text, read strictly: what is not a number is an error, or a label where labels are
 * wanted.
 */
import { isUtf8 } from "node:buffer";
import { DataError, UsageError, type DataPlace } from "../failures.ts";
import { count, counted } from "../terminal/numbers.ts";
import type { DataArray } from "./array.ts";
import type { Decimal } from "./cells.ts";
import { Columns, type Categories, type ColumnKind } from "./columns.ts";
import { cut } from "../terminal/cut.ts";
import { dialectOf, headerInComment, type Dialect } from "./dialect.ts";
import { hasHeader } from "./header.ts";
import { pickColumns, type Picked } from "./pick-columns.ts";
import { isBlankFrom, isBlankRow, QuoteError, RowReader } from "./rows.ts";

/** How tables are to be read, as the command line says for all of them. */
export interface TableOptions {
  readonly decimal?: Decimal | undefined;
  /** Whether the first row is a header; judged by its content where it is not said. */
  readonly header?: boolean | undefined;
  /** Columns whose texts are labels, though no `int` input takes them. */
  readonly labels?: readonly string[] | undefined;
}

export interface Wanted extends TableOptions {
  /** Names to pick, in this order, or numbers from 1; `-name` for all but that. */
  readonly picked?: readonly string[] | undefined;
  /** What columns may hold beside numbers; for one-hot rows a single column may hold labels. */
  readonly takes?: ColumnKind | "one-hot" | undefined;
  /** What text stands for, from an earlier run, by the names of its columns. */
  readonly known?: Categories | undefined;
  /** The columns of that run in their order. */
  readonly trained?: readonly string[] | undefined;
  /** Compares those with the ones found here. @returns what a user should know */
  readonly expectColumns?: (found: Picked, file: string) => string | null;
}

export interface Table extends DataArray {
  /** What text stands for in each column that holds some. */
  readonly categoriesByColumn: Categories;
  /** Names of the columns taken, in order; null without a header. */
  readonly names: readonly string[] | null;
  readonly notes: readonly string[];
}

/** The longest text that every engine holds as one string, with room to spare. */
export const longestText = 2 ** 29 - 2 ** 16;

/**
 * Reads columns of a table as an array [rows, columns].
 * @throws DataError naming file, row and column
 */
export function readCsv(bytes: Uint8Array, file: string, wanted: Wanted = {}): Table {
  const decimal = wanted.decimal ?? "point";
  const text = decode(bytes, file);
  const dialect = dialectOf(text, file, decimal);
  const header = wanted.header ?? judgedHeader(dialect, decimal, file);
  const rows = new TableRows(text, dialect, file, header);

  const first = rows.next();
  if (first === null) throw new DataError("data-empty", "the file is empty", { file });
  const names = header ? first : null;
  const picked = pickColumns(names, first.length, wanted.picked, file, rows.row);
  const note = wanted.expectColumns?.(picked, file) ?? null;
  const { known, trained } = wanted;
  const width = picked.indices.length;
  const takes = wanted.takes ?? "numbers";
  const columns = new Columns({
    indices: picked.indices,
    name: picked.name,
    decimal,
    kind: takes !== "one-hot" ? takes : width === 1 ? "labels" : "numbers",
    labels: new Set(wanted.labels),
    known:
      known === undefined
        ? null
        : (position) => {
            const [own, before] = [picked.name(position), trained?.[position]];
            if (Object.hasOwn(known, own)) return known[own];
            return before !== undefined && Object.hasOwn(known, before) ? known[before] : undefined;
          },
    at: (row, column) => rows.at(row, column),
  });
  if (names === null) columns.take(first, rows.row);
  const firstRow = names === null ? rows.row : rows.row + 1;
  for (let row = rows.next(); row !== null; row = rows.next()) columns.take(row, rows.row);

  if (columns.rows === 0) {
    throw new DataError("data-empty", header ? "there are no rows below the header" : "the file is empty", {
      file,
    });
  }
  const { values, categoriesByColumn } = columns.finish(wanted.header === undefined && names !== null);
  const single = width === 1 ? categoriesByColumn.get(picked.name(0)) : undefined;
  return {
    shape: [columns.rows, width],
    values,
    place: (position) => rows.at(firstRow + Math.floor(position / width), picked.name(position % width)),
    file,
    ...(single === undefined ? {} : { categories: single }),
    categoriesByColumn: Object.fromEntries(categoriesByColumn),
    names: picked.names,
    notes: [
      ...(dialect.skipped > 0 ? [`${file}: skipped at its top: ${count(dialect.skipped)} of its lines`] : []),
      ...(dialect.delimiter === " " ? [`${file}: its columns are separated by spaces`] : []),
      ...(names === null && wanted.header === undefined
        ? [`${file} has no header: its first row, \`${cut(first.join(","))}\`, is data`]
        : []),
      ...(note === null ? [] : [note]),
    ],
  };
}

/** Columns of the widest table that is read. */
const MOST_COLUMNS = 2 ** 22;

/** Cells beyond the first row's that are counted before it is said that there are more. */
const MORE_CELLS = 1000;

const judgedHeader = ({ head, hashed, skipped }: Dialect, decimal: Decimal, file: string): boolean =>
  hashed || hasHeader(head, decimal, file, skipped + 1);

/** The rows of a table that are no empty lines, all of one width. */
class TableRows {
  /** Of the row last read, counted from 1 with all that stands before it. */
  row: number;
  readonly #reader: RowReader;
  readonly #text: string;
  readonly #dialect: Dialect;
  readonly #file: string;
  readonly #header: boolean;
  #first: readonly string[] | null = null;
  /** Filled anew by each row below the first. */
  readonly #cells: string[] = [];
  /** Cells of each row, and whether one more may follow that is empty. */
  #width = 0;

  constructor(text: string, dialect: Dialect, file: string, header: boolean) {
    this.#text = text;
    this.#dialect = dialect;
    this.#reader = new RowReader(text, dialect.delimiter, dialect.start);
    this.row = dialect.skipped;
    this.#file = file;
    this.#header = header;
  }

  at(row: number, column?: string): DataPlace & { readonly row: number } {
    return {
      file: this.#file,
      row,
      ...(column === undefined ? {} : { column }),
      counting: this.#header && this.#dialect.skipped === 0 ? "the header is row 1" : "counted from 1",
    };
  }

  /**
   * @throws DataError where its width is another, its quotes do not match, or it repeats the header
   */
  next(): readonly string[] | null {
    const cells = this.#filled();
    if (cells === null) return null;
    if (this.#first === null) {
      if (cells.length > MOST_COLUMNS) {
        throw new DataError(
          "data-too-large",
          `this is a table of more than ${count(MOST_COLUMNS)} columns`,
          this.at(this.row),
          { help: "save it as .npy or .npz, which are also smaller and faster" },
        );
      }
      // A delimiter at the end of a row makes a cell that is none.
      this.#width = cells.length > 1 && cells.at(-1) === "" ? cells.length - 1 : cells.length;
      if (this.#width < cells.length) cells.pop();
      this.#first = cells;
      return cells;
    }
    if (cells.length === this.#width + 1 && cells.at(-1) === "") cells.pop();
    if (cells.length !== this.#width) throw this.#ragged(cells.length);
    if (this.#header && cells[0] === this.#first[0]) this.#expectNoHeader(cells);
    return cells;
  }

  /** The next row, which must not be empty. Empty lines are forgiven at the end of a file alone. */
  #filled(): string[] | null {
    const known = this.#first !== null;
    let cells: string[] | null;
    try {
      cells =
        this.#hashed() ??
        this.#reader.next(known ? this.#cells : [], known ? this.#width + MORE_CELLS : MOST_COLUMNS);
    } catch (error) {
      if (!(error instanceof QuoteError)) throw error;
      throw new DataError("data-bad-quotes", "its quotes do not match", this.at(this.row + 1), {
        help: 'a quoted cell begins and ends with ", and a quote inside is written ""',
      });
    }
    if (cells === null) return null;
    this.row += 1;
    if (!isBlankRow(cells)) return cells;
    if (isBlankFrom(this.#text, this.#reader.position)) return null;
    throw new DataError("data-ragged-row", "this row is empty", this.at(this.row), {
      help: "delete the row",
    });
  }

  /** The header after `# `, once. */
  #hashed(): string[] | null {
    const { hashed, start, delimiter } = this.#dialect;
    if (!hashed || this.#first !== null) return null;
    this.#reader.next();
    const names = headerInComment(this.#text.slice(start, this.#reader.position), delimiter);
    return names === null ? null : [...names];
  }

  #ragged(length: number): DataError {
    const mark = delimiterNames[this.#dialect.delimiter ?? ""] ?? `\`${this.#dialect.delimiter}\``;
    return new DataError(
      "data-ragged-row",
      `this row has ${length > this.#width + MORE_CELLS ? "more than " : ""}${counted(Math.min(length, this.#width + MORE_CELLS), "cell")}, and the first has ${count(this.#width)}`,
      this.at(this.row),
      {
        notes: [`cells are separated by ${mark}`],
        help:
          length > this.#width
            ? `a cell that contains ${mark} needs quotes`
            : `an empty cell still needs ${mark} next to it`,
      },
    );
  }

  #expectNoHeader(cells: readonly string[]): void {
    const first = this.#first;
    if (first === null || !cells.every((cell, c) => cell === first[c])) return;
    // Numbers that were said to be names may be data below them.
    if (cells.every((cell) => cell === "" || Number.isFinite(Number(cell)))) return;
    throw new DataError("data-repeated-header", "this row repeats the header", this.at(this.row), {
      help: "delete it if two files were joined; if the first row is data, say `--no-header`",
    });
  }
}

const delimiterNames: Readonly<Record<string, string>> = {
  ",": "a comma",
  ";": "a semicolon",
  "\t": "a tab",
  "|": "a `|`",
  " ": "spaces",
  "": "line ends alone",
};

function decode(bytes: Uint8Array, file: string): string {
  expectText(bytes, file);
  expectTextLength(bytes.length, file);
  if (!isUtf8(bytes)) {
    throw new DataError("data-encoding", "this is not UTF-8 text", { file }, { help: "save it as UTF-8" });
  }
  return new TextDecoder().decode(bytes);
}

/** @throws DataError where the bytes, or the first of them, are no text in one-byte units */
export function expectText(bytes: Uint8Array, file: string): void {
  const encoding = byteOrderMark(bytes);
  if (encoding !== null) {
    throw new DataError("data-encoding", `this text is ${encoding}`, { file }, { help: "save it as UTF-8" });
  }
  const zero = bytes.indexOf(0);
  if (zero === -1) return;
  const row = bytes.subarray(0, zero).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1);
  throw new DataError(
    "data-encoding",
    "there is a zero byte in this text",
    { file, row },
    {
      help: "save UTF-16 text as UTF-8; binary files are .npy, .npz, .safetensors or IDX",
    },
  );
}

/** @throws DataError where a text is longer than can be held */
export function expectTextLength(bytes: number, file: string): void {
  if (bytes <= longestText) return;
  throw new DataError(
    "data-too-large",
    `this text is longer than the limit of ${longestText} bytes`,
    { file },
    { help: "save it as .npy or .npz, which are also smaller and faster" },
  );
}

function byteOrderMark(bytes: Uint8Array): string | null {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? "UTF-32" : "UTF-16";
  return a === 0xfe && b === 0xff ? "UTF-16" : null;
}

/**
 * @param seen the columns taken of all tables
 * @throws UsageError for names that none of them has
 */
export function expectLabelColumns(labels: readonly string[], seen: ReadonlySet<string>): void {
  const unknown = labels.find((name) => !seen.has(name));
  if (unknown === undefined) return;
  throw new UsageError("bad-option", `--labels names \`${cut(unknown)}\`, but no such column is used`, {
    help: `columns taken are ${[...seen]
      .slice(0, 12)
      .map((name) => `\`${cut(name)}\``)
      .join(", ")}`,
  });
}
