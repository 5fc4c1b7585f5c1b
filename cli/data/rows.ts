/**
 * The rows of a table of text: cells between delimiters, quotes as in RFC 4180, and any line end,
 * also several kinds in one file.
 */

/** A cell whose quotes are not closed, or that goes on after them. */
export class QuoteError extends Error {
  /** Whether they are not closed: more text may close them. */
  readonly isOpen: boolean;

  constructor(isOpen: boolean) {
    super();
    this.isOpen = isOpen;
  }
}

/**
 * Between cells: one character; a space stands for any number of them, and `null` for none, where a
 * row is one cell.
 */
export type Delimiter = "," | ";" | "\t" | "|" | " " | (string & {}) | null;

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Reads a text row by row. Cells come trimmed: spaces around a cell, and around its quotes, are not
 * of it.
 */
export class RowReader {
  readonly #text: string;
  /** -1 where a row is one cell. */
  readonly #delimiter: number;
  /** Where the next row begins. */
  position: number;

  constructor(text: string, delimiter: Delimiter, position = 0) {
    this.#text = text;
    this.#delimiter = delimiter === null ? -1 : delimiter.charCodeAt(0);
    this.position = position;
  }

  /**
   * The cells of the next row, one that is empty for an empty line; null at the end.
   * @param cells an array to fill, in place of a new one
   * @param most cells that are told apart; the reader may stop after one more
   * @throws QuoteError
   */
  next(cells: string[] = [], most = Infinity): string[] | null {
    if (this.position >= this.#text.length) return null;
    cells.length = 0;
    const inRuns = this.#delimiter === SPACE;
    for (;;) {
      const start = this.#skipBlanks();
      if (inRuns && cells.length > 0 && this.#atLineEnd(start)) {
        this.position = start;
        break;
      }
      if (this.#text.charCodeAt(start) === QUOTE) cells.push(this.#quoted(start));
      else {
        const end = this.#cellEnd(start);
        cells.push(this.#trimmed(start, end));
        this.position = end;
      }
      if (this.#text.charCodeAt(this.position) !== this.#delimiter || cells.length > most) break;
      this.position += 1;
    }
    this.#skipLineEnd();
    return cells;
  }

  #isBlank(unit: number): boolean {
    return (unit === SPACE || unit === TAB) && (unit !== this.#delimiter || unit === SPACE);
  }

  #skipBlanks(): number {
    let at = this.position;
    while (this.#isBlank(this.#text.charCodeAt(at))) at += 1;
    return at;
  }

  #atLineEnd(at: number): boolean {
    if (at >= this.#text.length) return true;
    const unit = this.#text.charCodeAt(at);
    return unit === LF || unit === CR;
  }

  #cellEnd(start: number): number {
    const text = this.#text;
    const delimiter = this.#delimiter;
    let at = start;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === delimiter || unit === LF || unit === CR) break;
    }
    return at;
  }

  #trimmed(start: number, end: number): string {
    const cell = this.#text.slice(start, end);
    const [first, last] = [this.#text.charCodeAt(start), this.#text.charCodeAt(end - 1)];
    // Most cells are ASCII without spaces around.
    return first > SPACE && last > SPACE && first < 0x7f && last < 0x7f ? cell : cell.trim();
  }

  #quoted(start: number): string {
    const text = this.#text;
    let cell = "";
    let from = start + 1;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote === -1) throw new QuoteError(true);
      cell += text.slice(from, quote);
      if (text.charCodeAt(quote + 1) !== QUOTE) {
        this.position = quote + 1;
        break;
      }
      cell += '"';
      from = quote + 2;
    }
    const end = this.#skipBlanks();
    // Where spaces part cells, those after the quotes do.
    if (this.#delimiter === SPACE && end > this.position && !this.#atLineEnd(end)) this.position = end - 1;
    else this.position = end;
    const unit = text.charCodeAt(this.position);
    if (!this.#atLineEnd(this.position) && unit !== this.#delimiter) throw new QuoteError(false);
    return cell.trim();
  }

  /** LF, CR, CRLF, and the CR CR LF that text written twice over has. */
  #skipLineEnd(): void {
    const text = this.#text;
    if (text.charCodeAt(this.position) === CR) {
      const second = text.charCodeAt(this.position + 1);
      if (second === CR && text.charCodeAt(this.position + 2) === LF) this.position += 2;
      else if (second === LF) this.position += 1;
    }
    if (this.position < text.length) this.position += 1;
  }
}

/** A line with nothing in it. */
export const isBlankRow = (cells: readonly string[]): boolean => cells.length === 1 && cells[0] === "";
