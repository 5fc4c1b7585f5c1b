/**
 * What generated code needs where several workers share it: who they are, their parts of a loop,
 * and a place to meet.
 */
import { countOf, type Size } from "../ir/size.ts";
import type { Split } from "../schedule/split.ts";
import { sizeText } from "./affine.ts";

/** A worker's share of a loop, as expressions in bytes. */
export interface Share {
  readonly from: string;
  readonly end: string;
}

/**
 * The share of a loop: in pieces of `step` bytes, the last worker taking what is left over; or of
 * whole rows of the batch.
 * @param total the loop's bytes as an expression
 */
export function shareOf(
  split: Split,
  {
    size,
    bytes,
    total = sizeText(size, bytes),
  }: { readonly size: Size; readonly bytes: number; readonly total?: string },
  step: number,
): Share {
  if (split.by === "pieces")
    return { from: `shareFrom(${total}, ${step})`, end: `shareEnd(${total}, ${step})` };
  const row = countOf(size) * bytes;
  return {
    from: `shareFrom(rows, ${split.together}) * ${row}`,
    end: `shareEnd(rows, ${split.together}) * ${row}`,
  };
}

/** Of the words at `control`; the host's own follow. */
export const CONTROL_BYTES = 128;

/**
 * Between looking and sleeping, nanoseconds of a nap and how many are taken: nobody wakes a worker
 * that naps, which costs the others nothing, and who comes late because this one has its processor
 * can go on. The timer that ends a nap also finds a processor that is free, where one is woken by
 * another worker stays on that worker's processor, and both take turns from then on.
 */
const NAP = 10_000;
const NAPS = 200;

export const workersSource = `/// Which of the workers this instance is, and how many there are; all run the same calls
export let worker: i32 = 0;
export let workers: i32 = 1;
/// How often this one looks for the others before it naps, and at last sleeps; 0: it never does, as the thread of a page may not
export let sleeps: i32 = 0;
/// Words: how many have arrived, the number of the meeting, whether a worker has failed (1: trapped, 2: did not arrive), how many sleep; the rest is the host's
const CONTROL: usize = memory.data(${CONTROL_BYTES}, 64);
export const control: i32 = <i32>CONTROL;

function shareFrom(total: usize, step: usize): usize {
  return (total / step) * <usize>worker / <usize>workers * step;
}

function shareEnd(total: usize, step: usize): usize {
  return worker + 1 == workers ? total : (total / step) * <usize>(worker + 1) / <usize>workers * step;
}

/// Some worker did not arrive: the work of all ends.
function giveUp(): void {
  atomic.store<i32>(CONTROL, 2, 8);
  unreachable();
}

/// Returns when all workers have called it.
function meet(): void {
  if (workers == 1) return;
  const meeting = atomic.load<i32>(CONTROL, 4);
  if (atomic.add<i32>(CONTROL, 1) == workers - 1) {
    atomic.store<i32>(CONTROL, 0);
    atomic.store<i32>(CONTROL, meeting + 1, 4);
    if (atomic.load<i32>(CONTROL, 12) != 0) atomic.notify(CONTROL + 4, -1);
    return;
  }
  let patience: i32 = 0;
  while (atomic.load<i32>(CONTROL, 4) == meeting) {
    if (atomic.load<i32>(CONTROL, 8) != 0) unreachable();
    patience++;
    if (!sleeps) {
      if (patience == 0x7fffffff) giveUp();
    } else if (patience > sleeps + ${NAPS}) {
      atomic.add<i32>(CONTROL, 1, 12);
      // A second at a time, and ten before the others are given up.
      atomic.wait<i32>(CONTROL + 4, meeting, 1000000000);
      atomic.sub<i32>(CONTROL, 1, 12);
      if (patience > sleeps + ${NAPS + 10}) giveUp();
    } else if (patience > sleeps) {
      atomic.wait<i32>(CONTROL + 4, meeting, ${NAP});
    }
  }
}
`;
