/** What is decided of a loop nest before it is written: where its values stand, and which loop its vectors lie along. */
import { countOf, isFree, isUnit, isZero } from "../ir/size.ts";
import type { Nest } from "./kernel.ts";

export interface NestPlan {
  /** The loop whose entries fill the lanes; null for an entry at a time. */
  readonly vectorLoop: number | null;
  /** Beside the values: how many loops are open where each is known. */
  readonly levels: readonly number[];
  /** Beside the values: how many passes over the inner loops must have ended before each is known. */
  readonly phases: readonly number[];
}

export const planNest = (nest: Nest, lanes: number): NestPlan => ({
  vectorLoop: chooseVectorLoop(nest, lanes),
  levels: levelsOf(nest),
  phases: phasesOf(nest),
});

/** Vectors of a row below which its tail, and what adds up its lanes, take longer than to gather entries of several rows: a softmax of 10 by a third. */
const NARROW_VECTORS = 4;
/** How many loops must be open for all non-zero strides to count. */
export function innermost(strides: Nest["operands"][number]["strides"]): number {
  return strides.findLastIndex((stride) => !isZero(stride)) + 1;
}

/** Beside the values: how many loops must be open for each to be known. */
export function levelsOf(kernel: {
  readonly values: Nest["values"];
  readonly operands: Nest["operands"];
  readonly loops: Nest["loops"];
  readonly inner: number;
}): number[] {
  const levels: number[] = [];
  for (const value of kernel.values) {
    switch (value.kind) {
      case "load":
        levels.push(innermost(kernel.operands[value.operand]!.strides));
        break;
      case "index":
      case "random":
        levels.push(innermost(value.strides));
        break;
      case "constant":
      case "extent":
        levels.push(0);
        break;
      case "apply":
        levels.push(Math.max(0, ...value.arguments.map((a) => levels[a]!)));
        break;
      case "reduce":
        levels.push(kernel.loops.length - kernel.inner);
        break;
      case "product":
        levels.push(kernel.loops.length);
        break;
      default:
        value satisfies never;
    }
  }
  return levels;
}

function phasesOf(nest: Nest): number[] {
  const phases: number[] = [];
  for (const value of nest.values) {
    if (value.kind === "reduce") phases.push(phases[value.value]! + 1);
    else if (value.kind === "apply") phases.push(Math.max(0, ...value.arguments.map((a) => phases[a]!)));
    else phases.push(0);
  }
  return phases;
}

/**
 * The loop whose entries fill the lanes: the last; but the last kept one where the operands lie side by side along it and not along the
 * last (a sum over the rows of a matrix), and where rows are narrow and reduced more than once (a softmax over a few classes); none where it is
 * shorter than a vector.
 */
function chooseVectorLoop(nest: Nest, lanes: number): number | null {
  const { loops, operands, values, inner } = nest;
  const last = loops.length - 1;
  const lastKept = last - inner;
  const fits = (loop: number): boolean =>
    loop >= 0 && (isFree(loops[loop]!) || countOf(loops[loop]!) >= lanes);
  const strided = (loop: number): number =>
    operands.filter((o) => !isZero(o.strides[loop]!) && !isUnit(o.strides[loop]!)).length;
  if (inner > 0 && fits(lastKept) && (!fits(last) || strided(lastKept) < strided(last))) return lastKept;
  const reductions = values.filter((value) => value.kind === "reduce").length;
  const row = loops[last];
  const isNarrow = row !== undefined && !isFree(row) && countOf(row) < NARROW_VECTORS * lanes;
  if (inner === 1 && isNarrow && reductions > 1 && fits(lastKept)) return lastKept;
  // Lanes gathered one by one for a sum alone are no gain.
  if (
    inner > 0 &&
    strided(last) === operands.filter((o) => o.access === "read").length &&
    values.length <= 2 * operands.length
  )
    return null;
  return fits(last) ? last : null;
}
