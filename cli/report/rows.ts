/** Inputs and outputs, row by row. */
import type { Manifest, ManifestSize } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { own } from "../data/own.ts";

/** Numbers of one row, where rows are the first axis; null where they are not. */
export function perRow(shape: readonly ManifestSize[]): number | null {
  const [first, ...others] = shape;
  // A multiple of the free dimension, "3·N", is several entries of the axis for each row.
  if (typeof first !== "string" || first.includes("·")) return null;
  let product = 1;
  for (const size of others) {
    if (typeof size === "string") return null;
    product *= size;
  }
  return product;
}

/** A name for each number of an input's row: those of the table's columns where there are some. */
export function featureNames(input: Manifest["inputs"][number], data: Dataset): readonly string[] {
  const count = perRow(input.shape) ?? 0;
  const columns = own(data.columns, input.name);
  if (columns?.length === count) return columns;
  return count === 1 ? [input.name] : Array.from({ length: count }, (_, i) => `${input.name}[${i}]`);
}

/** What the classes of a target are called: the texts of its column, or numbers. */
export function classNames(
  target: Manifest["inputs"][number],
  data: Dataset,
  count: number,
): readonly string[] {
  const texts = Object.values(own(data.categories, target.name) ?? {})[0];
  return Array.from({ length: count }, (_, i) => texts?.[i] ?? String(i));
}

/** Where the largest of `count` numbers is, from `at` on. */
export function largest(values: ArrayLike<number>, at: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[at + i]! > values[at + best]!) best = i;
  return best;
}

/** Whether every row has one 1 and else 0. */
export function isOneHot(values: ArrayLike<number>, count: number): boolean {
  for (let at = 0; at < values.length; at += count) {
    let ones = 0;
    for (let i = 0; i < count; i++) {
      const value = values[at + i];
      if (value === 1) ones++;
      else if (value !== 0) return false;
    }
    if (ones !== 1) return false;
  }
  return true;
}

export function isWithin(values: ArrayLike<number>, low: number, high: number): boolean {
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= low && values[i]! <= high)) return false;
  return true;
}

export function isEach(values: ArrayLike<number>, allowed: readonly number[]): boolean {
  for (let i = 0; i < values.length; i++) if (!allowed.includes(values[i]!)) return false;
  return true;
}

/** Shares of classes: rows that sum to 1, or what softmax makes of others. */
export function sharesOf(values: ArrayLike<number>, count: number): Float64Array {
  const shares = Float64Array.from(values);
  for (let at = 0; at < shares.length; at += count) {
    const row = shares.subarray(at, at + count);
    const sum = row.reduce((a, b) => a + b, 0);
    if (Math.abs(sum - 1) < 1e-3 && row.every((share) => share >= 0)) continue;
    const high = row.reduce((a, b) => Math.max(a, b), -Infinity);
    let total = 0;
    for (let i = 0; i < count; i++) total += row[i] = Math.exp(row[i]! - high);
    for (let i = 0; i < count; i++) row[i]! /= total;
  }
  return shares;
}

/** The least and the largest; 0 … 1 of nothing. */
export function rangeOf(values: Iterable<number>): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** A range with room at both ends. */
export const widened = ([low, high]: readonly [number, number], share: number): readonly [number, number] => {
  const room = (high - low) * share || Math.abs(low) * share || 1;
  return [low - room, high + room];
};
