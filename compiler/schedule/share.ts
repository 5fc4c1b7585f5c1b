/**
 * How workers share an entry. All of them run the same calls in the same order; of a large kernel
 * each computes its part of the results, and small ones are left to the first worker. No sum is
 * ever divided, so results do not depend on the number of workers.
 *
 * A kernel is divided where that suits it best. But where many kernels follow each other that are
 * small for what they read, as in a recurrent net, all are divided by the same rows of the batch:
 * workers then neither wait for each other nor take values from each other's caches.
 */
import { USUAL_ROWS } from "../ir/size.ts";
import { rowsOf } from "./any-size.ts";
import { kernelOf } from "./arguments.ts";
import { flopsOf } from "./cost.ts";
import { type EntryName, type KernelCall, type KernelProgram, timesMade } from "./kernel.ts";
import type { KernelPlan } from "./kernel-plan.ts";
import { bytesOf } from "./memory.ts";
import { ownRows } from "./own-rows.ts";
import { loopOfRows, ROWS_TOGETHER, type Split, splitByRows, splitInPieces } from "./split.ts";
import { waitsOf } from "./waits.ts";

/**
 * Floating-point operations from which on a kernel is divided: about half a microsecond, twice what
 * waiting for one another takes.
 */
const WORTH_SHARING = 16_384;
/** A module has room for so many workers. */
const MOST_WORKERS = 8;
/**
 * Operations that take as long as a byte from another worker's cache: a line of 64 in some 20 ns, as
 * several are on their way at once.
 */
const MOVED_BYTE = 8;

export interface Sharing {
  /** Beside the kernels; `null` where the first worker does it all. */
  readonly splits: readonly (Split | null)[];
  /** Beside the entries and their calls: whether all workers have to be there before it. */
  readonly waits: readonly (readonly boolean[])[];
  /** Whether anything is divided at all. */
  readonly any: boolean;
  /** How many workers there is room for: each has memory of its own for what it packs. */
  readonly workers: number;
  /**
   * By entry, the rows of a batch from which on two workers are expected to be faster than one;
   * without those that are never.
   */
  readonly pays: Readonly<Partial<Record<EntryName, number>>>;
}

export interface SharingOptions {
  /** Floating-point operations of a call from which on a kernel is divided. */
  readonly worth?: number;
  /** How kernels are divided; left out, as is expected to be faster. */
  readonly by?: Split["by"];
}

/**
 * @param plans beside the kernels
 * @param elementBytes 4 for f32, 8 for f64
 */
export function shareOut(
  program: KernelProgram,
  plans: readonly KernelPlan[],
  elementBytes: number,
  { worth = WORTH_SHARING, by }: SharingOptions = {},
): Sharing {
  const largest = program.kernels.map(() => 0);
  for (const { name, calls } of program.entries) {
    // A start that is made once is not worth a larger module.
    if (name === "initialize") continue;
    for (const call of calls) {
      const flops = flopsOf(kernelOf(program, call), rowsOf(call, USUAL_ROWS));
      largest[call.kernel] = Math.max(largest[call.kernel]!, flops);
    }
  }
  const pieces = program.kernels.map((kernel, i) =>
    largest[i]! < worth ? null : splitInPieces(kernel, plans[i]!),
  );
  const inPieces = wayOf(program, pieces, elementBytes, worth);
  const rows = program.kernels.map(
    (kernel, i) => (largest[i]! > 0 ? splitByRows(kernel) : null) ?? pieces[i]!,
  );
  const byRows = wayOf(program, rows, elementBytes, worth);
  const better = byRows.cost < CLEARLY_LESS * inPieces.cost ? "rows" : "pieces";
  const { splits, waits } = (by ?? better) === "rows" ? byRows : inPieces;
  const least = splits === rows ? 2 * ROWS_TOGETHER : 1;
  const pays = program.entries.flatMap((entry, i): [EntryName, number][] => {
    const { name, calls } = entry;
    const times = timesMade(entry);
    const meetings = count(times, waits[i]!) + MEETINGS;
    const divided = calls.flatMap((call, at) =>
      splits[call.kernel] === null ? [] : [{ call, times: times[at]! }],
    );
    const from = name === "initialize" ? null : paysFrom(program, divided, meetings * worth, least);
    return from === null ? [] : [[name, from]];
  });
  const any = pays.some(([, rows]) => rows <= LARGE_BATCH);
  return {
    splits: any ? splits : splits.map(() => null),
    waits,
    any,
    workers: any ? MOST_WORKERS : 1,
    pays: any ? Object.fromEntries(pays) : {},
  };
}

