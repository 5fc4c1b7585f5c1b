import type { Arena } from "./arena.ts";
import { entries } from "./extent.ts";
import type { Feed } from "./feed.ts";
import { aligned, reachOrder } from "./rows.ts";

/** What a training run keeps to from its first step to its last. */
export interface CourseOptions {
  /** Rows of the data, and of a batch. */
  readonly total: number;
  readonly batch: number;
  readonly shuffle: boolean;
  readonly seed: number;
}

/** Epochs that the steps of one call may be of. */
export const EPOCHS = 256;

/** How many bytes of data are copied into the module: larger ones are not to be held twice. */
const ROOM = 2 ** 28;

type Step = (rows: number) => number;

/** Steps over the data of a training run. */
export interface Course {
  /**
   * losses[i] is the mean loss of epoch + i after a call; of an epoch that is not over, the sum
   * over its rows so far.
   */
  readonly losses: Float64Array;
  /**
   * Makes `count` steps from row `from` of an epoch on, and on into the next; fewer where the loss
   * of one is not finite: that is the last.
   * @param sum of the losses over this epoch's rows before
   * @returns the loss before the last step
   * @throws `out-of-memory`, `disposed`
   */
  train(epoch: number, from: number, count: number, sum: number): number;
  /** The same for one step, which leaves the figures of probes. */
  probed(epoch: number, from: number, sum: number): number;
}

/**
 * The data are copied into the module's memory, so that many steps are one call. Where there is no
 * room for them, each batch is written before its step: slower, and the same numbers. All lies
 * behind what the module takes for a batch: sums of losses, the order of the epoch, the data.
 */
export function courseOf(arenaNow: () => Arena, feeds: readonly Feed[], options: CourseOptions): Course {
  const { total, batch, shuffle, seed } = options;
  const losses = new Float64Array(EPOCHS);
  /**
   * The rows that there was room for, and the memory as it was, when all this was laid out: should
   * either change, it is void.
   */
  let room = 0;
  let sums = new Float64Array();
  let order: Uint32Array = new Uint32Array();
  /** The address of the data, 0 while they are outside. */
  let data = 0;

  const lay = (arena: Arena, epoch: number, from: number): void => {
    const { exports, capacity } = arena;
    const bytes = arena.floats.BYTES_PER_ELEMENT;
    const sumsAt = aligned(arena.end(capacity));
    const orderAt = sumsAt + 8 * EPOCHS;
    const dataAt = orderAt + aligned(4 * total);
    let to = dataAt;
    const places = feeds.map((feed) => {
      const at = to / bytes;
      to += aligned(entries(feed.extent, total) * bytes);
      return at;
    });
    data = exports.train && to - dataAt <= ROOM && arena.reach(to) ? dataAt : 0;
    reachOrder(arena, dataAt, total);
    for (const [i, feed] of feeds.entries()) {
      // A callback may have changed them.
      feed.check();
      if (data > 0) feed.write(arena, places[i]!);
      else feed.settle();
    }
    const { buffer } = exports.memory;
    room = capacity;
    sums = new Float64Array(buffer, sumsAt, EPOCHS);
    order = new Uint32Array(buffer, orderAt, total);
    if (!shuffle) for (let row = 0; row < total; row++) order[row] = row;
    else if (from > 0) exports.shuffle(orderAt, total, seed, epoch);
  };

  /** What the module's `train` does, over data that are outside. */
  const steps = (
    arena: Arena,
    step: Step | undefined,
    epoch: number,
    from: number,
    count: number,
  ): number => {
    const { exports } = arena;
    let loss = NaN;
    for (let i = 0; count > 0; count--) {
      if (from === 0) {
        if (shuffle) exports.shuffle(order.byteOffset, total, seed, epoch + i);
        sums[i] = 0;
      }
      const rows = Math.min(batch, total - from);
      for (const feed of feeds) feed.gather(arena, order, from, rows, total);
      // A net without it does not come here.
      loss = step!(rows);
      const sum = sums[i]! + loss * rows;
      from += rows;
      sums[i] = from < total ? sum : sum / total;
      if (!Number.isFinite(loss)) break;
      if (from < total) continue;
      i++;
      from = 0;
    }
    return loss;
  };

  const ready = (epoch: number, from: number, sum: number): Arena => {
    for (;;) {
      const arena = arenaNow();
      arena.reserve(batch);
      if (room === arena.capacity && sums.buffer === arena.exports.memory.buffer) {
        sums[0] = sum;
        return arena;
      }
      // Lists are read meanwhile, and their owner's code may make the memory grow.
      lay(arena, epoch, from);
    }
  };

  return {
    losses,
    train(epoch, from, count, sum) {
      const arena = ready(epoch, from, sum);
      const { step, train } = arena.exports;
      const loss =
        train && data > 0
          ? train(data, order.byteOffset, sums.byteOffset, total, batch, +shuffle, seed, epoch, from, count)
          : steps(arena, step, epoch, from, count);
      losses.set(sums);
      return loss;
    },
    probed(epoch, from, sum) {
      for (const feed of feeds) feed.settle();
      const arena = ready(epoch, from, sum);
      const { exports } = arena;
      // A model without layers has nothing to tell of.
      const loss = steps(arena, exports.probed_step ?? exports.step, epoch, from, 1);
      losses.set(sums);
      return loss;
    },
  };
}
