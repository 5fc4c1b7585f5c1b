/**
 * A function of one number as lines, with its jumps found: a line drawn through a jump would show values that the
 * function never takes.
 */
import { spread, type Axis, type Line, type Point } from "./plot.ts";

/** Values of a function at these numbers. */
export type Sampled = (xs: Float64Array) => ArrayLike<number>;

/** Halvings of an interval that may hold a jump; the interval is then 2⁻⁵⁰ of what it was, or two neighboring numbers. */
const HALVINGS = 50;

/** The least step between neighbors that is looked into, as a part of all that the line spans. */
const SUSPECT = 0.002;

/** What is left of such a step at a jump, as a part of what the line spans. A continuous line has less left, however steep. */
const JUMP = 1e-4;

interface Interval {
  left: number;
  right: number;
  below: number;
  above: number;
}

/**
 * @param count how many numbers are sampled
 * @param precise the sampled numbers may be any of f64; else they are rounded to f32 by who computes
 */
export function lineOf(
  sample: Sampled,
  axis: Pick<Axis, "from" | "to">,
  count: number,
  precise = true,
): Line {
  const xs = spread(axis, count);
  const round = precise ? (x: number): number => x : Math.fround;
  if (!precise) xs.forEach((x, i) => (xs[i] = Math.fround(x)));
  const ys = Array.from(sample(xs));
  const finite = ys.filter(Number.isFinite);
  const span = Math.max(...finite, -Infinity) - Math.min(...finite, Infinity);
  const suspects = new Map<number, Interval>();
  for (let i = 1; i < count; i++) {
    const step = Math.abs(ys[i]! - ys[i - 1]!);
    if (span > 0 && Number.isFinite(step) && step > SUSPECT * span)
      suspects.set(i, { left: xs[i - 1]!, right: xs[i]!, below: ys[i - 1]!, above: ys[i]! });
  }
  narrow(sample, [...suspects.values()], round);

  const limit = 1e6 * Math.max(1, upperQuartile(finite));
  const pieces: Point[][] = [];
  const jumps: Interval[] = [];
  let piece: Point[] = [];
  const close = (): void => {
    // The single value at a jump is no line; it is among the ends.
    if (piece.some(([x]) => x !== piece[0]![0])) pieces.push(piece);
    piece = [];
  };
  xs.forEach((x, i) => {
    const interval = suspects.get(i);
    if (interval !== undefined && Math.abs(interval.above - interval.below) > JUMP * span) {
      const { left, right, below, above } = interval;
      // At a pole there is no end to draw.
      const isPole = Math.max(Math.abs(below), Math.abs(above)) > limit;
      if (!isPole) {
        jumps.push(interval);
        piece.push([left, below]);
      }
      close();
      if (!isPole) piece.push([right, above]);
    }
    if (Number.isFinite(ys[i])) piece.push([x, ys[i]!]);
    else close();
  });
  close();
  return { pieces, ends: endsOf(sample, jumps, span, round) };
}

/** Halves every interval towards the larger of its two steps, all at once. */
function narrow(sample: Sampled, intervals: readonly Interval[], round: (x: number) => number): void {
  for (let k = 0; k < HALVINGS && intervals.length > 0; k++) {
    const middles = Float64Array.from(intervals, ({ left, right }) => round(left + (right - left) / 2));
    const values = sample(middles);
    intervals.forEach((interval, i) => {
      const [middle, value] = [middles[i]!, values[i]!];
      if (middle <= interval.left || middle >= interval.right || Number.isNaN(value)) return;
      if (Math.abs(value - interval.below) >= Math.abs(interval.above - value)) {
        interval.right = middle;
        interval.above = value;
      } else {
        interval.left = middle;
        interval.below = value;
      }
    });
  }
}

/** At each jump both limits, and the value itself, which may be a third: |z|' has -1, 0 and 1 at 0. */
function endsOf(
  sample: Sampled,
  jumps: readonly Interval[],
  span: number,
  round: (x: number) => number,
): Line["ends"] {
  if (jumps.length === 0) return [];
  const places = jumps.map(({ left, right }) => roundest(left, right));
  const taken = sample(Float64Array.from(places, round));
  const ends: Line["ends"][number][] = [];
  jumps.forEach(({ below, above }, k) => {
    const [x, value] = [places[k]!, taken[k]!];
    for (const y of [below, above, value]) {
      const same = (other: number): boolean => Math.abs(other - y) <= 1e-6 * span;
      if (Number.isFinite(y) && !ends.some((end) => end.x === x && same(end.y)))
        ends.push({ x, y, closed: same(value) });
    }
  });
  return ends;
}

/** The number of fewest digits between two that are almost the same. */
function roundest(left: number, right: number): number {
  for (let digits = 0; digits < 10; digits++) {
    const power = 10 ** digits;
    const candidate = Math.round(((left + right) / 2) * power) / power;
    // Not -0.
    if (Math.abs(candidate - left) <= 1e-6 * Math.max(1, Math.abs(left))) return candidate + 0;
  }
  return right;
}

const upperQuartile = (values: readonly number[]): number => {
  const sizes = values.map(Math.abs).sort((a, b) => a - b);
  return sizes[Math.floor(sizes.length * 0.75)] ?? 0;
};
