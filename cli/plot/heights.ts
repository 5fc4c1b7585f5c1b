/** How much of the vertical axis a picture of lines shows. */
import type { Line } from "./plot.ts";

/** Beyond this many times what most points span, a line is cut off: it goes to a pole. */
const BEYOND = 1.5;

/** The least and the largest of numbers, but for those that go to a pole. Null of none that are finite. */
export function bulkOf(values: Iterable<number>): [low: number, high: number] | null {
  const all = Float64Array.from([...values].filter(Number.isFinite)).sort();
  if (all.length === 0) return null;
  const at = (share: number): number => all[Math.round(share * (all.length - 1))]!;
  const [low, high] = [at(0), at(1)];
  const most = at(0.95) - at(0.05) || high - low;
  return [Math.max(low, at(0.05) - BEYOND * most), Math.min(high, at(0.95) + BEYOND * most)];
}

/** The least and the largest height to show of lines, and of points among them; with a margin. */
export function heightsOf(lines: readonly Line[], others: readonly number[] = []): [number, number] {
  const drawn = lines.flatMap(({ pieces, ends }) => [
    ...pieces.flat().map(([, y]) => y),
    ...ends.map(({ y }) => y),
  ]);
  const [from, to] = bulkOf([...drawn, ...others]) ?? [-1, 1];
  const margin = (to - from) * 0.06 || Math.max(1, Math.abs(to)) * 0.5;
  return [from - margin, to + margin];
}
