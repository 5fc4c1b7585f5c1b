/** The rows of a table as texts, read from a window that moves over its bytes. */
import { DataError, type DataPlace } from "../failures.ts";
import { count, counted } from "../terminal/numbers.ts";
import type { ByteWindow } from "./byte-window.ts";
import { headerInComment, type Dialect } from "./dialect.ts";
import { isBlankRow, QuoteError, RowReader } from "./rows.ts";

/** Columns of the widest table that is read. */
const MOST_COLUMNS = 2 ** 22;

/** Cells beyond the first row's that are counted before it is said that there are more. */
const MORE_CELLS = 1000;

/** The longest row: a text that every engine holds as one string, with room to spare. */
const LONGEST_ROW = 2 ** 29 - 2 ** 16;

const LF = 0x0a;
const CR = 0x0d;

/** The rows of a table that are no empty lines, all of one width. */
export class TableRows {
  /** Of the row last read, counted from 1 with all that stands before it. */
  row: number;
  /** Cells of each row, without one more that may follow and be empty. */
  width = 0;
  readonly #window: ByteWindow;
  readonly #dialect: Dialect;
  readonly #file: string;
  readonly #header: boolean;
  #first: readonly string[] | null = null;
  /** Filled anew by each row below the first. */
  readonly #cells: string[] = [];

  /** @param window at the beginning of the first row */
  constructor(window: ByteWindow, dialect: Dialect, file: string, header: boolean) {
    this.#window = window;
    this.#dialect = dialect;
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
      this.width = cells.length > 1 && cells.at(-1) === "" ? cells.length - 1 : cells.length;
      if (this.width < cells.length) cells.pop();
      this.#first = cells;
      return cells;
    }
    if (cells.length === this.width + 1 && cells.at(-1) === "") cells.pop();
    if (cells.length !== this.width) throw this.#ragged(cells.length);
    if (this.#header && cells[0] === this.#first[0]) this.#expectNoHeader(cells);
    return cells;
  }

  /** The next row, which must not be empty. Empty lines are forgiven at the end of a file alone. */
  #filled(): string[] | null {
    const known = this.#first !== null;
    let cells: string[] | null;
    try {
      cells = known
        ? this.#read(this.#cells, this.width + MORE_CELLS)
        : (this.#hashed() ?? this.#read([], MOST_COLUMNS));
    } catch (error) {
      if (!(error instanceof QuoteError)) throw error;
      throw new DataError("data-bad-quotes", "its quotes do not match", this.at(this.row + 1), {
        help: 'a quoted cell begins and ends with ", and a quote inside is written ""',
      });
    }
    if (cells === null) return null;
    this.row += 1;
    if (!isBlankRow(cells)) return cells;
    if (this.#isBlankToTheEnd()) return null;
    throw new DataError("data-ragged-row", "this row is empty", this.at(this.row), {
      help: "delete the row",
    });
  }

  /** The header after `# `, once. */
  #hashed(): string[] | null {
    const { hashed, delimiter } = this.#dialect;
    if (!hashed) return null;
    let names: readonly string[] | null = null;
    this.#take((text) => {
      const reader = new RowReader(text, delimiter);
      reader.next();
      names = headerInComment(text.slice(0, reader.position), delimiter);
      return reader.position;
    });
    return names === null ? null : [...names];
  }

  #read(cells: string[], most: number): string[] | null {
    let read: string[] | null = null;
    this.#take((text) => {
      const reader = new RowReader(text, this.#dialect.delimiter);
      read = reader.next(cells, most);
      return reader.position;
    });
    return read;
  }

  /**
   * Gives `use` the text from here to the end of a line, and to that of a later one as long as its
   * quotes are open, and passes over as much as it took.
   * @param use returns how many characters it took
   * @throws QuoteError
   */
  #take(use: (text: string) => number): void {
    const window = this.#window;
    for (let from = 0; ;) {
      const length = this.#lineEnd(from);
      if (length > LONGEST_ROW) {
        throw new DataError(
          "data-too-large",
          `this row is longer than the limit of ${count(LONGEST_ROW)} bytes`,
          this.at(this.row + 1),
          { help: "is the file a table of text, and are its quotes closed?" },
        );
      }
      const text = window.bytes.toString("utf8", window.at, window.at + length);
      try {
        const taken = use(text);
        window.at += taken === text.length ? length : Buffer.byteLength(text.slice(0, taken));
        return;
      } catch (error) {
        const isAll = window.isLast && window.at + length === window.end;
        if (!(error instanceof QuoteError && error.isOpen) || isAll) throw error;
        // So that a cell of any length is looked at no more than twice as long as it is.
        from = 2 * length;
      }
    }
  }

  /** How many bytes there are to the end of the line that is `from` bytes from here, or to the end. */
  #lineEnd(from: number): number {
    const window = this.#window;
    for (let length = from; ;) {
      const { bytes, at, end } = window;
      let stop = at + length;
      while (stop < end && bytes[stop] !== LF && bytes[stop] !== CR) stop++;
      length = stop - at;
      // Two bytes more say whether they are of the line's end.
      if (stop + 2 >= end && window.more()) continue;
      if (stop >= end) return end - at;
      const [first, second, third] = [bytes[stop], bytes[stop + 1], bytes[stop + 2]];
      const more = first !== CR ? 0 : second === LF ? 1 : second === CR && third === LF ? 2 : 0;
      // The line ends behind the window's last byte are none.
      return Math.min(length + 1 + more, end - at);
    }
  }

  /** Whether nothing but spaces and empty lines comes. */
  #isBlankToTheEnd(): boolean {
    do {
      if (/\S/.test(this.#window.text())) return false;
      this.#window.skip();
    } while (this.#window.more());
    return true;
  }

  #ragged(length: number): DataError {
    const mark = delimiterNames[this.#dialect.delimiter ?? ""] ?? `\`${this.#dialect.delimiter}\``;
    return new DataError(
      "data-ragged-row",
      `this row has ${length > this.width + MORE_CELLS ? "more than " : ""}${counted(Math.min(length, this.width + MORE_CELLS), "cell")}, and the first has ${count(this.width)}`,
      this.at(this.row),
      {
        notes: [`cells are separated by ${mark}`],
        help:
          length > this.width
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