/** How often workers wait, where those of these calls wait that are made so often. */
const count = (times: readonly number[], waits: readonly boolean[]): number =>
  times.reduce((sum, often, i) => sum + (waits[i]! ? often : 0), 0);

/** Of every entry, before it and at its end. */
const MEETINGS = 2;
/** More rows than a batch has. */
const MOST_ROWS = 2 ** 20;
/** A model that needs a larger batch than this to gain by threads is not divided. */
const LARGE_BATCH = 2 * USUAL_ROWS;

/**
 * The least power of two of rows for which half of the work of `calls` is as much as waiting takes;
 * `null` where there is none.
 * @param least a power of two
 */
function paysFrom(
  program: KernelProgram,
  calls: readonly { readonly call: KernelCall; readonly times: number }[],
  waiting: number,
  least: number,
): number | null {
  if (calls.length === 0) return null;
  for (let batch = least; batch <= MOST_ROWS; batch *= 2) {
    let work = 0;
    for (const { call, times } of calls)
      work += times * flopsOf(kernelOf(program, call), rowsOf(call, batch));
    if (work / 2 >= waiting) return batch;
  }
  return null;
}

/** By rows only where that is expected to save more than the estimate may be wrong by. */
const CLEARLY_LESS = 0.95;

/** One way to divide all kernels, where workers have to wait then, and what its entries cost. */
interface Way {
  readonly splits: readonly (Split | null)[];
  readonly waits: readonly (readonly boolean[])[];
  /** In floating-point operations of one of two workers. */
  readonly cost: number;
}

function wayOf(
  program: KernelProgram,
  splits: readonly (Split | null)[],
  elementBytes: number,
  worth: number,
): Way {
  const waits = program.entries.map((entry) => waitsOf(entry, program, splits, elementBytes));
  let cost = 0;
  for (const [i, entry] of program.entries.entries()) {
    const { name, calls } = entry;
    if (name === "initialize") continue;
    const times = timesMade(entry);
    for (const [at, call] of calls.entries()) {
      const flops =
        flopsOf(kernelOf(program, call), rowsOf(call, USUAL_ROWS)) / (splits[call.kernel] ? 2 : 1);
      cost += times[at]! * flops;
    }
    cost += count(times, waits[i]!) * worth;
    cost += movedBytes(calls, program, splits, elementBytes) * MOVED_BYTE;
  }
  return { splits, waits, cost };
}

/**
 * Bytes that a worker reads and another one wrote. Half of a buffer of the batch, unless both keep to
 * their rows; half of a product's weights where workers divide its rows, once an entry: workers that
 * divide its columns read what they have updated themselves (see `splitInPieces`).
 */
function movedBytes(
  calls: readonly KernelCall[],
  program: KernelProgram,
  splits: readonly (Split | null)[],
  elementBytes: number,
): number {
  const { buffers, arena } = program;
  let moved = 0;
  const keptToRows = new Map<number, boolean>();
  const read = new Set<number>();
  for (const call of calls) {
    const kernel = kernelOf(program, call);
    const loop = splits[call.kernel]?.loop ?? null;
    const isByRows = loop !== null && loop === loopOfRows(kernel);
    for (const [i, { buffer: id }] of call.addresses.entries()) {
      const buffer = buffers[id]!;
      const keeps = isByRows && ownRows(kernel, loop, call, i, buffer) !== null;
      if (kernel.operands[i]!.access === "write") {
        keptToRows.set(id, keeps);
      } else if (arena.places[id]!.part === "rows") {
        if (!keeps || keptToRows.get(id) === false) moved += (bytesOf(buffer, elementBytes) * USUAL_ROWS) / 2;
      } else if (kernel.kind === "product" && isByRows && !read.has(id)) {
        read.add(id);
        moved += bytesOf(buffer, elementBytes) / 2;
      }
    }
  }
  return moved;
}
