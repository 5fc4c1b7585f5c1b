/** Tables of text, columns aligned: numbers to the right, text to the left. */
import type { Colors } from "../output.ts";

export type Cell = string | number;

/**
 * Rows under a header; the widths are those of the longest cells. A last column of text is clipped
 * to `columns`.
 * @param columns of the terminal
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  colors: Colors,
  columns = 80,
): string {
  const text = rows.map((row) =>
    row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell)),
  );
  const widths = header.map((name, c) => Math.max(name.length, ...text.map((row) => row[c]?.length ?? 0)));
  const right = header.map((_, c) => rows.length > 0 && rows.every((row) => typeof row[c] === "number"));
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 2);
  const lastWidth = Math.max(12, columns - before);
  const line = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, c) => {
        if (right[c] === true) return cell.padStart(widths[c]!);
        if (c < header.length - 1) return cell.padEnd(widths[c]!);
        return cell.length > lastWidth ? `${cell.slice(0, lastWidth - 1)}…` : cell;
      })
      .join("  ")}`.trimEnd();
  return [colors.dim(line(header)), ...text.map(line)].join("\n");
}
