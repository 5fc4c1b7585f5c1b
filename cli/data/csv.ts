/** Tables of text: comma, semicolon or tab between cells, quotes as in RFC 4180. Read strictly: what is not a number is an error. */
import Papa from "papaparse";
import { DataError, type DataPlace } from "../failures.ts";
import { didYouMean } from "../suggest.ts";
import { elementCount, type DataArray } from "./array.ts";

/** What text stands for in each column: by the column's name, its texts in the order of their numbers. */
export type Categories = Readonly<Record<string, readonly string[]>>;

/** What a record itself holds under a name that users choose: inputs and columns may be called `constructor`. */
export const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** The longest text that every engine holds as one string, with room to spare. */
const longestText = 2 ** 29 - 2 ** 16;

/**
 * Reads columns of a table as an array [rows, columns].
 *
 * The first row is a header where none of its cells is a number. A column without any number holds labels: 0, 1, … in the sorted order
 * of its texts, or as `known` says from an earlier run.
 *
 * @param columns names to pick, in this order, or numbers from 1; `-name` for all but that; undefined for all
 * @throws DataError naming file, row and column
 */
export function readCsv(
  bytes: Uint8Array,
  file: string,
  columns: readonly string[] | undefined,
  known: Categories = {},
): DataArray & { readonly categoriesByColumn: Categories } {
  const text = decode(bytes, file);
  let picked: readonly Column[] = [];
  let width = 0;
  let header = false;
  let row = 0;
  // Empty lines are forgiven at the end of a file alone.
  let emptyRow = 0;

  const at = (row: number, column?: string): DataPlace & { readonly row: number } => ({
    file,
    row,
    ...(column === undefined ? {} : { column }),
    counting: header ? "the header is row 1" : "counted from 1",
  });
  const takeRow = (cells: readonly string[]): void => {
    row += 1;
    if (cells.length === 1 && cells[0]!.trim() === "") {
      emptyRow ||= row;
      return;
    }
    if (emptyRow !== 0) {
      throw new DataError("data-ragged-row", "this row is empty", at(emptyRow), { help: "delete the row" });
    }
    if (width === 0) {
      width = cells.length;
      header = !cells.some(looksNumeric);
      const names = cells.map((cell, index) => (header ? cell.trim() : String(index + 1)));
      picked = pickColumns(names, columns, header, file).map((index) => new Column(index, names[index]!));
      if (header) return;
    }
    if (cells.length !== width) {
      throw new DataError(
        "data-ragged-row",
        `this row has ${cells.length} cells, and the first has ${width}`,
        at(row),
        {
          help:
            cells.length > width
              ? "a cell with a comma in it needs quotes"
              : "an empty cell still needs its comma",
        },
      );
    }
    for (const column of picked) column.take(cells[column.index]!, at(row, column.name));
  };

  Papa.parse<string[]>(text, {
    delimiter: delimiterOf(text, file),
    step: ({ data, errors }) => {
      const error = errors[0];
      if (error !== undefined) {
        throw new DataError("data-bad-quotes", "its quotes do not match", at(row + 1), {
          help: 'a quoted cell begins and ends with ", and a quote inside is written ""',
        });
      }
      takeRow(data);
    },
  });

  const rows = picked[0]?.length ?? 0;
  if (rows === 0) {
    throw new DataError("data-empty", header ? "there is no row below the header" : "the file is empty", {
      file,
    });
  }
  const finished = picked.map((column) =>
    column.finish((row) => at(row, column.name), own(known, column.name)),
  );
  const values = new Float64Array(rows * picked.length);
  finished.forEach((column, c) => {
    for (let r = 0; r < rows; r++) values[r * picked.length + c] = column.values[r]!;
  });
  const categoriesByColumn = Object.fromEntries(
    picked.flatMap((column, c) => {
      const categories = finished[c]!.categories;
      return categories === undefined ? [] : [[column.name, categories]];
    }),
  );
  const firstRow = header ? 2 : 1;
  const single = picked.length === 1 ? finished[0]!.categories : undefined;
  return {
    shape: [rows, picked.length],
    values,
    place: (position) =>
      at(firstRow + Math.floor(position / picked.length), picked[position % picked.length]!.name),
    file,
    ...(single === undefined ? {} : { categories: single }),
    categoriesByColumn,
  };
}

