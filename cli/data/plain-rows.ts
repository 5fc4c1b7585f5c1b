/**
 * The rows of a table that most are: cells without quotes, read from the bytes as numbers. What is
 * no number is told as such, and what is no plain row at all is left to `TableRows`.
 */
import { LONGEST_NUMBER, type Decimal } from "./cells.ts";
import type { Delimiter } from "./rows.ts";

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const SPACE = 0x20;
const TAB = 0x09;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const COMMA = 0x2c;
const ZERO = 0x30;
const LITTLE_E = 0x65;

/** What a cell is read as. "rounded" is a number of which only the nearest f32 matters. */
export type CellUse = "nothing" | "text" | "number" | "rounded";

const SKIP = 0;
const TEXT = 1;
const EXACT = 2;
const ROUNDED = 3;
const codes: Readonly<Record<CellUse, number>> = {
  nothing: SKIP,
  text: TEXT,
  number: EXACT,
  rounded: ROUNDED,
};

/** Powers of ten: those that are exact in f64, and as many as a rounded number may need. */
const EXACT_POWER = 22;
const LONGEST_POWER = 60;
const powers = Float64Array.from({ length: LONGEST_POWER + 1 }, (_, k) => Number(`1e${k}`));

/** Digits whose rounding errors, at 2⁻⁵² each, and that of the power stay far below `SLACK`. */
const MOST_DIGITS = 40;
const SLACK = 2 ** -44;

export class PlainRows {
  /** Of the row last read, by column. */
  readonly values: Float64Array;
  /** Which cells are to be read as texts; of the row last read, if `texts` is not 0. */
  readonly isText: Uint8Array;
  texts = 0;
  readonly #uses: Uint8Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #width: number;
  readonly #delimiter: number;
  readonly #point: number;
  #bytes: Buffer = Buffer.alloc(0);

  /** Whether the rows between such delimiters are any that this can read. */
  static canRead(delimiter: Delimiter): boolean {
    return delimiter === null || [",", ";", "\t", "|"].includes(delimiter);
  }

  constructor(width: number, delimiter: Delimiter, decimal: Decimal) {
    this.#width = width;
    this.#delimiter = delimiter === null ? -1 : delimiter.charCodeAt(0);
    const point = decimal === "comma" ? COMMA : POINT;
    this.#point = point === this.#delimiter ? -1 : point;
    this.values = new Float64Array(width);
    this.isText = new Uint8Array(width);
    this.#uses = new Uint8Array(width);
    this.#starts = new Int32Array(width);
    this.#ends = new Int32Array(width);
  }

  /** Says what a column's cells are from the next row on. */
  use(column: number, use: CellUse): void {
    this.#uses[column] = codes[use];
  }

  /** The text of a cell of the row last read. */
  text(column: number): string {
    return this.#bytes.toString("utf8", this.#starts[column], this.#ends[column]).trim();
  }

  /** Whether `text` is that of a cell of the row last read. */
  isThis(column: number, text: string): boolean {
    const first = this.#bytes[this.#starts[column]!]!;
    // Of nearly all cells the first byte is another. Spaces are no part of the text.
    if (first > SPACE && first < 0x80 && first !== text.charCodeAt(0)) return false;
    return this.text(column) === text;
  }

