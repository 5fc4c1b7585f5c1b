/**
 * A diagnostic as a person reads it in a terminal:
 *
 *     error[shape-mismatch]: `@` needs the inner sizes to agree
 *       --> mlp.nn:9:7
 *        |
 *      9 |   z = h @ readout'
 *        |       ^   -------- [10, 256]', so 256 comes first
 *        |       |
 *        |       [N, 128]
 *        = note: 128 is `units` of dense, called at mlp.nn:8:7
 *        = help: readout should be [10, 128]
 *
 * `^` is under the place of the diagnostic, `-` under the places that explain it.
 */
import type { Diagnostic, Label, SourceMap } from "./diagnostic.ts";
import { columnsOf, lineAndColumn, linesOf, printable, visible, type Line } from "./text-position.ts";

export { lineAndColumn } from "./text-position.ts";

type Role = "error" | "warning" | "secondary" | "gutter" | "message" | "help" | "plain";

/** How each part of a diagnostic is painted. */
export type Palette = Readonly<Record<Role, (text: string) => string>>;

export interface Style {
  readonly color: boolean;
  /** Columns to use before a line of source is clipped around its labels; 100 unless told. */
  readonly width?: number;
  /** The colors, where `color` is true; those of an ANSI terminal unless told. */
  readonly palette?: Palette;
}

const sgr = (codes: string) => (text: string) => `\u001B[${codes}m${text}\u001B[0m`;
const same = (text: string): string => text;

const ansi: Palette = {
  error: sgr("1;31"),
  warning: sgr("1;33"),
  secondary: sgr("1;34"),
  gutter: sgr("34"),
  message: sgr("1"),
  help: sgr("32"),
  plain: same,
};
const colorless: Palette = {
  error: same,
  warning: same,
  secondary: same,
  gutter: same,
  message: same,
  help: same,
  plain: same,
};

/**
 * Several lines of text without a newline at the end. A file that `sources` lacks is named but not
 * shown.
 */
export function renderDiagnostic(diagnostic: Diagnostic, sources: SourceMap, style: Style): string {
  const paint = style.color ? (style.palette ?? ansi) : colorless;
  const sections = sectionsOf(diagnostic, sources);
  const last = Math.max(0, ...sections.flatMap((section) => section.marked.map(({ line }) => line.number)));
  const gutter = " ".repeat(String(last).length + 1);
  const bar = paint.gutter("|");
  const out = [
    `${paint[diagnostic.severity](`${diagnostic.severity}[${diagnostic.code}]`)}${paint.message(`: ${printable(diagnostic.message)}`)}`,
  ];

  sections.forEach((section, i) => {
    out.push(`${gutter}${paint.gutter(i === 0 ? "-->" : ":::")} ${printable(section.place)}`);
    if (section.marked.length > 0) out.push(`${gutter} ${bar}`);
    let previous: number | undefined;
    for (const { line, marks } of section.marked) {
      if (previous !== undefined && line.number > previous + 1) out.push(paint.gutter("..."));
      previous = line.number;
      const columns = Math.max(20, (style.width ?? 100) - gutter.length - 3);
      for (const group of groupsThatFit(line, marks, columns)) {
        const [code = "", ...rows] = drawLine(line, group, columns, diagnostic.severity, paint);
        const number = ` ${String(line.number).padStart(gutter.length - 1)}`;
        out.push(`${paint.gutter(`${number} |`)} ${code}`.trimEnd());
        for (const row of rows) out.push(`${gutter} ${bar} ${row}`.trimEnd());
      }
    }
    for (const text of section.unseen) out.push(`${gutter} ${paint.gutter("=")} ${printable(text)}`);
  });

  const remark = (kind: string, text: string): void => {
    // Later lines of a note stand under its first.
    const [first = "", ...rest] = text.split("\n");
    const title = paint[kind === "help" ? "help" : "message"](`${kind}:`);
    out.push(`${gutter} ${paint.gutter("=")} ${title} ${printable(first)}`);
    for (const line of rest) out.push(`${gutter} ${" ".repeat(kind.length + 4)}${printable(line)}`.trimEnd());
  };
  for (const note of diagnostic.notes) remark("note", note);
  if (diagnostic.help !== undefined) remark("help", diagnostic.help);
  return out.join("\n");
}

// ---------------------------------------------------------------------------------------- what is shown of a file