function decode(bytes: Uint8Array, file: string): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new DataError("data-encoding", "this text is UTF-16", { file }, { help: "save it as UTF-8" });
  }
  if (bytes.length > longestText) {
    throw new DataError(
      "data-too-large",
      `this is more text than can be held at once, ${longestText} bytes`,
      { file },
      {
        help: "save it as .npy or .npz, which are smaller and faster too",
      },
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DataError("data-encoding", "this is no UTF-8 text", { file }, { help: "save it as UTF-8" });
  }
  const zero = text.indexOf("\0");
  if (zero !== -1) {
    const row = text.slice(0, zero).split("\n").length;
    throw new DataError(
      "data-encoding",
      "there is a zero byte in this text",
      { file, row },
      {
        help: "binary files are .npy, .npz, .safetensors or IDX",
      },
    );
  }
  return text;
}

/** `,`; in files named `.tsv` a tab; `;` or a tab where the first line has no comma. */
function delimiterOf(text: string, file: string): string {
  if (/\.tsv(\.gz)?$/i.test(file)) return "\t";
  const line = /^[^\r\n]*/.exec(text)![0].replaceAll(/"[^"]*"/g, "");
  return [",", ";", "\t"].find((mark) => line.includes(mark)) ?? ",";
}

function pickColumns(
  names: readonly string[],
  columns: readonly string[] | undefined,
  header: boolean,
  file: string,
): number[] {
  if (columns === undefined) return names.map((_, index) => index);
  const find = (name: string): number => {
    const index = names.indexOf(name);
    if (index === -1) {
      const help = header
        ? didYouMean(name, names)
        : `its first row has numbers in it, so it is no header: give columns by number, 1 to ${names.length}`;
      throw new DataError(
        "data-missing-column",
        `there is no column \`${name}\``,
        { file },
        help === undefined ? {} : { help },
      );
    }
    if (names.includes(name, index + 1)) {
      throw new DataError(
        "data-duplicate-column",
        `two columns are called \`${name}\``,
        { file, row: 1 },
        {
          help: "give each column its own name",
        },
      );
    }
    return index;
  };
  const isOmission = (name: string): boolean => name.startsWith("-") && !names.includes(name);
  const omitted = new Set(columns.filter(isOmission).map((name) => find(name.slice(1))));
  const wanted = columns.filter((name) => !isOmission(name)).map(find);
  return wanted.length > 0
    ? wanted.filter((index) => !omitted.has(index))
    : names.map((_, index) => index).filter((index) => !omitted.has(index));
}

type Cell =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "not-finite" }
  | { readonly kind: "empty" }
  | { readonly kind: "text" };

const notFinite = /^[+-]?(nan|inf|infinity)$/i;

function readCell(trimmed: string): Cell {
  if (trimmed === "") return { kind: "empty" };
  const value = Number(trimmed);
  if (Number.isFinite(value)) {
    // `Number` reads 0x1F, 0b1 and 0o7 as well, which no table means.
    return /^[+-]?0[xbo]/i.test(trimmed) ? { kind: "text" } : { kind: "number", value };
  }
  return notFinite.test(trimmed) || !Number.isNaN(value) ? { kind: "not-finite" } : { kind: "text" };
}

function looksNumeric(cell: string): boolean {
  const { kind } = readCell(cell.trim());
  return kind === "number" || kind === "not-finite";
}

/** One column while it is read: its numbers, or the texts it holds as positions in the order of their first appearance. */
class Column {
  readonly index: number;
  readonly name: string;
  length = 0;
  #values = new Float64Array(1024);
  readonly #texts = new Map<string, number>();
  #firstText: { readonly cell: string; readonly position: number; readonly row: number } | null = null;
  #firstNumber: { readonly cell: string; readonly row: number } | null = null;

