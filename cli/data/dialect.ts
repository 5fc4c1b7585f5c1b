/**
 * How a table is written: judged by its first rows together, since a first line alone may be a
 * title or hold a comma of its own.
 */
import { dressOf, isMissing, readCell, type Decimal } from "./cells.ts";
import { isBlankRow, RowReader, type Delimiter } from "./rows.ts";

export interface Dialect {
  readonly delimiter: Delimiter;
  /** Where the first row begins, after comments and `sep=;`. */
  readonly start: number;
  /** Lines before it. */
  readonly skipped: number;
  /** Whether the first row is the header of `numpy.savetxt`, `# a,b`. */
  readonly hashed: boolean;
  /** The first rows, the last of them whole. */
  readonly head: readonly (readonly string[])[];
}

/** Characters and rows that are looked at. */
const HEAD = 2 ** 16;
const HEAD_ROWS = 100;

/** In the order of preference where all else is equal. */
const candidates = [",", ";", "\t", "|"] as const;

/**
 * @param text the beginning of the table
 * @param isAll whether it is all of it
 * @returns null where more of it has to be known
 */
export function dialectOf(text: string, isAll: boolean, file: string, decimal: Decimal): Dialect | null {
  const above = preamble(text, isAll);
  if (above === null || (!isAll && above.start + HEAD >= text.length)) return null;
  const { start, skipped, hint, lastComment } = above;
  const head = text.slice(start, start + HEAD);
  const whole = start + HEAD >= text.length;
  const judged = (delimiter: Delimiter): Judged => judge(head, whole, delimiter, decimal);
  const delimiter = hint ?? chooseDelimiter(judged, file, decimal);
  const rows = judged(delimiter).rows;
  if (lastComment !== null) {
    const names = headerInComment(text.slice(lastComment, start), delimiter);
    const hashed = names !== null && names.length > 1 && names.length === rows[0]?.length;
    if (hashed)
      return { delimiter, start: lastComment, skipped: skipped - 1, hashed, head: [names, ...rows] };
  }
  return { delimiter, start, skipped, hashed: false, head: rows };
}

/** `# a,b` as cells, the `#` taken off. */
export function headerInComment(line: string, delimiter: Delimiter): readonly string[] | null {
  try {
    return new RowReader(line.replace(/^\uFEFF?\s*#+/, ""), delimiter).next();
  } catch {
    return null;
  }
}

/**
 * Comments at the top, lines that begin with `# `, and the line `sep=;` by which spreadsheets are
 * told the delimiter. Null where they may go on behind `text`.
 */
function preamble(
  text: string,
  isAll: boolean,
): {
  readonly start: number;
  readonly skipped: number;
  readonly hint: Delimiter | undefined;
  readonly lastComment: number | null;
} | null {
  const lines = new RowReader(text, null);
  let [start, skipped] = [0, 0];
  let lastComment: number | null = null;
  const first = /^"?sep=([^"\r\n])"?[ \t]*(?:\r?\n|\r)/i.exec(text);
  if (first !== null) return { start: first[0].length, skipped: 1, hint: first[1], lastComment };
  for (;;) {
    const line = /#(?:[#!\s]|$)/y;
    line.lastIndex = start;
    if (!line.test(text)) break;
    try {
      lines.next();
    } catch {
      break;
    }
    if (lines.position >= text.length && !isAll) return null;
    // A file of nothing but comments is not taken apart.
    if (lines.position >= text.length) return { start: 0, skipped: 0, hint: undefined, lastComment: null };
    [lastComment, start] = [start, lines.position];
    skipped += 1;
  }
  return { start, skipped, hint: undefined, lastComment };
}

interface Judged {
  readonly delimiter: Delimiter;
  readonly rows: readonly (readonly string[])[];
  /** Cells of most rows. */
  readonly width: number;
  /** The share of rows that have as many. */
  readonly even: number;
  /** The share of cells that are numbers, dressed or not. */
  readonly numeric: number;
  /** Whether all cells below the first row are numbers as they should be written. */
  readonly plain: boolean;
}

function judge(head: string, whole: boolean, delimiter: Delimiter, decimal: Decimal): Judged {
  const reader = new RowReader(head, delimiter);
  const rows: (readonly string[])[] = [];
  try {
    while (rows.length < HEAD_ROWS) {
      const row = reader.next();
      if (row === null) break;
      // The last row of a longer text may be cut.
      if (!whole && reader.position >= head.length && rows.length > 0) break;
      if (!isBlankRow(row)) rows.push(row);
    }
  } catch {
    // What follows is of no use to the judgement; the reading itself tells of the quotes.
  }
  const counts = new Map<number, number>();
  for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
  const [width, most] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
  // A delimiter at the end of rows alone, or of the header alone, makes one cell more.
  const near = rows.filter((row) => row.length === width || (row.length === width + 1 && row.at(-1) === ""));
  const body = rows.length > 1 ? rows.slice(1) : rows;
  let [cells, numbers, plain] = [0, 0, 0];
  for (const row of body) {
    for (const cell of row) {
      if (cell === "") continue;
      cells += 1;
      const { kind } = readCell(cell, decimal);
      if (kind === "number") plain += 1;
      if (kind !== "text" || isMissing(cell) || dressOf(cell) !== null) numbers += 1;
    }
  }
  return {
    delimiter,
    rows,
    width,
    even: rows.length === 0 ? 0 : Math.max(near.length, most) / rows.length,
    numeric: cells === 0 ? 0 : numbers / cells,
    plain: cells > 0 && plain === cells,
  };
}

function chooseDelimiter(
  judged: (delimiter: Delimiter) => Judged,
  file: string,
  decimal: Decimal,
): Delimiter {
  const better = (a: Judged, b: Judged): Judged =>
    b.even > a.even || (b.even === a.even && b.numeric > a.numeric) ? b : a;
  const none = judged(null);
  const parted = candidates.map(judged).filter(({ width }) => width > 1);
  if (/\.tsv(\.gz)?$/i.test(file) && parted.some(({ delimiter }) => delimiter === "\t")) return "\t";
  if (decimal === "comma") {
    // A comma parts cells only where nothing else does and the numbers are quoted, `"1,5","2,5"`.
    const others = parted.filter(({ delimiter }) => delimiter !== ",");
    if (others.length > 0) return others.reduce(better).delimiter;
    const comma = parted[0];
    if (comma !== undefined && (none.rows.length === 0 || comma.numeric > none.numeric)) return ",";
  } else if (parted.length > 0) return parted.reduce(better).delimiter;
  const spaced = judged(" ");
  return spaced.width > 1 && spaced.even === 1 && spaced.plain ? " " : decimal === "comma" ? null : ",";
}
