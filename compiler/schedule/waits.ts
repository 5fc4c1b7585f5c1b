/**
 * Where workers wait for each other: before a call that touches memory which another worker may have
 * changed, or still reads.
 */
import { kernelOf } from "./arguments.ts";
import type { KernelCall, KernelProgram } from "./kernel.ts";
import { bytesOf } from "./memory.ts";
import { keepsToItsRows } from "./own-rows.ts";
import type { Split } from "./split.ts";

/** A run of the arena that a call touches: of the fixed part, or for each row. */
interface Touch {
  readonly part: "fixed" | "rows";
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
  /** Whether the first worker alone does it. */
  readonly alone: boolean;
  /** Whether each worker touches its rows alone, those that it has everywhere. */
  readonly own: boolean;
}

/** Beside the calls of an entry: whether all workers have to be there before it. */
export function waitsOf(
  calls: readonly KernelCall[],
  program: KernelProgram,
  splits: readonly (Split | null)[],
  elementBytes: number,
): boolean[] {
  // A concatenation of many parts touches one buffer again and again: what is alike is kept once.
  const since = new Map<string, Touch>();
  return calls.map((call) => {
    const touches = new Map(
      touchesOf(call, program, splits[call.kernel]!, elementBytes).map((touch) => [
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
  (a.writes || b.writes) &&
  !(a.alone && b.alone) &&
  a.part === b.part &&
  a.from < b.to &&
  b.from < a.to &&
  !(a.own && b.own && a.from === b.from && a.to === b.to);

function touchesOf(
  call: KernelCall,
  program: KernelProgram,
  split: Split | null,
  elementBytes: number,
): Touch[] {
  const { buffers, arena } = program;
  const kernel = kernelOf(program, call);
  const { operands, values } = kernel;
  const touched = call.addresses.map(({ buffer }, i) => ({
    buffer,
    writes: operands[i]!.access === "write",
    own: split?.by === "rows" && keepsToItsRows(kernel, split.loop, call, i, buffers[buffer]!),
  }));
  // Random numbers depend on the number of the step, which kernels read past their operands.
  const step = buffers.find(({ role }) => role.kind === "step");
  if (step !== undefined && values.some((value) => value.kind === "random"))
    touched.push({ buffer: step.id, writes: false, own: false });
  return touched.flatMap(({ buffer, writes, own }): Touch[] => {
    const place = arena.places[buffer]!;
    if (place.part === "table") return [];
    const to = place.offset + bytesOf(buffers[buffer]!, elementBytes);
    return [{ part: place.part, from: place.offset, to, writes, alone: split === null, own }];
  });
}
