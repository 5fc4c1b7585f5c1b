import type { Arena } from "./arena.ts";
import { refuse } from "./errors.ts";
import type { Feed } from "./feed.ts";

/** Examples that were taken: a feed for each input, and how many rows they have. */
export interface Rows {
  readonly feeds: readonly Feed[];
  readonly total: number;
}

/**
 * The order of `count` rows in an epoch, which the module draws. It is written behind what the
 * module takes for a batch, where a course of training lies while there is one.
 * @throws `out-of-memory`
 */
export function orderOf(arena: Arena, count: number, seed: number, epoch: number): Uint32Array {
  const at = Math.ceil(arena.end(arena.capacity) / 16) * 16;
  if (!arena.reach(at + 4 * count))
    refuse("out-of-memory", `There is not enough memory to shuffle ${count} rows.`);
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
