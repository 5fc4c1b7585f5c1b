/**
 * When temporaries are alive: from the call that first writes one to the last that touches it, in
 * one entry. The arena, the order of kernels and what is made again all ask here.
 */
import type { Address, Buffer, Entry, Kernel, Repeat } from "./kernel.ts";

export interface LiveRange {
  readonly entry: number;
  /** Numbers of calls, both included. */
  readonly first: number;
  readonly last: number;
}

/** The calls that touch each buffer, in order, where `touched` are the buffers of one call after another. */
export function touchesOf(touched: Iterable<Iterable<number>>): Map<number, number[]> {
  const touches = new Map<number, number[]>();
  let call = 0;
  for (const buffers of touched) {
    for (const buffer of buffers) {
      const known = touches.get(buffer);
      if (known === undefined) touches.set(buffer, [call]);
      else if (known.at(-1) !== call) known.push(call);
    }
    call += 1;
  }
  return touches;
}

/** As `touchesOf`, of which only the first and the last count. */
export function* rangesOf(
  touched: Iterable<Iterable<number>>,
  entry = 0,
): Generator<readonly [buffer: number, range: LiveRange]> {
  for (const [buffer, calls] of touchesOf(touched)) {
    yield [buffer, { entry, first: calls[0]!, last: calls.at(-1)! }];
  }
}

export const buffersOf = ({ addresses }: { readonly addresses: readonly Address[] }): number[] =>
  addresses.map(({ buffer }) => buffer);

/** Beside `buffers`; `null` for buffers that are always alive, or never touched. */
export function liveRanges(
  buffers: readonly Buffer[],
  entries: readonly Entry[],
): readonly (LiveRange | null)[] {
  const ranges: (LiveRange | null)[] = buffers.map(() => null);
  for (const [entry, { calls, loops }] of entries.entries()) {
    for (const [buffer, range] of rangesOf(calls.map(buffersOf), entry)) {
      if (buffers[buffer]!.role.kind === "temporary") ranges[buffer] = throughLoops(range, loops);
    }
  }
  return ranges;
}

/**
 * What is touched inside of a loop and outside of it is alive in the whole loop; what is touched
 * inside alone is made anew at every place, before it is read.
 */
function throughLoops(range: LiveRange, loops: readonly Repeat[]): LiveRange {
  let { first, last } = range;
  // Inner loops come later.
  for (const loop of loops.toReversed()) {
    const meets = first <= loop.last && loop.first <= last;
    const isInside = loop.first <= first && last <= loop.last;
    if (!meets || isInside) continue;
    first = Math.min(first, loop.first);
    last = Math.max(last, loop.last);
  }
  return { ...range, first, last };
}

export const overlap = (a: LiveRange, b: LiveRange): boolean =>
  a.entry === b.entry && a.first <= b.last && b.first <= a.last;

/** The largest sum of `bytes` alive at one call. */
export function peakOf(alive: Iterable<{ readonly range: LiveRange; readonly bytes: number }>): number {
  const changes = new Map<number, number[]>();
  for (const { bytes, range } of alive) {
    const change = changes.get(range.entry) ?? [];
    changes.set(range.entry, change);
    change[range.first] = (change[range.first] ?? 0) + bytes;
    change[range.last + 1] = (change[range.last + 1] ?? 0) - bytes;
  }
  let peak = 0;
  for (const change of changes.values()) {
    let now = 0;
    // Calls at which nothing begins or ends are holes.
    change.forEach((step) => (peak = Math.max(peak, (now += step))));
  }
  return peak;
}

/** The names of the kernels that read each buffer. */
export function namesOfReaders(
  entries: readonly Entry[],
  kernels: readonly Kernel[],
): ReadonlyMap<number, ReadonlySet<string>> {
  const readers = new Map<number, Set<string>>();
  for (const { kernel, addresses } of entries.flatMap((entry) => entry.calls)) {
    const { name, operands } = kernels[kernel]!;
    for (const [i, { buffer }] of addresses.entries()) {
      if (operands[i]!.access === "read") readers.set(buffer, (readers.get(buffer) ?? new Set()).add(name));
    }
  }
  return readers;
}
