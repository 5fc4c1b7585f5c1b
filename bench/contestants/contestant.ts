import type { Floats, Job, Labels, Read } from "../job.ts";

/** A job made ready by a contestant. */
export interface Work {
  /**
   * What one call does: steps, entries or floating-point operations, which times are divided by.
   */
  readonly units: number;
  /** Whether `call` returns a promise: others are not awaited, since that would be timed too. */
  readonly asynchronous?: boolean;
  call(): unknown;
  /**
   * Numbers that all contestants must agree on, such as the losses of the first steps: so that
   * nobody is timed on another job. Called once, before any timing.
   */
  check(): readonly number[] | Promise<readonly number[]>;
}

export type Contestant = (job: Job, read: Read) => Promise<Work>;

/** A contestant cannot do this job: its cell in the table is a dash, with this reason below. */
export class Unavailable extends Error {}

export const CHECKED_STEPS = 3;
export const CHECKED_ENTRIES = 16;

/** The losses of the first steps. */
export const firstLosses = (step: () => number): number[] => Array.from({ length: CHECKED_STEPS }, step);

/** Some entries from all over a result. */
export function sample(values: ArrayLike<number>): number[] {
  const count = Math.min(CHECKED_ENTRIES, values.length);
  return Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)] ?? NaN);
}

/**
 * Rows in a new order each time it is called (Fisher and Yates), as a program in JavaScript would
 * write it.
 */
export function shuffler(rows: number): () => Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  return () => {
    for (let i = rows - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      const other = order[j] ?? 0;
      order[j] = order[i] ?? 0;
      order[i] = other;
    }
    return order;
  };
}

/** Batches of rows in a new order: the same two arrays each time, filled anew. */
export function* batches(
  x: Floats,
  labels: Labels,
  order: Uint32Array,
  batch: number,
): Generator<{ readonly rows: number; readonly x: Floats; readonly labels: Labels }> {
  const width = x.length / labels.length;
  const images = new Float32Array(batch * width);
  const digits = new Int32Array(batch);
  for (let from = 0; from < order.length; from += batch) {
    const rows = Math.min(batch, order.length - from);
    for (let i = 0; i < rows; i++) {
      const row = order[from + i] ?? 0;
      images.set(x.subarray(row * width, (row + 1) * width), i * width);
      digits[i] = labels[row] ?? 0;
    }
    yield { rows, x: images.subarray(0, rows * width), labels: digits.subarray(0, rows) };
  }
}
