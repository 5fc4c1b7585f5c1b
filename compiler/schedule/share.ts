/**
 * How workers share an entry. All of them run the same calls in the same order; of a large kernel
 * each computes its part of the results, and small ones are left to the first worker. No sum is
 * ever divided, so results do not depend on the number of workers. A worker waits for the others
 * only where a call touches memory that another worker may have changed, or still reads.
 */
import { isFree, type Size, sizeAt, USUAL_ROWS } from "../ir/size.ts";
import { rowsOf } from "./any-size.ts";
import { flopsOf } from "./cost.ts";
import type { EntryName, Kernel, KernelCall, KernelProgram } from "./kernel.ts";
import type { KernelPlan } from "./kernel-plan.ts";
import { bytesOf } from "./memory.ts";

/**
 * Floating-point operations from which on a kernel is divided: about half a microsecond, twice what
 * waiting for one another takes.
 */
const WORTH_SHARING = 16_384;
/** A module has room for so many workers. */
const MOST_WORKERS = 8;
/** A loop of fewer steps than this leaves workers idle. */
const LEAST_STEPS = 8;

export interface Sharing {
  /**
   * Beside the kernels: the loop that is divided among workers; `null` where the first worker does
   * it all.
   */
  readonly splits: readonly (number | null)[];
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

/**
 * @param plans beside the kernels
 * @param elementBytes 4 for f32, 8 for f64
 * @param worth floating-point operations of a call from which on a kernel is divided
 */
export function shareOut(
  program: KernelProgram,
  plans: readonly KernelPlan[],
  elementBytes: number,
  worth = WORTH_SHARING,
): Sharing {
  const largest = program.kernels.map(() => 0);
  for (const { name, calls } of program.entries) {
    // A start that is made once is not worth a larger module.
    if (name === "initialize") continue;
    for (const call of calls) {
      const flops = flopsOf(program.kernels[call.kernel]!, rowsOf(call, USUAL_ROWS));
      largest[call.kernel] = Math.max(largest[call.kernel]!, flops);
    }
  }
  const splits = program.kernels.map((kernel, i) =>
    largest[i]! < worth ? null : loopToSplit(kernel, plans[i]!),
  );
  const waits = program.entries.map(({ calls }) => waitsOf(calls, program, splits, elementBytes));
  const pays = program.entries.flatMap(({ name, calls }, i): [EntryName, number][] => {
    const meetings = waits[i]!.filter(Boolean).length + MEETINGS;
    const divided = calls.filter(({ kernel }) => splits[kernel] !== null);
    const rows = name === "initialize" ? null : paysFrom(program.kernels, divided, meetings * worth);
    return rows === null ? [] : [[name, rows]];
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

/** Of every entry, before it and at its end. */
const MEETINGS = 2;
/** More rows than a batch has. */
const MOST_ROWS = 2 ** 20;
/** A model that needs a larger batch than this to gain by threads is not divided. */
const LARGE_BATCH = 2 * USUAL_ROWS;

/**
 * The least power of two of rows for which half of the work of `calls` is as much as waiting takes;
 * `null` where there is none.
 */
function paysFrom(kernels: readonly Kernel[], calls: readonly KernelCall[], waiting: number): number | null {
  if (calls.length === 0) return null;
  for (let batch = 1; batch <= MOST_ROWS; batch *= 2) {
    let work = 0;
    for (const call of calls) work += flopsOf(kernels[call.kernel]!, rowsOf(call, batch));
    if (work / 2 >= waiting) return batch;
  }
  return null;
}

const steps = (size: Size): number => sizeAt(size, USUAL_ROWS);

/**
 * Of a batch of products the batch. Of a sum over the batch, a weight's gradient, the rows: these
 * are the columns of the layer's own product, so the worker that reads a row of weights there
 * changes it here, and it stays in that worker's cache. Else the longer side of the result, as
 * workers then read less of the same; but the rows where all columns are written out. Of a nest the
 * outermost kept loop.
 */
function loopToSplit(kernel: Kernel, plan: KernelPlan): number | null {
  const { loops } = kernel;
  if (kernel.kind === "nest") {
    const isKept = loops.length > kernel.inner;
    return isKept && steps(loops[0]!) >= LEAST_STEPS ? 0 : null;
  }
  const [rows, columns] = [loops.length - 2, loops.length - 1];
  const isUnrolled = plan.kind === "product" && plan.tiling.form === "unrolled";
  if (loops.length > 2 && steps(loops[0]!) >= LEAST_STEPS) return 0;
  if ((isFree(kernel.depth) || isUnrolled) && steps(loops[rows]!) >= LEAST_STEPS) return rows;
  if (isUnrolled) return null;
  const longer = steps(loops[columns]!) >= steps(loops[rows]!) ? columns : rows;
  return steps(loops[longer]!) >= LEAST_STEPS ? longer : null;
}

/** A run of the arena that a call touches: of the fixed part, or for each row. */
interface Touch {
  readonly part: "fixed" | "rows";
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
  /** Whether the first worker alone does it. */
  readonly alone: boolean;
}

function waitsOf(
  calls: readonly KernelCall[],
  program: KernelProgram,
  splits: readonly (number | null)[],
  elementBytes: number,
): boolean[] {
  // A concatenation of many parts touches one buffer again and again: what is alike is kept once.
  const since = new Map<string, Touch>();
  return calls.map((call) => {
    const touches = new Map(
      touchesOf(call, program, splits[call.kernel] === null, elementBytes).map((touch) => [
        Object.values(touch).join(),
        touch,
      ]),
    );
    const waits = [...touches.values()].some((touch) =>
      [...since.values()].some((earlier) => clash(earlier, touch)),
    );
    if (waits) since.clear();
    for (const [key, touch] of touches) since.set(key, touch);
    return waits;
  });
}

const clash = (a: Touch, b: Touch): boolean =>
  (a.writes || b.writes) && !(a.alone && b.alone) && a.part === b.part && a.from < b.to && b.from < a.to;

function touchesOf(
  { kernel, addresses }: KernelCall,
  { kernels, buffers, arena }: KernelProgram,
  alone: boolean,
  elementBytes: number,
): Touch[] {
  const { operands, values } = kernels[kernel]!;
  const touched = addresses.map(({ buffer }, i) => ({ buffer, writes: operands[i]!.access === "write" }));
  // Random numbers depend on the number of the step, which kernels read past their operands.
  const step = buffers.find(({ role }) => role.kind === "step");
  if (step !== undefined && values.some((value) => value.kind === "random"))
    touched.push({ buffer: step.id, writes: false });
  return touched.flatMap(({ buffer, writes }): Touch[] => {
    const place = arena.places[buffer]!;
    if (place.part === "table") return [];
    const to = place.offset + bytesOf(buffers[buffer]!, elementBytes);
    return [{ part: place.part, from: place.offset, to, writes, alone }];
  });
}
