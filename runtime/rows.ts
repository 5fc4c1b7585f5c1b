import type { Arena } from "./arena.ts";
import { refuse } from "./errors.ts";
import type { Feed } from "./feed.ts";

/** Examples that were taken: a feed for each input, and how many rows they have. */
export interface Rows {
  readonly feeds: readonly Feed[];
  readonly total: number;
}

export const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/** @throws `out-of-memory` where the memory cannot be made to reach so far, for an order of rows */
export function reachOrder(arena: Arena, end: number, rows: number): void {
  if (!arena.reach(end)) refuse("out-of-memory", `There is not enough memory to shuffle ${rows} rows.`);
}

/**
 * The order of `count` rows in an epoch, which the module draws. It is written behind what the
 * module takes for a batch, where a course of training lies while there is one.
 * @throws `out-of-memory`
 */
export function orderOf(arena: Arena, count: number, seed: number, epoch: number): Uint32Array {
  const at = aligned(arena.end(arena.capacity));
  reachOrder(arena, at + 4 * count, count);
  arena.exports.shuffle(at, count, seed, epoch);
  return new Uint32Array(arena.exports.memory.buffer, at, count).slice();
}

/**
 * The rows that a share holds out and those that are left, each in their order in the data. Epochs
 * are counted from 1, so the order numbered 0 is no epoch's.
 */
export function split(
  order: Uint32Array,
  share: number,
): { readonly training: Uint32Array; readonly validation: Uint32Array } {
  const total = order.length;
  const held = Math.min(Math.max(Math.round(total * share), 1), total - 1);
  return { training: order.slice(held).sort(), validation: order.slice(0, held).sort() };
}
