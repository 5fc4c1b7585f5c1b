/** What is made again instead of kept, and what that costs. */
import type { Report } from "../../compiler/index.ts";
import { bytes, counted, operations } from "./numbers.ts";

const MOST_NAMES = 8;

/**
 * `made again in the backward pass: h.1, h.2; a batch of 32 takes 5.2 KB, not 8.1 KB, and a step
 * 1.2 MFLOP, not 1.1 MFLOP (+ 12 %)`
 */
export function priceOf({ values, loops, rows, flops, memory }: NonNullable<Report["recomputed"]>): string {
  const names = [
    ...(loops ? ["what loops compute, in blocks of their places"] : []),
    ...values.map(({ name }) => name),
  ];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  const percent = (100 * (flops.recomputing / flops.keeping - 1)).toFixed(1);
  return (
    `recomputed instead of stored: ${names.slice(0, MOST_NAMES).join(", ")}${more}\n` +
    `  ${counted(rows, "row")} of a batch: ${bytes(memory.recomputing)} instead of ${bytes(memory.keeping)}\n` +
    `  a step: ${operations(flops.recomputing)} instead of ${operations(flops.keeping)}, ${percent} % more`
  );
}
