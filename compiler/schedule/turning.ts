/**
 * Whether the columns of a product are turned: copied from where each lies along the depth to where
 * they lie side by side, so that the product has the form `outer`.
 */
import { constantOf, countOf, isFree } from "../ir/size.ts";
import type { Product } from "./kernel.ts";

/** So many steps of depth are turned at once. */
const SQUARE = 4;
/** Of rows that read the copy, even in a batch of one. */
const WORTH_TURNING = 16;
/**
 * Depth up to which the copy costs less than adding up lanes at the end of every sum, and up to
 * which it does where some columns fill no tile. Measured at 32 to 64 rows and columns, time of
 * `outer` for that of `dot`, strict and fused: depth 8 0.69 and 0.58, 16 0.82 and 0.68, 32 0.9 and
 * 0.84, 64 0.96 and 1.02; of 50 columns, depth 16 0.85 and 0.85, 32 0.99 and 1.07. Columns that are
 * slices, their entries far apart, gain most: at depth 64 0.9 and 0.95.
 */
const SHALLOW = { whole: 64, rest: 16 } as const;

/**
 * Whether it pays for a product of the form `dot`.
 * @param width of a tile
 */
export function worthTurning({ loops, operands, right, depth }: Product, width: number): boolean {
  const [rows, columns] = [loops.at(-2)!, loops.at(-1)!];
  if (isFree(columns) || isFree(depth) || countOf(columns) < width || countOf(rows) < WORTH_TURNING)
    return false;
  const across = constantOf(operands[right]!.strides.at(-2)!) ?? 0;
  const deepest = countOf(columns) % width === 0 ? SHALLOW.whole : SHALLOW.rest;
  const deep = countOf(depth);
  return across > 0 && deep >= SQUARE && deep <= deepest;
}
