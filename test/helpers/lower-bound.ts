import { isFree } from "../../compiler/ir/size.ts";
import type { KernelProgram } from "../../compiler/schedule/kernel.ts";
import { liveRanges, peakOf } from "../../compiler/schedule/liveness.ts";
import { bytesOf } from "../../compiler/schedule/memory.ts";

/**
 * Bytes that no plan with this order of calls can do without: what is always alive, and the largest
 * sum of temporaries alive at one call. Fixed part and bytes for each row.
 */
export function lowerBound(program: KernelProgram, elementBytes: number): { fixed: number; perRow: number } {
  const { buffers, entries } = program;
  const ranges = liveRanges(buffers, entries);
  const bound = { fixed: 0, perRow: 0 };
  for (const part of ["fixed", "perRow"] as const) {
    const mine = buffers.filter((b) => isFree(b.size) === (part === "perRow"));
    const temporaries = mine.flatMap((b) => {
      const range = ranges[b.id] ?? null;
      return range === null ? [] : [{ id: b.id, bytes: bytesOf(b, elementBytes), range }];
    });
    bound[part] = peakOf(temporaries);
    for (const b of mine) if (b.role.kind !== "temporary") bound[part] += bytesOf(b, elementBytes);
  }
  return bound;
}
