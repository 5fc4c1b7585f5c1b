/**
 * Intervals that hold every entry of a tensor: by them the generator keeps to domains and away from
 * overflow.
 */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const range = (low: number, high: number): Range => ({ low, high });

const hull = (...ends: readonly number[]): Range => range(Math.min(...ends), Math.max(...ends));

export const reach = (a: Range): number => Math.max(Math.abs(a.low), Math.abs(a.high));
export const union = (a: Range, b: Range): Range => hull(a.low, a.high, b.low, b.high);
/** Under a function that only grows, or only falls. */
export const through = (a: Range, f: (x: number) => number): Range => hull(f(a.low), f(a.high));
export const plus = (a: Range, b: Range): Range => range(a.low + b.low, a.high + b.high);
export const negative = (a: Range): Range => range(-a.high, -a.low);
export const times = (a: Range, b: Range): Range =>
  hull(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high);
export const magnitude = (a: Range): Range =>
  a.low >= 0 ? a : a.high <= 0 ? negative(a) : range(0, reach(a));
/** Of sums of at least one and at most `count` such entries. */
export const total = (a: Range, count: number): Range => union(a, times(a, range(count, count)));
/** The larger, or with Math.min the smaller, of two. */
export const extreme = (a: Range, b: Range, which: (x: number, y: number) => number): Range =>
  range(which(a.low, b.low), which(a.high, b.high));
