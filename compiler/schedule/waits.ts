/**
 * Where workers wait for each other: before a call that touches memory which another worker may have
 * changed, or still reads.
 */
import { kernelOf } from "./arguments.ts";
import { callTree, inRounds } from "./call-tree.ts";
import type { Entry, KernelCall, KernelProgram } from "./kernel.ts";
import { bytesOf } from "./memory.ts";
import { ownRows } from "./own-rows.ts";
import type { Split } from "./split.ts";

/** A run of the arena that a call touches: of the fixed part, or for each row. */
interface Touch {
  readonly part: "fixed" | "rows";
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
  /** Whether the first worker alone does it. */
  readonly alone: boolean;
  /**
   * Elements of a row, where each worker touches its rows alone, those that it has everywhere; else
   * null.
   */
  readonly own: number | null;
}

/**
 * Beside the calls of an entry: whether all workers have to be there before it. A call in a loop
 * follows those of the place before, too.
 */
export function waitsOf(
  entry: Pick<Entry, "calls" | "loops">,
  program: KernelProgram,
  splits: readonly (Split | null)[],
  elementBytes: number,
): boolean[] {
  const since = new Touched(program.arena);
  const { calls } = entry;
  const waits = calls.map(() => false);
  for (const index of inRounds(callTree(entry), 2)) {
    const call = calls[index]!;
    const touches = touchesOf(call, program, splits[call.kernel]!, elementBytes);
    if (waits[index] || touches.some((touch) => since.clashes(touch))) {
      waits[index] = true;
      since.clear();
    }
    for (const touch of touches) since.add(touch);
  }
  return waits;
}

/** So many pieces of each part of the arena have lists of their own. */
const PIECES = 1024;

/** What has been touched since all workers met, by pieces of the arena: calls may touch thousands of buffers. */
class Touched {
  readonly #bytes: Readonly<Record<Touch["part"], number>>;
  readonly #pieces: Readonly<Record<Touch["part"], Map<number, Touch[]>>> = {
    fixed: new Map(),
    rows: new Map(),
  };
  /** A concatenation of many parts touches one buffer again and again: what is alike is kept once. */
  readonly #known = new Set<string>();

  constructor({ fixed, perRow }: KernelProgram["arena"]) {
    this.#bytes = { fixed: Math.ceil(fixed / PIECES) + 1, rows: Math.ceil(perRow / PIECES) + 1 };
  }

  add(touch: Touch): void {
    const key = Object.values(touch).join();
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const pieces = this.#pieces[touch.part];
    for (const piece of this.#piecesOf(touch)) {
      const there = pieces.get(piece);
      if (there === undefined) pieces.set(piece, [touch]);
      else there.push(touch);
    }
  }

  clashes(touch: Touch): boolean {
    const pieces = this.#pieces[touch.part];
    for (const piece of this.#piecesOf(touch)) {
      if (pieces.get(piece)?.some((earlier) => clash(earlier, touch)) === true) return true;
    }
    return false;
  }

  clear(): void {
    this.#known.clear();
    this.#pieces.fixed.clear();
    this.#pieces.rows.clear();
  }

  *#piecesOf({ part, from, to }: Touch): Generator<number> {
    const bytes = this.#bytes[part];
    for (let piece = Math.floor(from / bytes); piece * bytes < to; piece++) yield piece;
  }
}

const clash = (a: Touch, b: Touch): boolean =>
  (a.writes || b.writes) &&
  !(a.alone && b.alone) &&
  a.part === b.part &&
  a.from < b.to &&
  b.from < a.to &&
  !(a.own !== null && a.own === b.own && a.from === b.from && a.to === b.to);

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
    own: split?.by === "rows" ? ownRows(kernel, split.loop, call, i, buffers[buffer]!) : null,
  }));
  // Random numbers depend on the number of the step, which kernels read past their operands.
  const step = buffers.find(({ role }) => role.kind === "step");
  if (step !== undefined && values.some((value) => value.kind === "random"))
    touched.push({ buffer: step.id, writes: false, own: null });
  return touched.flatMap(({ buffer, writes, own }): Touch[] => {
    const place = arena.places[buffer]!;
    if (place.part === "table") return [];
    const to = place.offset + bytesOf(buffers[buffer]!, elementBytes);
    return [{ part: place.part, from: place.offset, to, writes, alone: split === null, own }];
  });
}
