/** What a kernel call costs. */
import type { ElementwiseName } from "../ir/node.ts";
import { affineAt, isZero, type Size, sizeAt } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { type Kernel, loopsOf, rowOf } from "./kernel.ts";

/**
 * Operations of one random number: Threefry's twenty rounds, which are of integers but take as
 * long.
 */
export const RANDOM_COST = 60;

/** Of the place of an entry in a row: what sorting does with each, four times over. */
export const RANK_COST = 40;

/** A division or a root of a vector keeps others of its kind waiting for as long as so many others. */
const DIVISION = 8;

/** Of one entry, as long as an addition takes. */
export const operationsOf = (op: ElementwiseName): number =>
  op === "div" || op === "sqrt" || op === "reciprocal" ? DIVISION : ops[op].flops;

/** What is read from a row that run time says is rarely in the nearest cache. */
const FETCH_COST = 1;

/** Operations at each point of the kernel's loops; `rows` is its free dimension. */
export function flopsEach(kernel: Kernel, rows: number): number {
  let each = kernel.kind === "product" ? 2 * sizeAt(kernel.depth, rows) : 0;
  for (const value of kernel.values) {
    if (value.kind === "apply") each += ops[value.op].flops;
    else if (value.kind === "reduce") each += 1;
    else if (value.kind === "running") each += value.by === null ? 1 : 2;
    else if (value.kind === "rank") each += RANK_COST;
    else if (value.kind === "random") each += RANDOM_COST;
    else if (value.kind === "fetch") each += FETCH_COST;
  }
  return kernel.stores.reduce((sum, { row }) => (row === undefined ? sum : sum + 1), each);
}

/** Operations of one call. */
export const flopsOf = (kernel: Kernel, rows: number): number =>
  kernel.loops.reduce((points, size: Size) => points * sizeAt(size, rows), flopsEach(kernel, rows));

/** Elements that one call touches, of each operand counted once. */
export function elementsTouched(kernel: Kernel, rows: number): number {
  let touched = 0;
  for (const [index, operand] of kernel.operands.entries()) {
    // Each row that is named is counted once.
    const named = rowOf(kernel, index) !== null;
    const { strides, lists } = operand;
    const loops = loopsOf(kernel, operand);
    const points = loops.reduce(
      (count, size, i) => (isZero(strides[i]!) && !named ? count : count * sizeAt(size, rows)),
      1,
    );
    // Windows that overlap reach the same elements again.
    const reach = loops.reduce(
      (sum, size, i) => sum + Math.abs(affineAt(strides[i]!, rows)) * (sizeAt(size, rows) - 1),
      1,
    );
    touched += lists === undefined ? points : Math.min(points, reach);
  }
  return touched;
}
