/** Tables of text, for a terminal or as Markdown. */

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const widths = ({ head, rows }: Table): number[] =>
  head.map((_, i) => Math.max(...[head, ...rows].map((row) => [...(row[i] ?? "")].length)));

/** The first column is words and begins at the left, the others are figures and end at the right. */
const padded = (row: readonly string[], sizes: readonly number[]): string[] =>
  sizes.map((size, i) => {
    const cell = row[i] ?? "";
    const room = " ".repeat(size - [...cell].length);
    return i === 0 ? cell + room : room + cell;
  });

export function toText(table: Table): string {
  const sizes = widths(table);
  const lines = [table.head, sizes.map((size) => "─".repeat(size)), ...table.rows];
  return lines.map((row) => padded(row, sizes).join("  ").trimEnd()).join("\n");
}

export function toMarkdown(table: Table): string {
  const sizes = widths(table).map((size) => Math.max(size, 4));
  const line = (row: readonly string[]): string => `| ${padded(row, sizes).join(" | ")} |`;
  const rule = sizes.map((size, i) => (i === 0 ? "-".repeat(size) : `${"-".repeat(size - 1)}:`));
  return [line(table.head), line(rule), ...table.rows.map(line)].join("\n");
}

/** Three significant figures, without an exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 6));
}
