/**
 * Tables of text, read strictly: what is not a number is an error, or a label where labels are
 * wanted. A table is read once, for all inputs that take columns of it, and in parts: memory has
 * its numbers and no text.
 */
import { DataError, UsageError } from "../failures.ts";
import { count } from "../terminal/numbers.ts";
import type { ByteSource } from "./byte-source.ts";
import { ByteWindow, CHUNK, UnsoundText } from "./byte-window.ts";
import type { Decimal } from "./cells.ts";
import { Columns, type Categories, type ColumnKind } from "./columns.ts";
import { cut } from "../terminal/cut.ts";
import { dialectOf, type Dialect } from "./dialect.ts";
import { hasHeader } from "./header.ts";
import { pickColumns, type Picked } from "./pick-columns.ts";
import { PlainRows } from "./plain-rows.ts";
import { TableRows } from "./table-rows.ts";
import { Takers, type Taken, type Taker } from "./takers.ts";
import { expectNoOtherMark, expectSoundText } from "./text-encoding.ts";

/** How tables are to be read, as the command line says for all of them. */
export interface TableOptions {
  readonly decimal?: Decimal | undefined;
  /** Whether the first row is a header; judged by its content where it is not said. */
  readonly header?: boolean | undefined;
  /** Columns whose texts are labels, though no `int` input takes them. */
  readonly labels?: readonly string[] | undefined;
}

/** What one input takes of a table. */
export interface Wanted {
  /** Names to pick, in this order, or numbers from 1; `-name` for all but that. */
  readonly picked?: readonly string[] | undefined;
  /** What columns may hold beside numbers; for one-hot rows a single column may hold labels. */
  readonly takes?: ColumnKind | "one-hot" | undefined;
  /** Whether of numbers only the nearest f32 matters. */
  readonly rounded?: boolean;
  /** What text stands for, from an earlier run, by the names of its columns. */
  readonly known?: Categories | undefined;
  /** The columns of that run in their order. */
  readonly trained?: readonly string[] | undefined;
  /** Compares those with the ones found here. @returns what a user should know */
  readonly expectColumns?: (found: Picked, file: string) => string | null;
}

/**
 * Reads columns of a table as arrays [rows, columns], one for each of `wanted`.
 * @returns what they got, up to the first that got nothing: what is right for those behind it is
 * not looked for
 * @param chunk how many bytes are read at a time
 * @throws DataError naming file, row and column, where it is wrong for the first of them
 */
export function readCsv(
  source: ByteSource,
  file: string,
  options: TableOptions,
  wanted: readonly Wanted[],
  chunk = CHUNK,
): readonly Taken[] {
  try {
    return readTable(source, file, options, wanted, chunk);
  } catch (error) {
    if (!(error instanceof DataError || error instanceof UnsoundText)) throw error;
    // What is no text anywhere is told before what is wrong with it.
    expectSoundText(source, file);
    throw error instanceof DataError ? error : changedMeanwhile(file);
  }
}

const changedMeanwhile = (file: string): DataError =>
  new DataError("data-damaged", "the file has changed while it was read", { file });

