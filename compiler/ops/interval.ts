/**
 * Intervals: where the entries of a tensor lie that are not NaN. As in IEEE 754 -0 lies below 0, so
 * that an interval from 0 on has no -0 in it, and 1 / x has one sign there. Ends are computed in
 * f64; `bounds.ts` moves them out to what holds of f32 too.
 */

/** All numbers from `least` to `most`. */
export type Interval = readonly [least: number, most: number];

/** The interval of a result, from those of the operands. */
export type Range = (operands: readonly Interval[]) => Interval;

export const ALL: Interval = [-Infinity, Infinity];
export const BIT: Interval = [0, 1];
export const ZERO: Interval = [0, 0];
export const FROM_ZERO: Interval = [0, Infinity];
export const FROM_ONE: Interval = [1, Infinity];

export const always =
  (interval: Interval): Range =>
  () =>
    interval;
export const anywhere = always(ALL);
/** Each entry is one of the operand's. */
export const kept: Range = ([x]) => x!;

export const contains = ([least, most]: Interval, x: number): boolean => least <= x && x <= most;

/** Of a function that never falls, and is rounded correctly. */
export const rising =
  (f: (x: number) => number): Range =>
  ([x]) => [f(x![0]), f(x![1])];

/**
 * Of a function that never falls, from some of its points, the outermost at ∞: between two of them
 * it is between their values.
 */
export const through =
  (...points: readonly (readonly [x: number, y: number])[]): Range =>
  ([x]) => [
    points.findLast((point) => isBelow(point[0], x![0]))![1],
    points.find((point) => isBelow(x![1], point[0]))![1],
  ];

/** x ≤ y, -0 below 0. */
const isBelow = (x: number, y: number): boolean =>
  x < y || (x === y && (Object.is(x, -0) || !Object.is(y, -0)));

/** Where what lies in one of them lies. */
export const union = (intervals: readonly Interval[]): Interval =>
  intervals.reduce(([a, b], [c, d]) => [Math.min(a, c), Math.max(b, d)]);

export const negative = ([a, b]: Interval): Interval => [-b, -a];

export const magnitude = ([a, b]: Interval): Interval => [
  a >= 0 ? Math.abs(a) : b <= 0 ? Math.abs(b) : 0,
  Math.max(Math.abs(a), Math.abs(b)),
];

export const plus = ([a, b]: Interval, [c, d]: Interval): Interval => [
  numberOr(a + c, -Infinity),
  numberOr(b + d, Infinity),
];

export const product = (x: Interval, y: Interval): Interval =>
  // 0 · ∞ is no number; 0 times what is nearly ∞ is 0.
  corners(x, y, (a, c) => numberOr(a * c, a === 0 ? a * Math.sign(c) : Math.sign(a) * c));

export function quotient(x: Interval, y: Interval): Interval {
  const hasSign = y[0] > 0 || Object.is(y[0], 0) || y[1] < 0 || Object.is(y[1], -0);
  return hasSign ? corners(x, y, (a, c) => numberOr(a / c, 0)) : ALL;
}

/** Of one addend or more. A sum begins with 0, and of -0 alone is 0. */
export const total = ([a, b]: Interval): Interval => [a >= 0 ? a : -Infinity, b <= 0 ? b + 0 : Infinity];

/** Of one factor or more. */
export function productOfAll([a, b]: Interval): Interval {
  if (a >= 0) return [a >= 1 ? 1 : Math.min(a, 0), b <= 1 ? 1 : Infinity];
  return a >= -1 && b <= 1 ? [-1, 1] : ALL;
}

/** xᵖ */
export function power(x: Interval, p: Interval): Interval {
  if (isWhole(p) && p[0] % 2 === 0) return FROM_ZERO;
  if (x[0] > 0 || Object.is(x[0], 0)) return FROM_ZERO;
  return x[0] === 0 && p[0] >= 0 ? [-0, Infinity] : ALL;
}

/** Whether there is one number in it, a whole one. */
export const isWhole = ([a, b]: Interval): boolean => a === b && Number.isInteger(a);

const numberOr = (x: number, other: number): number => (Number.isNaN(x) ? other : x);

function corners([a, b]: Interval, [c, d]: Interval, of: (x: number, y: number) => number): Interval {
  const values = [of(a, c), of(a, d), of(b, c), of(b, d)];
  return [Math.min(...values), Math.max(...values)];
}

const one = new Float32Array(1);
const bits = new Int32Array(one.buffer);

/** The largest number of f32 that is no larger. */
function roundedDown(x: number): number {
  one[0] = x;
  if (one[0] > x) bits[0]! += one[0] > 0 ? -1 : 1;
  return one[0];
}

/** Moved out to numbers of f32, so that it holds of what is rounded to f32 as well. */
export const outward = ([a, b]: Interval): Interval => [roundedDown(a), -roundedDown(-b)];
