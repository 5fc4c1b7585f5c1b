/**
 * Rows of the batch that stay with one worker. Where every kernel gives a worker the same rows, and
 * a call touches of a buffer nothing but those, no worker waits for another there, and what it
 * computes stays in its own cache.
 */
import { constantOf, countOf, isFree, known, type Size } from "../ir/size.ts";
import { type Buffer, type Kernel, type KernelCall, loopsOf, type Operand, rowOf } from "./kernel.ts";

/** Whether a call that divides its kernel's loop over the batch touches only its rows of a buffer. */
export function keepsToItsRows(
  kernel: Kernel,
  loop: number,
  call: KernelCall,
  at: number,
  buffer: Buffer,
): boolean {
  // Of another number of rows than the batch has, shares are other rows.
  if (call.rows !== undefined || !isFree(buffer.size)) return false;
  const operand = kernel.operands[at]!;
  const loops = loopsOf(kernel, operand);
  // Of a list, the first loop is the one that goes over the batch, if any does.
  if (operand.lists !== undefined && (operand.lists[loop]!.length === 0 || !isFree(loops[loop]!)))
    return false;
  const within = spanWithin(operand.strides, loops, loop);
  const offset = constantOf(call.addresses[at]!.offset);
  if (within === null || offset === null) return false;
  const named = rowOf(kernel, at);
  const [apart, rows] = named === null ? [0, 1] : [constantOf(named.stride), known(named.rows)];
  if (apart === null || rows === null) return false;
  const row = countOf(buffer.size);
  return within.row === row && offset + within.from >= 0 && offset + within.to + apart * (rows - 1) < row;
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
