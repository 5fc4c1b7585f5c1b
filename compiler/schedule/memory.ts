/**
 * The arena: where buffers lie. What the host reads or writes stays; temporaries share space with all that are not alive at the same time,
 * those of other entries included. Sizes that grow with the batch are planned apart, in bytes for each row.
 */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import type { Buffer, Entry, Place, Program } from "./kernel.ts";

const ALIGNMENT = 16;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * What a buffer takes of the arena: bytes, for each row where its size has the batch in it. The capacity in rows is a multiple of 4, so any
 * number of elements for each row keeps places aligned; fixed places are rounded up.
 */
export function bytesOf({ role, size }: Buffer, elementBytes: number): number {
  if (role.kind === "table") return 0;
  return size.free ? size.count * elementBytes : aligned(size.count * elementBytes);
}

/** Bytes of the arena for a batch of `rows`: the capacity is the next multiple of 4. */
export const arenaBytes = (
  arena: { readonly fixed: number; readonly perRow: number },
  rows: number,
): number => arena.fixed + arena.perRow * 4 * Math.ceil(rows / 4);

/** From the call that first writes a temporary to the last that touches it, in one entry. */
export interface LiveRange {
  readonly entry: number;
  readonly first: number;
  readonly last: number;
}

/** Beside `buffers`; `null` for buffers that are always alive, or never touched. */
export function liveRanges(
  buffers: readonly Buffer[],
  entries: readonly Entry[],
): readonly (LiveRange | null)[] {
  const ranges: (LiveRange | null)[] = buffers.map(() => null);
  for (const [entry, { calls }] of entries.entries()) {
    for (const [call, { addresses }] of calls.entries()) {
      for (const { buffer } of addresses) {
        if (buffers[buffer]!.role.kind !== "temporary") continue;
        ranges[buffer] = { entry, first: ranges[buffer]?.first ?? call, last: call };
      }
    }
  }
  return ranges;
}

export const overlap = (a: LiveRange, b: LiveRange): boolean =>
  a.entry === b.entry && a.first <= b.last && b.first <= a.last;

/** @param elementBytes 4 for f32, 8 for f64 */
export function planMemory(
  buffers: readonly Buffer[],
  entries: readonly Entry[],
  elementBytes: number,
): Program["arena"] {
  const ranges = liveRanges(buffers, entries);
  const places: Place[] = [];
  let tables = 0;
  const parts = { fixed: 0, rows: 0 };
  for (const part of ["fixed", "rows"] as const) {
    const mine = buffers.filter((b) => b.role.kind !== "table" && b.size.free === (part === "rows"));
    let end = 0;
    for (const buffer of mine) {
      if (buffer.role.kind === "temporary") continue;
      places[buffer.id] = { part, offset: end };
      end += bytesOf(buffer, elementBytes);
    }
    const base = end;
    const temporaries = mine.filter((b) => b.role.kind === "temporary");
    temporaries.sort((a, b) => b.size.count - a.size.count || a.id - b.id);
    const placed: { range: LiveRange; from: number; to: number }[] = [];
    for (const buffer of temporaries) {
      const range = ranges[buffer.id] ?? null;
      const bytes = bytesOf(buffer, elementBytes);
      const busy = placed.filter((other) => range !== null && overlap(range, other.range));
      const offset = bestGap(busy, bytes, base);
      places[buffer.id] = { part, offset };
      if (range !== null) placed.push({ range, from: offset, to: offset + bytes });
      end = Math.max(end, offset + bytes);
    }
    parts[part] = end;
  }
  for (const buffer of buffers) {
    if (buffer.role.kind !== "table") continue;
    places[buffer.id] = { part: "table", offset: tables };
    tables += aligned(buffer.size.count * elementBytes);
  }
  return { places, fixed: aligned(parts.fixed), perRow: parts.rows, tables };
}

/** What a module can address: 32 bits of bytes, in whole pages. */
const REACH = 2 ** 32 - 2 ** 16;
/** The smallest capacity in rows, and room for the constants of kernels. */
const LEAST = { rows: 4, constants: 2 ** 16 };

/**
 * Refuses a plan that no module has the memory for.
 * @throws DiagnosticError `tensor-too-large`
 */
export function refuseUnaddressable({ fixed, perRow, tables }: Program["arena"]): void {
  const bytes = fixed + LEAST.rows * perRow + tables + LEAST.constants;
  if (bytes <= REACH) return;
  const gigabytes = (size: number): string => `${(size / 2 ** 30).toFixed(1)} GB`;
  throw new DiagnosticError([
    {
      code: "tensor-too-large",
      severity: "error",
      message: `the model's tensors take ${gigabytes(bytes)} of memory, and a WebAssembly module has less than 4 GB`,
      labels: [],
      notes: [
        `${gigabytes(fixed)} for parameters, their gradients, the optimiser's states and what lies between kernels, ` +
          `${gigabytes(LEAST.rows * perRow)} for ${LEAST.rows} rows of a batch`,
      ],
      help: "make the layers smaller, or split them; an optimiser without states, such as `sgd`, needs less",
    },
  ]);
}

/** The tightest gap between busy stretches that holds `bytes`, else behind them all. */
function bestGap(busy: readonly { from: number; to: number }[], bytes: number, base: number): number {
  const sorted = busy.toSorted((a, b) => a.from - b.from);
  let best: { offset: number; slack: number } | null = null;
  let end = base;
  for (const { from, to } of sorted) {
    const slack = from - end - bytes;
    if (slack >= 0 && (best === null || slack < best.slack)) best = { offset: end, slack };
    end = Math.max(end, to);
  }
  return best?.offset ?? end;
}

/**
 * Bytes that no plan with this order of calls can do without: what is always alive, and the largest sum of temporaries alive at one call.
 * Fixed part and bytes for each row.
 */
export function lowerBound(program: Program, elementBytes: number): { fixed: number; perRow: number } {
  const ranges = liveRanges(program.buffers, program.entries);
  const bound = { fixed: 0, perRow: 0 };
  for (const part of ["fixed", "perRow"] as const) {
    const bytes = (b: Buffer): number => (b.size.free === (part === "perRow") ? bytesOf(b, elementBytes) : 0);
    let always = 0;
    for (const b of program.buffers) if (b.role.kind !== "temporary") always += bytes(b);
    let peak = 0;
    for (const [entry, { calls }] of program.entries.entries()) {
      const change = Array.from({ length: calls.length + 1 }, () => 0);
      for (const [id, range] of ranges.entries()) {
        if (range === null || range.entry !== entry) continue;
        change[range.first]! += bytes(program.buffers[id]!);
        change[range.last + 1]! -= bytes(program.buffers[id]!);
      }
      let now = 0;
      for (const step of change) peak = Math.max(peak, (now += step));
    }
    bound[part] = always + peak;
  }
  return bound;
}
