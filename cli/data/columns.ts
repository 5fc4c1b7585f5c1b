/**
 * Columns of a table while they are read: numbers, and texts that become labels where labels are
 * wanted.
 */
import { DataError, type DataPlace } from "../failures.ts";
import { didYouMean } from "../suggest.ts";
import { dressOf, isMissing, plainNumber, readCell, type Decimal } from "./cells.ts";
import { cut } from "../terminal/cut.ts";
import type { CellUse, PlainRows } from "./plain-rows.ts";

/**
 * What text stands for in each column: by the column's name, its texts in the order of their
 * numbers.
 */
export type Categories = Readonly<Record<string, readonly string[]>>;

/**
 * What a column may hold beside numbers: nothing, texts that become labels, or `true` and `false`.
 */
export type ColumnKind = "numbers" | "labels" | "booleans";

export interface ColumnsOptions {
  /** The places of the columns in a row. */
  readonly indices: readonly number[];
  readonly name: (position: number) => string;
  readonly decimal: Decimal;
  readonly kind: ColumnKind;
  /** Columns of which every cell is a text, and each text a label. */
  readonly labels: ReadonlySet<string>;
  /** The texts of a column that an earlier run knew, if one did. */
  readonly known: ((position: number) => readonly string[] | undefined) | null;
  readonly at: (row: number, column: string) => DataPlace;
  /** Whether of numbers only the nearest f32 matters. Labels are exact in any case. */
  readonly rounded: boolean;
  /** The share of the table that has been read. */
  readonly share: () => number;
}

/** A label longer than this is a cell that was not meant as one. */
const LONGEST_LABEL = 1000;

/** A column of texts: each as the number of its first appearance until all are known. */
interface Texts {
  readonly known: readonly string[] | undefined;
  readonly numbers: Map<string, number>;
  /** Where each text was first seen. */
  readonly rows: number[];
  readonly firstRow: number;
}

/** Numbers of a table from which on its size is guessed by the share of it that they came from. */
const GUESSED = 2 ** 16;

/** Beyond it a number has no nearest f32. */
const LARGEST_F32 = 3.4028234663852886e38;

export class Columns {
  rows = 0;
  /** The first number that is beyond the range of f32, of numbers that are rounded to that. */
  beyond: { readonly position: number; readonly value: number } | null = null;
  readonly #options: ColumnsOptions;
  /** Row by row. */
  #values: Float64Array | Float32Array;
  /** The first row as it was before rounding. */
  readonly #first: Float64Array;
  readonly #texts = new Map<number, Texts>();
  readonly #asked: ReadonlySet<number>;

