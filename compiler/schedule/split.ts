/** How workers divide a kernel: which loop, and at which places. */
import { isFree, isZero, type Size, sizeAt, USUAL_ROWS } from "../ir/size.ts";
import type { Kernel } from "./kernel.ts";
import type { KernelPlan } from "./kernel-plan.ts";

export type Split =
  /** Each worker has about the same number of the kernel's own tiles. */
  | { readonly loop: number; readonly by: "pieces" }
  /**
   * The loop is over the batch, and each worker has the same rows as in all other kernels that are
   * divided so. Shares begin at multiples of so many.
   */
  | { readonly loop: number; readonly by: "rows"; readonly together: number };

/** A loop of fewer steps than this leaves workers idle. */
const LEAST_STEPS = 8;

/** Whole vectors, should rows of one number each lie side by side. */
export const ROWS_TOGETHER = 4;

export function splitByRows(kernel: Kernel): Split | null {
  const loop = loopOfRows(kernel);
  return loop === null ? null : { loop, by: "rows", together: ROWS_TOGETHER };
}

/** The loop over the batch, where workers can divide it; null where there is none. */
export function loopOfRows(kernel: Kernel): number | null {
  const { loops } = kernel;
  if (kernel.kind === "nest")
    return loops.length > kernel.inner && isFree(loops[0]!) && isDivisible(kernel, 0) ? 0 : null;
  // Columns are packed and cut in ways of their own.
  const loop = loops.findIndex(isFree);
  return loop < 0 || loop === loops.length - 1 ? null : loop;
}

/** Whether no two entries of a loop are added to the same number: no sum is ever divided. */
const isDivisible = ({ stores, operands }: Kernel, loop: number): boolean =>
  stores.every(({ operand, row }) => row === undefined || !isZero(operands[operand]!.strides[loop]!));

const steps = (size: Size): number => sizeAt(size, USUAL_ROWS);

/**
 * Of a batch of products the batch. Of a sum over the batch, a weight's gradient, the rows: these
 * are the columns of the layer's own product, so the worker that reads a row of weights there
 * changes it here, and it stays in that worker's cache. Else the longer side of the result, as
 * workers then read less of the same; but the rows where all columns are written out. Of a nest the
 * outermost kept loop.
 */
export function splitInPieces(kernel: Kernel, plan: KernelPlan): Split | null {
  const loop = loopToSplit(kernel, plan);
  return loop === null ? null : { loop, by: "pieces" };
}

function loopToSplit(kernel: Kernel, plan: KernelPlan): number | null {
  const { loops } = kernel;
  if (plan.kind === "taps") return steps(loops[plan.lanes]!) >= LEAST_STEPS ? plan.lanes : null;
  if (kernel.kind === "nest") {
    const kept = loops.slice(0, loops.length - kernel.inner);
    const loop = kept.findIndex((_, at) => isDivisible(kernel, at));
    return loop >= 0 && steps(loops[loop]!) >= LEAST_STEPS ? loop : null;
  }
  const [rows, columns] = [loops.length - 2, loops.length - 1];
  const isUnrolled = plan.kind === "product" && plan.tiling.form === "unrolled";
  if (loops.length > 2 && steps(loops[0]!) >= LEAST_STEPS) return 0;
  if ((isFree(kernel.depth) || isUnrolled) && steps(loops[rows]!) >= LEAST_STEPS) return rows;
  if (isUnrolled) return null;
  const longer = steps(loops[columns]!) >= steps(loops[rows]!) ? columns : rows;
  return steps(loops[longer]!) >= LEAST_STEPS ? longer : null;
}