  constructor(index: number, name: string) {
    this.index = index;
    this.name = name;
  }

  take(raw: string, place: DataPlace & { readonly row: number }): void {
    const text = raw.trim();
    const cell = readCell(text);
    const { row } = place;
    switch (cell.kind) {
      case "empty":
        throw new DataError("data-empty-cell", "this cell is empty", place, {
          help: "fill it in, or delete the row; nndsl does not guess missing values",
        });
      case "not-finite":
        throw new DataError("data-not-finite", `\`${text}\` is no finite number`, place, {
          help: "fill it in, or delete the row; nndsl does not guess missing values",
        });
      case "number":
        this.#firstNumber ??= { cell: text, row };
        this.#push(cell.value);
        return;
      case "text": {
        this.#firstText ??= { cell: text, position: this.length, row };
        let number = this.#texts.get(text);
        if (number === undefined) this.#texts.set(text, (number = this.#texts.size));
        this.#push(number);
      }
    }
  }

  #push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  finish(
    at: (row: number) => DataPlace,
    known: readonly string[] | undefined,
  ): { readonly values: Float64Array; readonly categories?: readonly string[] } {
    const values = this.#values.subarray(0, this.length);
    const [text, number] = [this.#firstText, this.#firstNumber];
    if (text !== null && number !== null) {
      const decimalComma = /^[+-]?\d+,\d+$/.test(text.cell);
      throw new DataError("data-not-a-number", `\`${clip(text.cell)}\` is not a number`, at(text.row), {
        notes: [
          `row ${number.row} of this column is the number ${number.cell}, so the column is not one of labels`,
        ],
        ...(decimalComma ? { help: "write the decimal comma as a point" } : {}),
      });
    }
    if (number !== null) {
      if (known === undefined) return { values };
      throw new DataError(
        "data-unknown-label",
        `\`${number.cell}\` is not a label the weights know`,
        at(number.row),
        {
          help: `they were trained on ${known.map((k) => `\`${clip(k)}\``).join(", ")}`,
        },
      );
    }
    const texts = [...this.#texts.keys()];
    // By code units, so that the order is the same in every locale.
    const categories = known ?? texts.toSorted();
    const numbers = texts.map((t) => categories.indexOf(t));
    const unknown = numbers.indexOf(-1);
    if (unknown !== -1) {
      const position = values.indexOf(unknown);
      const help = didYouMean(texts[unknown]!, categories);
      throw new DataError(
        "data-unknown-label",
        `\`${clip(texts[unknown]!)}\` is not a label the weights know`,
        // Every row of the column is text here, so rows and positions go together.
        at(text!.row + position - text!.position),
        help === undefined ? {} : { help },
      );
    }
    return { values: values.map((position) => numbers[position]!), categories };
  }
}

const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Column names of one output: `p` where a row has one number, else `p.0`, `p.1` …; further axes are spelled out, `p.0.1`. */
export function columnNames(name: string, shape: readonly number[]): string[] {
  if (elementCount(shape) === 1) return [name];
  let names = [name];
  for (const size of shape) {
    names = names.flatMap((prefix) => Array.from({ length: size }, (_, index) => `${prefix}.${index}`));
  }
  return names;
}

/** A table with a header. */
export function writeCsv(header: readonly string[], rows: Iterable<readonly string[]>): string {
  return (
    Papa.unparse({ fields: [...header], data: [...rows].map((row) => [...row]) }, { newline: "\n" }) + "\n"
  );
}

/** The shortest decimal that reads back as the same number of the array's type: `0.1`, not 0.10000000149011612, for the f32 nearest it. */
export function shortest(value: number, type: "f32" | "f64"): string {
  if (type === "f32") {
    // 9 digits always tell two f32 apart.
    for (let digits = 6; digits <= 9; digits++) {
      const text = String(Number(value.toPrecision(digits)));
      if (Math.fround(Number(text)) === value) return text;
    }
  }
  return String(value);
}
