import type { Arena } from "./arena.ts";
import { entries } from "./extent.ts";
import type { Feed } from "./feed.ts";
import type { ManifestPlace } from "./manifest.ts";

/** What a training run keeps to from its first step to its last. */
export interface Plan {
  /** Rows of the data, rows of a batch, and batches of an epoch. */
  readonly total: number;
  readonly batch: number;
  readonly batches: number;
  readonly shuffle: boolean;
  readonly seed: number;
}

interface Slot {
  readonly feed: Feed;
  readonly place: ManifestPlace;
}

/** Epochs that the steps of one call may be of. */
export const EPOCHS = 1024;

/** How many bytes of data are copied into the module. */
const ROOM = 2 ** 30;

const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/**
 * Steps over the data of a training run. The data are copied into the module's memory, behind all that it takes for a batch, so that many
 * steps are one call. Where there is no room for them, each batch is written before its step: slower, and the same numbers.
 */
export class Course {
  /** losses[i] is the mean loss of epoch + i after a call; of an epoch that is not over, the sum over its rows so far. */
  readonly losses = new Float64Array(EPOCHS);
  readonly #arena: () => Arena;
  readonly #slots: readonly Slot[];
  readonly #plan: Plan;
  /** Whether the data stay outside. */
  #outside = false;
  /** The rows that there was room for, and the memory as it was, when the data were copied: should either change, they are void. */
  #room = 0;
  #sums = new Float64Array();
  /** Addresses of the data and of the order. */
  #data = 0;
  #order = 0;
  /** The order of this epoch while the data stay outside. */
  #rows: Uint32Array = new Uint32Array();

  constructor(arena: () => Arena, slots: readonly Slot[], plan: Plan) {
    this.#arena = arena;
    this.#slots = slots;
    this.#plan = plan;
  }

  /**
   * Makes `count` steps from row `from` of an epoch on, and on into the next.
   * @param sum of the losses over this epoch's rows before
   * @returns the loss before the last step
   * @throws `out-of-memory`, `disposed`
   */
  train(epoch: number, from: number, count: number, sum: number): number {
    const { total, batch, batches, shuffle, seed } = this.#plan;
    const arena = this.#arena();
    const { train } = arena.exports;
    arena.reserve(batch);
    if (!train || !this.#copy(arena, epoch, from)) return this.#write(arena, epoch, from, count, sum);
    const sums = this.#sums;
    sums[0] = sum;
    const loss = train(
      this.#data,
      this.#order,
      sums.byteOffset,
      total,
      batch,
      Number(shuffle),
      seed,
      epoch,
      from,
      count,
    );
    const touched = Math.ceil((from / batch + count) / batches);
    for (let i = 0; i < touched; i++) this.losses[i] = sums[i] ?? NaN;
    return loss;
  }

  /** Sees to it that the data lie in the module. @returns false where they have no room there */
  #copy(arena: Arena, epoch: number, from: number): boolean {
    const { memory, shuffle } = arena.exports;
    if (this.#room === arena.capacity && this.#sums.buffer === memory.buffer) return true;
    if (this.#outside) return false;
    const { total, seed } = this.#plan;
    const { end } = arena;
    const bytes = arena.floats.BYTES_PER_ELEMENT;
    const sizes = this.#slots.map(({ feed }) => aligned(entries(feed.extent, total) * bytes));
    const size = sizes.reduce((all, one) => all + one, 0);
    const order = end + size;
    const sums = order + aligned(4 * total);
    this.#outside = size > ROOM || !arena.reach(sums + 8 * EPOCHS);
    if (this.#outside) return false;
    let to = end;
    for (const [i, { feed }] of this.#slots.entries()) {
      feed.write(arena, to / bytes);
      to += sizes[i] ?? 0;
    }
    if (!this.#plan.shuffle)
      new Uint32Array(memory.buffer, order, total).forEach((_, i, all) => (all[i] = i));
    else if (from > 0) shuffle(order, total, seed, epoch);
    this.#room = arena.capacity;
    this.#data = end;
    this.#order = order;
    this.#sums = new Float64Array(memory.buffer, sums, EPOCHS);
    return true;
  }

  /** The same as `train`, with the data outside. */
  #write(arena: Arena, epoch: number, from: number, count: number, sum: number): number {
    const { total, batch, shuffle, seed } = this.#plan;
    let loss = NaN;
    for (let i = 0; count > 0; count--) {
      if (from === 0 || this.#rows.length === 0) {
        this.#rows = shuffle
          ? arena.permutation(total, seed, epoch + i)
          : Uint32Array.from({ length: total }, (_, row) => row);
      }
      const rows = Math.min(batch, total - from);
      for (const { feed, place } of this.#slots) {
        feed.gather(arena, arena.index(place), this.#rows, from, rows, total);
      }
      loss = arena.exports.step?.(rows) ?? NaN;
      sum += loss * rows;
      from += rows;
      this.losses[i] = from < total ? sum : sum / total;
      if (from < total) continue;
      i++;
      from = sum = 0;
    }
    return loss;
  }
}