  /**
   * Reads the row at `at`. Behind the bytes there must be line ends, beyond what is read of them.
   * @returns where the next row begins; -1 where this is none of plain cells, or of another width
   */
  read(bytes: Buffer, at: number): number {
    const width = this.#width;
    const delimiter = this.#delimiter;
    const uses = this.#uses;
    const isText = this.isText;
    this.#bytes = bytes;
    this.texts = 0;
    let byte = bytes[at]!;
    if (byte === LF || byte === CR) return -1;
    for (let column = 0; column < width; column++) {
      if (column > 0) {
        if (byte !== delimiter) return -1;
        byte = bytes[++at]!;
      }
      while (byte === SPACE || (byte === TAB && delimiter !== TAB)) byte = bytes[++at]!;
      if (byte === QUOTE) return -1;
      this.#starts[column] = at;
      isText[column] = 0;
      const use = uses[column]!;
      if (use >= EXACT) {
        const end = this.#number(bytes, at, column, use);
        if (end >= 0) {
          this.#ends[column] = at = end;
          byte = bytes[at]!;
          continue;
        }
      }
      while (byte !== delimiter && byte !== LF && byte !== CR) byte = bytes[++at]!;
      this.#ends[column] = at;
      if (use === SKIP) continue;
      isText[column] = 1;
      this.texts++;
    }
    // A delimiter at the end of a row makes a cell that is none.
    if (byte === delimiter) byte = bytes[++at]!;
    if (byte === LF) return at + 1;
    if (byte !== CR) return -1;
    if (bytes[at + 1] === LF) return at + 2;
    return bytes[at + 1] === CR && bytes[at + 2] === LF ? at + 3 : at + 1;
  }

  /** Reads a number into `values`. @returns where its cell ends; -1 where it is none */
  #number(bytes: Buffer, start: number, column: number, use: number): number {
    let at = start;
    let byte = bytes[at]!;
    const isNegative = byte === MINUS;
    if (isNegative || byte === PLUS) byte = bytes[++at]!;
    // All digits as one integer, and the power of ten that it is multiplied by.
    let integer = 0;
    let power = 0;
    const whole = at;
    for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
      integer = 10 * integer + digit;
      byte = bytes[++at]!;
    }
    let digits = at - whole;
    if (byte === this.#point) {
      byte = bytes[++at]!;
      const fraction = at;
      for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
        integer = 10 * integer + digit;
        byte = bytes[++at]!;
      }
      power = fraction - at;
      digits -= power;
    }
    if (digits === 0) return -1;
    if ((byte | 0x20) === LITTLE_E) {
      byte = bytes[++at]!;
      const isSmall = byte === MINUS;
      if (isSmall || byte === PLUS) byte = bytes[++at]!;
      const first = at;
      let exponent = 0;
      for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
        exponent = Math.min(10 * exponent + digit, 1e6);
        byte = bytes[++at]!;
      }
      if (at === first) return -1;
      power += isSmall ? -exponent : exponent;
    }
    const end = at;
    if (end - start > LONGEST_NUMBER) return -1;
    while (byte === SPACE || (byte === TAB && this.#delimiter !== TAB)) byte = bytes[++at]!;
    if (byte !== this.#delimiter && byte !== LF && byte !== CR) return -1;

    let value: number;
    if (integer <= Number.MAX_SAFE_INTEGER && power >= -EXACT_POWER && power <= EXACT_POWER) {
      // Both factors are exact, so the result is rounded once.
      value = power < 0 ? integer / powers[-power]! : power === 0 ? integer : integer * powers[power]!;
    } else {
      value = use === ROUNDED ? rounded(integer, power, digits) : NaN;
      if (value !== value) {
        const text = bytes.toString("latin1", start, end);
        value = Math.abs(Number(this.#point === COMMA ? text.replace(",", ".") : text));
      }
      // Beyond the largest number it is none.
      if (value === Infinity) return -1;
    }
    this.values[column] = isNegative ? -value : value;
    return at;
  }
}

/**
 * A number that is rounded to the same f32 as integer · 10^power is; NaN where that is not to be
 * known. The error of each step is at most 2⁻⁵² of the number, so the true one lies between both
 * bounds, and what rounds both to one f32 rounds it to the same.
 */
function rounded(integer: number, power: number, digits: number): number {
  if (digits > MOST_DIGITS || Math.abs(power) > LONGEST_POWER) return NaN;
  const value = power < 0 ? integer / powers[-power]! : integer * powers[power]!;
  const bound = Math.fround(value * (1 + SLACK));
  return bound === Math.fround(value * (1 - SLACK)) && bound < Infinity ? value : NaN;
}
