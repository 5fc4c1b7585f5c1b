/** Tables of text, for a terminal or as Markdown. */

export interface Table {
  /**
   * So many columns are words and begin at the left, 1 without it; the others are figures and end
   * at the right.
   */
  readonly words?: number;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const widths = ({ head, rows }: Table): number[] =>
  head.map((_, i) => Math.max(...[head, ...rows].map((row) => [...(row[i] ?? "")].length)));

const padded = (row: readonly string[], sizes: readonly number[], words: number): string[] =>
  sizes.map((size, i) => {
    const cell = row[i] ?? "";
    const room = " ".repeat(size - [...cell].length);
    return i < words ? cell + room : room + cell;
  });

export function toText(table: Table): string {
  const { words = 1 } = table;
  const sizes = widths(table);
  const lines = [table.head, sizes.map((size) => "─".repeat(size)), ...table.rows];
  return lines.map((row) => padded(row, sizes, words).join("  ").trimEnd()).join("\n");
}

export function toMarkdown(table: Table): string {
  const { words = 1 } = table;
  const sizes = widths(table).map((size) => Math.max(size, 4));
  const line = (row: readonly string[]): string => `| ${padded(row, sizes, words).join(" | ")} |`;
  const rule = sizes.map((size, i) => (i < words ? "-".repeat(size) : `${"-".repeat(size - 1)}:`));
  return [line(table.head), line(rule), ...table.rows.map(line)].join("\n");
}

/** Three significant figures, without an exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 6));
}