/**
 * A label on one line of source, in screen columns from the line's beginning. `end` is at least
 * `start + 1`.
 */
interface Mark {
  readonly start: number;
  readonly end: number;
  readonly primary: boolean;
  readonly text: string;
}

interface Section {
  /** `mlp.nn:9:7` */
  readonly place: string;
  readonly marked: readonly { readonly line: Line; readonly marks: readonly Mark[] }[];
  /** What labels say of a file whose text is not known. */
  readonly unseen: readonly string[];
}

/** One section a file, the file of the first label first. */
function sectionsOf(diagnostic: Diagnostic, sources: SourceMap): readonly Section[] {
  const [primary] = diagnostic.labels;
  const files = new Set(diagnostic.labels.map((label) => label.span.file));
  return [...files].map((file): Section => {
    const labels = diagnostic.labels.filter((label) => label.span.file === file);
    const text = sources.get(file);
    if (text === undefined) {
      return { place: file, marked: [], unseen: labels.flatMap((label) => label.text ?? []) };
    }
    const [first] = labels;
    const { line, column } = lineAndColumn(text, first?.span.start ?? 0);
    const byLine = new Map<number, Label[]>();
    for (const label of labels) {
      const number = lineAndColumn(text, label.span.start).line;
      byLine.set(number, [...(byLine.get(number) ?? []), label]);
    }
    const shown = linesOf(text, withSmallGaps(byLine)).flatMap((whole) => {
      const here = byLine.get(whole.number) ?? [];
      if (whole.text.length <= LONGEST_WHOLE_LINE) return [{ line: whole, labels: here }];
      return here.map((label) => ({ line: excerpt(whole, label), labels: [label] }));
    });
    return {
      place: `${file}:${line}:${column}`,
      marked: shown.map(({ line: of, labels: here }) => ({
        line: of,
        marks: here.map((label) => markOf(label, of, label === primary)),
      })),
      unseen: [],
    };
  });
}

/**
 * Lines with more UTF-16 units than this are shown in excerpts, a label each, so that their length
 * costs nothing.
 */
const LONGEST_WHOLE_LINE = 4096;

function excerpt(line: Line, label: Label): Line {
  const from = Math.max(0, label.span.start - line.start - LONGEST_WHOLE_LINE / 4);
  return { ...line, text: line.text.slice(from, from + LONGEST_WHOLE_LINE), start: line.start + from };
}

/**
 * The lines with labels, and a line alone between two of them, which takes no more room than `...`.
 */
function withSmallGaps(byLine: ReadonlyMap<number, unknown>): ReadonlySet<number> {
  const numbers = new Set(byLine.keys());
  for (const n of byLine.keys()) if (byLine.has(n + 2)) numbers.add(n + 1);
  return numbers;
}

/** A span that goes on in later lines is marked to the end of its first. */
function markOf(label: Label, line: Line, primary: boolean): Mark {
  const from = Math.max(0, label.span.start - line.start);
  const to = Math.min(label.span.end - line.start, line.text.trimEnd().length);
  const start = screenColumn(line.text, from);
  const end = Math.max(start + 1, screenColumn(line.text, to));
  return { start, end, primary, text: printable(label.text ?? "") };
}

// ------------------------------------------------------------------------------------------------ screen columns

const TAB = 4;

/** The characters of a line as they are shown, each with the column it starts at. */
function* cells(
  text: string,
): Generator<{ readonly shown: string; readonly column: number; readonly width: number }> {
  let column = 0;
  for (const character of text) {
    if (character === "\t") {
      const width = TAB - (column % TAB);
      yield { shown: " ".repeat(width), column, width };
      column += width;
    } else {
      const shown = visible(character);
      const width = columnsOf(shown);
      yield { shown, column, width };
      column += width;
    }
  }
}

function screenColumn(text: string, units: number): number {
  let column = 0;
  for (const cell of cells(text.slice(0, units))) column = cell.column + cell.width;
  return column + Math.max(0, units - text.length);
}

// ------------------------------------------------------------------------------------------------------- drawing

/** Marks of one line, split where they lie too far apart to be seen in `columns` at once. */
function groupsThatFit(line: Line, marks: readonly Mark[], columns: number): readonly (readonly Mark[])[] {
  if (screenColumn(line.text, line.text.length) <= columns) return [marks];
  const groups: Mark[][] = [];
  for (const mark of marks.toSorted((a, b) => a.start - b.start)) {
    const group = groups.at(-1);
    const first = group?.[0];
    if (group && first && mark.end - first.start <= columns - 2 * CONTEXT) group.push(mark);
    else groups.push([mark]);
  }
  return groups.length === 0 ? [[]] : groups;
}

