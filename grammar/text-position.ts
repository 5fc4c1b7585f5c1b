/** From offsets to lines, and how wide text is on a screen. Lines end at `\n`, `\r\n` or `\r`. */

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors and the language server protocol count. */
  readonly column: number;
}

/** The place of an offset; one past the end of the text is that of its end. */
export function lineAndColumn(text: string, offset: number): Position {
  const at = Math.max(0, Math.min(Math.trunc(offset) || 0, text.length));
  let line = 1;
  let start = 0;
  for (let end = lineEnd(text, 0); end.next <= at && end.next > end.stop; end = lineEnd(text, start)) {
    line++;
    start = end.next;
  }
  return { line, column: at - start + 1 };
}

export interface Line {
  readonly number: number;
  /** Without its terminator. */
  readonly text: string;
  /** Offset of its first character. */
  readonly start: number;
}

/** The lines with these numbers, in order; numbers past the end of the text give nothing. */
export function linesOf(text: string, numbers: ReadonlySet<number>): readonly Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let number = 1; lines.length < numbers.size; number++) {
    const end = lineEnd(text, start);
    if (numbers.has(number)) lines.push({ number, text: text.slice(start, end.stop), start });
    if (end.next === end.stop) break;
    start = end.next;
  }
  return lines;
}

/**
 * Where the line that begins at `start` stops, and where the next begins: the same place at the end
 * of the text.
 */
function lineEnd(text: string, start: number): { readonly stop: number; readonly next: number } {
  for (let i = start; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === LF) return { stop: i, next: i + 1 };
    if (unit === CR) return { stop: i, next: text.charCodeAt(i + 1) === LF ? i + 2 : i + 1 };
  }
  return { stop: text.length, next: text.length };
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * A character as it may be shown: what would move the cursor, or hide other text, becomes a visible
 * stand-in.
 */
export function visible(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x20) return String.fromCodePoint(0x2400 + point);
  if (point === 0x7f) return "\u2421";
  if ((point >= 0x80 && point < 0xa0) || HIDDEN.test(character)) return "\uFFFD";
  return character;
}

/**
 * A line of text as it may be shown: each character `visible`, and a space for what begins a new
 * line or column.
 */
export function printable(text: string): string {
  return Array.from(text, (character) =>
    character === "\n" || character === "\t" ? " " : visible(character),
  ).join("");
}

/** Separators of lines, marks of text direction, the byte order mark, lone surrogates. */
const HIDDEN = /[\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF\p{Cs}]/u;

/**
 * Columns that a terminal gives to a character: 0, 1 or 2 (Unicode's East Asian Width, and emoji).
 */
export function columnsOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x300) return 1;
  if (/^(?:\p{M}|[\u200B-\u200D])/u.test(character)) return 0;
  if (WIDE.some(([first, last]) => point >= first && point <= last)) return 2;
  return /^\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
}

const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd],
];
