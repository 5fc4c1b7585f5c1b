/**
 * Rows of the batch that stay with one worker. Where every kernel gives a worker the same rows, and
 * a call touches of a buffer nothing but those, no worker waits for another there, and what it
 * computes stays in its own cache.
 */
import {
  atFirstPlaces,
  byTerms,
  constantOf,
  countOf,
  isFree,
  known,
  type Move,
  movesOf,
  type Size,
} from "../ir/size.ts";
import { type Buffer, type Kernel, type KernelCall, loopsOf, type Operand, rowOf } from "./kernel.ts";

/**
 * How many elements a row of the batch takes, where a call that divides its kernel's loop over the
 * batch touches only its rows of a buffer; else null. All of the buffer are its rows, or, where it is
 * a stack, those of the place where a loop is: rows of all places follow each other then.
 */
export function ownRows(
  kernel: Kernel,
  loop: number,
  call: KernelCall,
  at: number,
  buffer: Buffer,
): number | null {
  // Of another number of rows than the batch has, shares are other rows.
  if (call.rows !== undefined || !isFree(buffer.size)) return null;
  const operand = kernel.operands[at]!;
  const loops = loopsOf(kernel, operand);
  // Of a list, the first loop is the one that goes over the batch, if any does.
  if (operand.lists !== undefined && (operand.lists[loop]!.length === 0 || !isFree(loops[loop]!)))
    return null;
  const within = spanWithin(operand.strides, loops, loop);
  const { offset: address } = call.addresses[at]!;
  const offset = constantOf(atFirstPlaces(address));
  if (within === null || offset === null) return null;
  const named = rowOf(kernel, at);
  const [apart, rows] = named === null ? [0, 1] : [constantOf(named.stride), known(named.rows)];
  if (apart === null || rows === null) return null;
  const row = rowOfPlaces(movesOf(address), buffer);
  const [from, to] = [offset + within.from, offset + within.to + apart * (rows - 1)];
  return within.row === row && from >= 0 && to < row ? row : null;
}

/** Elements from one row of the batch to the next at a place; null where places share rows. */
function rowOfPlaces(moves: readonly Move[], { size }: Buffer): number | null {
  const perPlace = moves.map(({ by }) => byTerms(by, (constant, timesN) => (constant === 0 ? timesN : null)));
  // Stacks of stacks: the innermost one says how long a row is.
  const all = perPlace.reduce<number | null>(
    (least, by) => (least === null || by === null ? null : Math.min(least, by)),
    countOf(size),
  );
  return all;
}

/**
 * Elements from one row of the batch to the next, and the first and last one that the other loops
 * reach; null where that depends on the batch.
 */
function spanWithin(
  strides: Operand["strides"],
  loops: readonly Size[],
  batch: number,
): { readonly row: number; readonly from: number; readonly to: number } | null {
  let [from, to] = [0, 0];
  for (const [i, loop] of loops.entries()) {
    const stride = constantOf(strides[i]!);
    // Of the loop over the batch what one row takes.
    const count = i === batch ? countOf(loop) : known(loop);
    if (stride === null || count === null) return null;
    const reach = (count - 1) * stride;
    from += Math.min(0, reach);
    to += Math.max(0, reach);
  }
  return { row: countOf(loops[batch]!) * constantOf(strides[batch]!)!, from, to };
}