function readTable(
  source: ByteSource,
  file: string,
  options: TableOptions,
  wanted: readonly Wanted[],
  chunk: number,
): readonly Taken[] {
  const decimal = options.decimal ?? "point";
  const mark = new Uint8Array(4);
  expectNoOtherMark(mark.subarray(0, source.read(mark, 0)), file);
  // The mark of UTF-8, which is no part of the text.
  const begin = mark[0] === 0xef && mark[1] === 0xbb && mark[2] === 0xbf ? 3 : 0;
  const { window, dialect } = opened(source, begin, file, decimal, chunk);
  const header = options.header ?? judgedHeader(dialect, decimal, file);
  const rows = new TableRows(window, dialect, file, header);

  const first = rows.next();
  if (first === null) throw new DataError("data-empty", "the file is empty", { file });
  const names = header ? first : null;
  const takers = Takers.of(wanted, (one) => {
    const picked = pickColumns(names, first.length, one.picked, file, rows.row);
    const note = one.expectColumns?.(picked, file) ?? null;
    const { known, trained } = one;
    const takes = one.takes ?? "numbers";
    const columns = new Columns({
      indices: picked.indices,
      name: picked.name,
      decimal,
      kind: takes !== "one-hot" ? takes : picked.indices.length === 1 ? "labels" : "numbers",
      labels: new Set(options.labels),
      known:
        known === undefined
          ? null
          : (position) => {
              const [own, before] = [picked.name(position), trained?.[position]];
              if (Object.hasOwn(known, own)) return known[own];
              return before !== undefined && Object.hasOwn(known, before) ? known[before] : undefined;
            },
      at: (row, column) => rows.at(row, column),
      rounded: one.rounded ?? false,
      share: () => window.share,
    });
    return { columns, picked, note };
  });
  if (names === null) takers.each(({ columns }) => columns.take(first, rows.row));
  const firstRow = names === null ? rows.row : rows.row + 1;
  readRows(rows, window, takers, first, dialect, decimal, names !== null);

  return takers.finish(({ columns, picked, note }) => {
    if (columns.rows === 0) {
      throw new DataError("data-empty", header ? "there are no rows below the header" : "the file is empty", {
        file,
      });
    }
    const { values, categoriesByColumn } = columns.finish(options.header === undefined && names !== null);
    const width = picked.indices.length;
    const single = width === 1 ? categoriesByColumn.get(picked.name(0)) : undefined;
    const { beyond } = columns;
    return {
      shape: [columns.rows, width],
      values,
      place: (position) => rows.at(firstRow + Math.floor(position / width), picked.name(position % width)),
      file,
      ...(beyond === null ? {} : { beyond }),
      ...(single === undefined ? {} : { categories: single }),
      categoriesByColumn: Object.fromEntries(categoriesByColumn),
      names: picked.names,
      notes: [
        ...(dialect.skipped > 0
          ? [`${file}: skipped at its top: ${count(dialect.skipped)} of its lines`]
          : []),
        ...(dialect.delimiter === " " ? [`${file}: its columns are separated by spaces`] : []),
        ...(names === null && options.header === undefined
          ? [`${file} has no header: its first row, \`${cut(first.join(","))}\`, is data`]
          : []),
        ...(note === null ? [] : [note]),
      ],
    };
  });
}

const judgedHeader = ({ head, hashed, skipped }: Dialect, decimal: Decimal, file: string): boolean =>
  hashed || hasHeader(head, decimal, file, skipped + 1);

/** Bytes that nearly always suffice to judge a table by, and those beyond which no more are asked for. */
const HEAD_BYTES = 2 ** 18;
const MOST_HEAD_BYTES = 2 ** 28;

/** How the table is written, and its bytes from the first row on. */
function opened(
  source: ByteSource,
  begin: number,
  file: string,
  decimal: Decimal,
  chunk: number,
): { readonly window: ByteWindow; readonly dialect: Dialect } {
  for (let size = HEAD_BYTES; ; size *= 2) {
    const head = new ByteWindow(source, begin, size);
    const text = head.text();
    const dialect = dialectOf(text, head.isLast || size >= MOST_HEAD_BYTES, file, decimal);
    if (dialect === null) continue;
    const from = begin + Buffer.byteLength(text.slice(0, dialect.start));
    return { dialect, window: new ByteWindow(source, from, chunk) };
  }
}

/** Reads all rows below the first: plain ones from their bytes, others as texts. */
function readRows(
  rows: TableRows,
  window: ByteWindow,
  takers: Takers,
  first: readonly string[],
  { delimiter }: Dialect,
  decimal: Decimal,
  header: boolean,
): void {
  const plain = new PlainRows(rows.width, delimiter, decimal);
  takers.tellUses(plain);
  const takePlain = ({ columns }: Taker): void => columns.takePlain(plain, rows.row);
  // Rows of numbers may repeat a header of numbers, which is looked for among texts alone.
  const isNumber = (column: number): boolean =>
    first[column] === "" || Number.isFinite(Number(first[column]));
  const mayRepeat = header && takers.all[0]?.picked.indices.every(isNumber) === true;
  const isPlain = PlainRows.canRead(delimiter) && !mayRepeat;

  const readPlain = (): void => {
    while (window.at < window.end) {
      const next = plain.read(window.bytes, window.at);
      if (next < 0 || next > window.end) return;
      // An empty line, or a header that is repeated.
      const isEmpty = rows.width === 1 && plain.texts > 0 && plain.text(0) === "";
      if (isEmpty || (header && plain.texts > 0 && plain.isThis(0, first[0]!))) return;
      window.at = next;
      rows.row += 1;
      takers.each(takePlain);
      if (plain.texts > 0) takers.tellUses(plain);
    }
  };
  for (;;) {
    if (isPlain && takers.all[0]?.columns.rows !== 0) readPlain();
    // A row that is not plain, or of which the window has only the beginning.
    const cells = rows.next();
    if (cells === null) return;
    takers.each(({ columns }) => columns.take(cells, rows.row));
    takers.tellUses(plain);
  }
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
