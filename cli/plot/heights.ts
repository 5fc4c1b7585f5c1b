/** How much of the vertical axis a picture of lines shows. */
import { extent } from "./features.ts";
import type { Line } from "./plot.ts";

/** Beyond this many times what most points span, a line is cut off: it goes to a pole. */
const BEYOND = 1.5;

/** The least and the largest height to show of lines, and of points among them; with a margin. */
export function heightsOf(lines: readonly Line[], others: readonly number[] = []): [number, number] {
  const all = lines
    .flatMap(({ pieces, ends }) => [...pieces.flat().map(([, y]) => y), ...ends.map(({ y }) => y)])
    .concat(others)
    .sort((a, b) => a - b);
  if (all.length === 0) return [-1, 1];
  const at = (share: number): number => all[Math.round(share * (all.length - 1))]!;
  const [low, high] = extent(all);
  const most = at(0.95) - at(0.05) || high - low;
  const from = Math.max(low, at(0.05) - BEYOND * most);
  const to = Math.min(high, at(0.95) + BEYOND * most);
  const margin = (to - from) * 0.06 || Math.max(1, Math.abs(to)) * 0.5;
  return [from - margin, to + margin];
}
