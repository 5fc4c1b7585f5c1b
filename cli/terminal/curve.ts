/** A curve drawn with characters: the loss over the course of training. */
import { dots } from "./braille.ts";
import { figure } from "./numbers.ts";

export interface CurveOptions {
  /** Characters, without the axis. */
  readonly width: number;
  readonly height: number;
  /** False draws with ASCII, at one point a character. */
  readonly unicode: boolean;
}

/**
 * `values` from left to right, the largest at the top; logarithmic where they are positive and span
 * more than two decades. Values that are not finite leave a gap. Empty for fewer than two finite
 * values.
 */
export function curve(values: readonly number[], { width, height, unicode }: CurveOptions): string[] {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return [];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const logarithmic = low > 0 && high / low > 100;
  const scale = logarithmic ? Math.log : (value: number): number => value;
  const span = scale(high) - scale(low) || 1;
  const [across, down] = unicode ? [2, 4] : [1, 1];
  const points = sampled(values, width * across);
  const columns = Math.min(width, Math.ceil(points.length / across));
  const lastRow = height * down - 1;
  const grid = Array.from({ length: height }, () => Array.from({ length: columns }, () => 0));

  let previous: number | null = null;
  points.forEach((value, x) => {
    if (!Number.isFinite(value)) {
      previous = null;
      return;
    }
    const y = Math.round(((scale(high) - scale(value)) / span) * lastRow);
    // Steep parts are joined to one line.
    const [from, to] =
      previous === null || !unicode
        ? [y, y]
        : [Math.min(previous + Math.sign(y - previous), y), Math.max(previous + Math.sign(y - previous), y)];
    for (let dot = from; dot <= to; dot++) {
      const row = grid[Math.floor(dot / down)]!;
      row[Math.floor(x / across)]! |= unicode ? dots[dot % 4]![x % 2]! : 1;
    }
    previous = y;
  });

  const labels = grid.map((_, row) => (row === 0 ? figure(high) : row === height - 1 ? figure(low) : ""));
  const margin = Math.max(...labels.map((label) => label.length));
  const character = (bits: number): string =>
    bits === 0 ? " " : unicode ? String.fromCharCode(0x2800 + bits) : "*";
  return grid.map(
    (row, index) =>
      `${labels[index]!.padStart(margin)} ${unicode ? "│" : "|"}${row.map(character).join("").trimEnd()}`,
  );
}

/** At most `count` values: means of equal stretches. */
function sampled(values: readonly number[], count: number): number[] {
  if (values.length <= count) {
    // Few values are stretched, so that the curve fills its place.
    const last = values.length - 1;
    return Array.from({ length: count }, (_, i) => {
      const at = (i / (count - 1)) * last;
      const [left, right] = [values[Math.floor(at)]!, values[Math.ceil(at)]!];
      return left + (right - left) * (at - Math.floor(at));
    });
  }
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [
      Math.floor((i * values.length) / count),
      Math.floor(((i + 1) * values.length) / count),
    ];
    let sum = 0;
    for (let k = from; k < to; k++) sum += values[k]!;
    return sum / (to - from);
  });
}