  constructor(options: ColumnsOptions) {
    this.#options = options;
    const { indices, labels, name, known } = options;
    const isRounded = options.rounded && options.kind === "numbers" && labels.size === 0 && known === null;
    this.#values = new (isRounded ? Float32Array : Float64Array)(
      64 * Math.max(1, Math.min(indices.length, 1024)),
    );
    this.#first = new Float64Array(indices.length);
    const places = labels.size === 0 && known === null ? [] : [...indices.keys()];
    this.#asked = new Set(
      places.filter((position) => labels.has(name(position)) || known?.(position) !== undefined),
    );
  }

  /** Columns of texts, as far as it is known. */
  get texts(): number {
    return this.#texts.size;
  }

  /** What a cell has to be read as. */
  use(position: number): CellUse {
    if (this.#asked.has(position) || this.#texts.has(position)) return "text";
    return this.#values instanceof Float32Array ? "rounded" : "number";
  }

  /** @throws DataError at the first cell that its column cannot hold */
  take(cells: readonly string[], row: number): void {
    const { indices } = this.#options;
    const start = this.#begin();
    for (let position = 0; position < indices.length; position++)
      this.#put(start, position, this.#cell(cells[indices[position]!]!, position, row));
    this.rows += 1;
  }

  /**
   * Takes a row that was read from its bytes, the first of the table excepted.
   * @throws DataError at the first cell that its column cannot hold
   */
  takePlain(plain: PlainRows, row: number): void {
    const { indices } = this.#options;
    const { values, isText, texts } = plain;
    const start = this.#begin();
    for (let position = 0; position < indices.length; position++) {
      const column = indices[position]!;
      const value =
        texts > 0 && isText[column] === 1 ? this.#cell(plain.text(column), position, row) : values[column]!;
      this.#put(start, position, value);
    }
    this.rows += 1;
  }

  /** Makes room for a row. @returns where it begins */
  #begin(): number {
    const width = this.#options.indices.length;
    const start = this.rows * width;
    const end = start + width;
    const { length } = this.#values;
    if (end <= length) return start;
    // Pages that are never written take no memory, so the guess may be a large one.
    const guess = start < GUESSED ? 0 : Math.ceil((1.1 * end) / Math.max(this.#options.share(), 1e-6));
    const larger = new (this.#values instanceof Float32Array ? Float32Array : Float64Array)(
      Math.max(end, 2 * length, guess),
    );
    larger.set(this.#values);
    this.#values = larger;
    return start;
  }

  #put(start: number, position: number, value: number): void {
    const at = start + position;
    this.#values[at] = value;
    if (this.rows === 0) this.#first[position] = value;
    if (
      (value > LARGEST_F32 || value < -LARGEST_F32) &&
      this.beyond === null &&
      !Number.isFinite(this.#values[at])
    )
      this.beyond = { position: at, value };
  }

  #cell(text: string, position: number, row: number): number {
    // A text that was a label before is the same one again.
    const seen = this.#texts.get(position)?.numbers.get(text);
    if (seen !== undefined) return seen;
    if (this.#asked.size > 0 && this.#asked.has(position)) return this.#label(text, position, row);
    const value = plainNumber(text, this.#options.decimal);
    // NaN is not equal to itself.
    return value === value && (this.#texts.size === 0 || !this.#texts.has(position))
      ? value
      : this.#other(text, position, row);
  }

  /** What is no number in a column of numbers, or stands among texts. */
  #other(text: string, position: number, row: number): number {
    const { decimal, kind } = this.#options;
    const cell = readCell(text, decimal);
    if (cell.kind === "empty" || isMissing(text)) throw this.#missing(text, position, row);
    if (cell.kind === "not-finite") {
      throw new DataError(
        "data-not-finite",
        `\`${cut(text)}\` is not a finite number`,
        this.#at(position, row),
        {
          help: "fill it in, or delete the row; nndsl does not guess missing values",
        },
      );
    }
    if (kind === "booleans" && /^(?:true|false)$/i.test(text)) return text.length === 4 ? 1 : 0;
    const before = this.#texts.get(position);
    if (before !== undefined && cell.kind === "number") {
      const [first = ""] = before.numbers.keys();
      throw this.#mixed(first, before.firstRow, text, row, position);
    }
    if (kind !== "labels") throw this.#notANumber(text, position, row);
    if (before === undefined && this.rows > 0) {
      throw this.#mixed(text, row, String(this.#first[position]!), row - this.rows, position);
    }
    if (dressOf(text) !== null) throw this.#notANumber(text, position, row);
    return this.#label(text, position, row);
  }

  #label(text: string, position: number, row: number): number {
    if (text === "") throw this.#missing(text, position, row);
    let texts = this.#texts.get(position);
    if (texts === undefined) {
      const known = this.#options.known?.(position);
      texts = { known, numbers: new Map(), rows: [], firstRow: row };
      this.#texts.set(position, texts);
    }
    let number = texts.numbers.get(text);
    if (number === undefined) {
      if (text.length > LONGEST_LABEL) {
        throw new DataError(
          "data-long-label",
          `a label of ${text.length.toLocaleString("en")} characters`,
          this.#at(position, row),
          {
            notes: [`it begins with \`${cut(text)}\``],
            help: `labels have ${LONGEST_LABEL.toLocaleString("en")} characters at most; is this the right column?`,
          },
        );
      }
      if (texts.known !== undefined && !texts.known.includes(text)) {
        const help = didYouMean(text, texts.known);
        throw new DataError(
          "data-unknown-label",
          `\`${cut(text)}\` is not a label the weights know`,
          this.#at(position, row),
          help === undefined ? {} : { help },
        );
      }
      number = texts.numbers.size;
      texts.numbers.set(text, number);
      texts.rows.push(row);
    }
    return number;
  }

  #at(position: number, row: number): DataPlace {
    return this.#options.at(row, this.#options.name(position));
  }

  #missing(text: string, position: number, row: number): DataError {
    const help = "fill it in, or delete the row; nndsl does not guess missing values";
    if (text === "")
      return new DataError("data-empty-cell", "this cell is empty", this.#at(position, row), { help });
    if (/^nan$/i.test(text))
      return new DataError("data-not-finite", `\`${text}\` is not a finite number`, this.#at(position, row), {
        help,
      });
    return new DataError(
      "data-missing-value",
      `\`${text}\` stands for a missing value`,
      this.#at(position, row),
      {
        help: this.#options.kind === "labels" ? `${help}; ${this.#asLabels(position)}` : help,
      },
    );
  }

  #asLabels(position: number): string {
    const name = this.#options.name(position);
    return `\`--labels ${cut(/[\s,"]/.test(name) ? `'${name}'` : name)}\` reads the texts of this column as labels`;
  }

  #notANumber(text: string, position: number, row: number): DataError {
    const { decimal, kind } = this.#options;
    const dress = dressOf(text);
    const message = `\`${cut(text)}\` is not a number`;
    if (decimal === "comma" && text.includes(".") && Number.isFinite(Number(text.replaceAll(",", "")))) {
      return new DataError("data-not-a-number", message, this.#at(position, row), {
        notes: ["under `--decimal comma` a point is not a decimal mark"],
        help: "use the same decimal mark in all numbers of the files",
      });
    }
    if (dress !== null) {
      return new DataError("data-not-a-number", message, this.#at(position, row), {
        notes: [dress.why],
        help: kind === "labels" ? `${dress.help}; ${this.#asLabels(position)}` : dress.help,
      });
    }
    if (kind === "booleans")
      return new DataError(
        "data-not-a-boolean",
        `\`${cut(text)}\` is neither true nor false`,
        this.#at(position, row),
      );
    if (this.rows > 0) {
      // So far the column is one of numbers.
      return this.#mixed(text, row, String(this.#first[position]!), row - this.rows, position);
    }
    return new DataError("data-not-a-number", message, this.#at(position, row), {
      help: `an \`int\` input reads texts as labels; ${this.#asLabels(position)} 0, 1, … all the same`,
    });
  }

  #mixed(text: string, row: number, number: string, numberRow: number, position: number): DataError {
    const dress = dressOf(text);
    return new DataError("data-not-a-number", `\`${cut(text)}\` is not a number`, this.#at(position, row), {
      notes: [
        `row ${numberRow} of this column is the number ${number}, so this is not a column of labels`,
        ...(dress === null ? [] : [dress.why]),
      ],
      ...(dress === null ? {} : { help: dress.help }),
    });
  }

  /**
   * The values, row by row, and what stands for what.
   * @param judged whether the header was taken for one by its look
   */
  finish(judged: boolean): {
    readonly values: Float64Array | Float32Array;
    readonly categoriesByColumn: ReadonlyMap<string, readonly string[]>;
  } {
    const width = this.#options.indices.length;
    const values = this.#values.subarray(0, this.rows * width);
    const categoriesByColumn = new Map<string, readonly string[]>();
    for (const [position, { known, numbers, rows }] of this.#texts) {
      const name = this.#options.name(position);
      const own = numbers.get(name);
      if (judged && own !== undefined) {
        throw new DataError(
          "data-header-unclear",
          `the first row was read as a header, but \`${cut(name)}\` occurs in its column too`,
          this.#at(position, rows[own]!),
          { help: "say which it is: `--header` if it names the columns, `--no-header` if it is data" },
        );
      }
      if (categoriesByColumn.has(name)) {
        throw new DataError(
          "data-duplicate-column",
          `two columns of texts are called \`${cut(name)}\``,
          this.#at(position, rows[0]!),
          { help: "give each column its own name" },
        );
      }
      // Copies, since parts of a text keep all of it in memory.
      const texts = Array.from(numbers.keys(), (text) => Buffer.from(text).toString());
      // By code units, so that the order is the same in every locale.
      const categories = known ?? texts.toSorted();
      const places = new Map(categories.map((text, number) => [text, number]));
      const final = texts.map((text) => places.get(text)!);
      for (let at = position; at < values.length; at += width) values[at] = final[values[at]!]!;
      categoriesByColumn.set(name, categories);
    }
    return { values, categoriesByColumn };
  }
}
