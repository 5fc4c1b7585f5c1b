/** Inputs and outputs, row by row. */
import type { ManifestSize } from "../../runtime/index.ts";
import { isDistribution } from "../data/distribution.ts";
import { entriesOfRow } from "../data/row-names.ts";

/** Numbers of one row, where the model has rows and they are the first axis; else null. */
export function perRow(shape: readonly ManifestSize[]): number | null {
  const [first] = shape;
  // A multiple of the free dimension, "3·N", is several entries of the axis for each row.
  return typeof first === "string" && !first.includes("·") ? entriesOfRow(shape, first) : null;
}

export function isWithin(values: ArrayLike<number>, low: number, high: number): boolean {
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= low && values[i]! <= high)) return false;
  return true;
}

export function isEach(values: ArrayLike<number>, allowed: readonly number[]): boolean {
  for (let i = 0; i < values.length; i++) if (!allowed.includes(values[i]!)) return false;
  return true;
}

/** Shares of classes: rows that are all probabilities as they are, of others what softmax makes. */
export function sharesOf(values: ArrayLike<number>, count: number): Float64Array {
  const shares = Float64Array.from(values);
  if (isDistribution(shares, count)) return shares;
  for (let at = 0; at < shares.length; at += count) {
    const row = shares.subarray(at, at + count);
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
