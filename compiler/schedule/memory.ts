/**
 * The arena: where buffers lie. What the host reads or writes stays; temporaries share space with
 * all that are not alive at the same time, those of other entries included. Sizes that grow with
 * the batch are planned apart, in bytes for each row.
 */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import type { Buffer, Entry, Place, KernelProgram } from "./kernel.ts";
import { countOf, isFree } from "../ir/size.ts";
import { type LiveRange, liveRanges, overlap, peakOf } from "./liveness.ts";

const ALIGNMENT = 16;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * What a buffer takes of the arena: bytes, for each row where its size has the batch in it. The
 * capacity in rows is a multiple of 4, so any number of elements for each row keeps places aligned;
 * fixed places are rounded up.
 */
export function bytesOf({ role, size }: Buffer, elementBytes: number): number {
  if (role.kind === "table") return 0;
  return isFree(size) ? countOf(size) * elementBytes : aligned(countOf(size) * elementBytes);
}

/** Bytes of the arena for a batch of `rows`: the capacity is the next multiple of 4. */
export const arenaBytes = (
  arena: { readonly fixed: number; readonly perRow: number },
  rows: number,
): number => arena.fixed + arena.perRow * 4 * Math.ceil(rows / 4);

/** @param elementBytes 4 for f32, 8 for f64 */
export function planMemory(
  buffers: readonly Buffer[],
  entries: readonly Entry[],
  elementBytes: number,
): KernelProgram["arena"] {
  const ranges = liveRanges(buffers, entries);
  const places: Place[] = [];
  let tables = 0;
  const parts = { fixed: 0, rows: 0 };
  for (const part of ["fixed", "rows"] as const) {
    const mine = buffers.filter((b) => b.role.kind !== "table" && isFree(b.size) === (part === "rows"));
    let base = 0;
    for (const buffer of mine) {
      if (buffer.role.kind === "temporary") continue;
      places[buffer.id] = { part, offset: base };
      base += bytesOf(buffer, elementBytes);
    }
    const temporaries = mine.flatMap((buffer): Temporary[] => {
      const range = ranges[buffer.id] ?? null;
      if (buffer.role.kind !== "temporary") return [];
      if (range === null) places[buffer.id] = { part, offset: base };
      return range === null ? [] : [{ id: buffer.id, bytes: bytesOf(buffer, elementBytes), range }];
    });
    const { offsets, end } = packed(temporaries);
    for (const [id, offset] of offsets) places[id] = { part, offset: base + offset };
    parts[part] = base + end;
  }
  for (const buffer of buffers) {
    if (buffer.role.kind !== "table") continue;
    places[buffer.id] = { part: "table", offset: tables };
    tables += aligned(countOf(buffer.size) * elementBytes);
  }
  return { places, fixed: aligned(parts.fixed), perRow: parts.rows, tables };
}

interface Temporary {
  readonly id: number;
  readonly bytes: number;
  readonly range: LiveRange;
}

interface Packing {
  /** By number of buffer. */
  readonly offsets: ReadonlyMap<number, number>;
  readonly end: number;
}

/**
 * Packings that are tried where the first leaves gaps; finding the best one is NP-hard. Of very
 * many temporaries fewer: a packing compares about each with each.
 */
const packings = (temporaries: number): number =>
  Math.min(100, Math.ceil(MOST_COMPARISONS / temporaries ** 2));
const MOST_COMPARISONS = 1e8;

/**
 * Each into the tightest gap, the largest first. Where that is more than the largest sum of live
 * values, what ended up on top goes first in the next try, and the best try is taken.
 */
function packed(temporaries: readonly Temporary[]): Packing {
  const least = peakOf(temporaries);
  let order = temporaries.toSorted((a, b) => b.bytes - a.bytes || a.id - b.id);
  let best = pack(order);
  const most = packings(order.length);
  for (let tries = 1, packing = best; tries < most && best.end > least; tries++) {
    const top = order.findLast(({ id, bytes }) => packing.offsets.get(id)! + bytes === packing.end)!;
    if (top === order[0]) break;
    order = [top, ...order.filter((other) => other !== top)];
    packing = pack(order);
    if (packing.end < best.end) best = packing;
  }
  return best;
}

function pack(order: readonly Temporary[]): Packing {
  /** By entry, in the order of their places: what is alive in different entries never meets. */
  const placed = new Map<number, Placed[]>();
  const offsets = new Map<number, number>();
  let end = 0;
  for (const { id, bytes, range } of order) {
    const others = placed.get(range.entry) ?? [];
    placed.set(range.entry, others);
    const from = bestGap(others, range, bytes);
    offsets.set(id, from);
    let at = others.length;
    while (at > 0 && others[at - 1]!.from > from) at -= 1;
    others.splice(at, 0, { range, from, to: from + bytes });
    end = Math.max(end, from + bytes);
  }
  return { offsets, end };
}

interface Placed {
  readonly range: LiveRange;
  readonly from: number;
  readonly to: number;
}

/** What a module can address: 32 bits of bytes, in whole pages. */
const REACH = 2 ** 32 - 2 ** 16;
/** The smallest capacity in rows, and room for the constants of kernels. */
const LEAST = { rows: 4, constants: 2 ** 16 };

/**
 * Refuses a plan that no module has the memory for.
 * @throws DiagnosticError `tensor-too-large`
 */
export function refuseUnaddressable({ fixed, perRow, tables }: KernelProgram["arena"]): void {
  const bytes = fixed + LEAST.rows * perRow + tables + LEAST.constants;
  if (bytes <= REACH) return;
  const gigabytes = (size: number): string => `${(size / 2 ** 30).toFixed(1)} GB`;
  throw new DiagnosticError([
    {
      code: "tensor-too-large",
      severity: "error",
      message: `the model's tensors take ${gigabytes(bytes)} of memory, but a WebAssembly module has less than 4 GB`,
      labels: [],
      notes: [
        `${gigabytes(fixed)} for parameters, their gradients, the optimizer's states and what lies between kernels, ` +
          `${gigabytes(LEAST.rows * perRow)} for ${LEAST.rows} rows of a batch`,
      ],
      help: "make the layers smaller, or split them; an optimizer without states, such as `sgd`, needs less",
    },
  ]);
}

/**
 * The tightest gap that holds `bytes` between those of `placed` that are alive in `range`, else
 * behind them all.
 */
function bestGap(placed: readonly Placed[], range: LiveRange, bytes: number): number {
  let best = -1;
  let least = Infinity;
  let end = 0;
  for (const other of placed) {
    if (!overlap(range, other.range)) continue;
    const slack = other.from - end - bytes;
    if (slack >= 0 && slack < least) [best, least] = [end, slack];
    if (other.to > end) end = other.to;
  }
  return best < 0 ? end : best;
}