/** Columns kept on either side of the labels of a clipped line. */
const CONTEXT = 8;

/** The line of source, then the rows with what is said of it. */
function drawLine(
  line: Line,
  marks: readonly Mark[],
  columns: number,
  severity: "error" | "warning",
  paint: Palette,
): readonly string[] {
  const window = windowOf(line, marks, columns);
  const clipped = marks.map((mark): Mark => {
    const start = Math.max(0, mark.start - window.start);
    return { ...mark, start, end: Math.max(start + 1, Math.min(mark.end - window.start, columns)) };
  });
  const role = (mark: Mark): Role => (mark.primary ? severity : "secondary");
  const rows = [new Row()];
  const underline = rows[0] ?? new Row();

  // The wide under the narrow, the secondary under the primary.
  const byWidth = clipped.toSorted(
    (a, b) => b.end - b.start - (a.end - a.start) || Number(a.primary) - Number(b.primary),
  );
  for (const mark of byWidth) {
    underline.write(mark.start, (mark.primary ? "^" : "-").repeat(mark.end - mark.start), role(mark));
  }

  const hanging = clipped
    .filter((mark) => mark.text !== "")
    .sort((a, b) => b.start - a.start || b.end - a.end);
  const furthest = Math.max(...clipped.map((mark) => mark.end));
  const [last] = hanging;
  if (last && last.end === furthest) {
    underline.write(last.end + 1, last.text, role(last));
    hanging.shift();
  }
  const bars = (upTo: number): Row => {
    const row = new Row();
    for (const mark of hanging) if (mark.start < upTo) row.write(mark.start, "|", role(mark));
    return row;
  };
  if (hanging.length > 0) rows.push(bars(Infinity));
  for (const mark of hanging) {
    const row = bars(mark.start);
    row.write(mark.start, mark.text, role(mark));
    rows.push(row);
  }
  return [window.text, ...(marks.length > 0 ? rows.map((row) => row.paint(paint)) : [])];
}

/** The part of a line that is shown, and the column that its first character stands for. */
function windowOf(
  line: Line,
  marks: readonly Mark[],
  columns: number,
): { readonly text: string; readonly start: number } {
  const whole = screenColumn(line.text, line.text.length);
  const from = Math.min(...marks.map((mark) => mark.start));
  const to = Math.max(...marks.map((mark) => mark.end));
  const spare = Math.max(0, columns - (to - from));
  const wanted = whole <= columns || marks.length === 0 ? 0 : from - Math.max(CONTEXT, Math.floor(spare / 2));
  const start = Math.max(0, Math.min(wanted, Math.max(whole, to) - columns));
  let text = "";
  let width = 0;
  for (const cell of cells(line.text)) {
    if (cell.column < start || cell.column + cell.width > start + columns) continue;
    // A wide character cut by the edge leaves a gap, so that the marks stay under their places.
    text += " ".repeat(Math.max(0, cell.column - start - width)) + cell.shown;
    width = cell.column - start + cell.width;
  }
  if (start > 0) text = `…${dropColumn(text)}`;
  if (whole > start + columns) text = `${text.slice(0, -1)}…`;
  return { text, start };
}

/** The text without the characters of its first column. */
function dropColumn(text: string): string {
  const [first = " ", ...rest] = text;
  return " ".repeat(Math.max(0, columnsOf(first) - 1)) + rest.join("");
}

/** A row of characters of which each has a role. */
class Row {
  readonly #cells: { text: string; role: Role }[] = [];

  /** One column a character, over what is there. */
  write(column: number, text: string, role: Role): void {
    while (this.#cells.length < column) this.#cells.push({ text: " ", role: "plain" });
    Array.from(text).forEach((character, i) => {
      this.#cells[column + i] = { text: character, role };
    });
  }

  paint(palette: Palette): string {
    let out = "";
    for (let i = 0; i < this.#cells.length;) {
      const role = this.#cells[i]?.role ?? "plain";
      let run = "";
      for (; this.#cells[i]?.role === role; i++) run += this.#cells[i]?.text;
      out += palette[role](run);
    }
    return out;
  }
}
