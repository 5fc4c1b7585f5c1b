/**
 * Values that are made again instead of kept. The calls of an entry are in order by now; a value
 * that is read soon after it is made and once more much later, as the backward pass does, may be
 * dropped in between: the calls that made it are repeated before the late reader, into memory of
 * their own. A repeated call is the same kernel on the same operands, random numbers are functions
 * of their place, and so nothing that is computed changes by a bit.
 *
 * Which values are dropped for a given memory: the entry is cut into stretches, and what lives
 * across a cut is kept, all else is dropped (Chen, Xu, Zhang, Guestrin 2016: with √k cuts, k layers
 * take the memory of about 2√k). Of the numbers of cuts that fit, each gets back the values that
 * cost most operations for their bytes, as long as it fits still, and the one with the fewest
 * operations is taken.
 */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import { rowsOf } from "./any-size.ts";
import { kernelOf } from "./arguments.ts";
import { flopsOf } from "./cost.ts";
import type { Buffer, Entry, EntryName, KernelProgram } from "./kernel.ts";
import { buffersOf, type LiveRange, peakOf, rangesOf, namesOfReaders } from "./liveness.ts";
import { arenaBytes, bytesOf, planMemory } from "./memory.ts";
import { isFree } from "../ir/size.ts";
import { type Rewritten, Timeline } from "./timeline.ts";

export interface RecomputeOptions {
  /** 4 for f32, 8 for f64. */
  readonly elementBytes: number;
  /** Temporaries that are not to be kept for late readers, whatever memory there is. */
  readonly dropped: ReadonlySet<number>;
  /**
   * Temporaries that stay alive where one of `dropped` is made of them, instead of being made again
   * too.
   */
  readonly kept: ReadonlySet<number>;
  /** The arena's size in bytes that has to do for a batch of `rows`. */
  readonly memory?: Memory;
}

interface Memory {
  readonly bytes: number;
  readonly rows: number;
}

/** The entries whose values wait for a backward pass. */
const TRAINING: readonly EntryName[] = ["gradients", "step", "probe", "probed_step"];
/**
 * Plans are made for a smaller and smaller sum of live values until the arena, which may have gaps,
 * is small enough.
 */
const MOST_PLANS = 8;
/** Of the divisions that fit, so many of the cheapest and of the smallest are looked at closely. */
const MOST_REFINED = 2;
/** Calls that are gone through before what has been found will do. */
const EFFORT = 1_000_000;

/**
 * The program with its arena, in which the values of `dropped`, and as many more as `memory` asks
 * for, are made again.
 * @throws MemoryTooSmall naming the least that would do
 */
export function recompute(
  program: Omit<KernelProgram, "arena" | "keeping">,
  { elementBytes, dropped, kept, memory }: RecomputeOptions,
): KernelProgram {
  const keeping = planMemory(program.buffers, program.entries, elementBytes);
  const fits = memory === undefined || arenaBytes(keeping, memory.rows) <= memory.bytes;
  if (fits && dropped.size === 0) return { ...program, arena: keeping };

  const plan = new Recomputation(program, kept, elementBytes, memory?.rows ?? 1);
  const forced = plan.possible(dropped);
  let chosen: ReadonlySet<number> | null = forced;
  let made = plan.program(forced);
  if (memory !== undefined) {
    let target = memory.bytes;
    for (let tries = 0; tries < MOST_PLANS && chosen !== null; tries++) {
      const over = arenaBytes(made.arena, memory.rows) - memory.bytes;
      if (over <= 0) break;
      if (tries > 0) target -= over;
      chosen = plan.choose(forced, target);
      if (chosen !== null) made = plan.program(chosen);
    }
    if (arenaBytes(made.arena, memory.rows) > memory.bytes) {
      made = plan.program(plan.least(forced));
      const least = arenaBytes(made.arena, memory.rows);
      if (least > memory.bytes) throw new MemoryTooSmall(memory, least, arenaBytes(keeping, memory.rows));
    }
  }
  const repeats = made.entries.some(({ calls }) => calls.some((call) => call.again));
  return repeats ? { ...made, keeping: { fixed: keeping.fixed, perRow: keeping.perRow } } : made;
}

const show = (bytes: number): string => `${bytes.toLocaleString("en")} bytes`;

/** A limit that no choice of values to make again keeps to. */
export class MemoryTooSmall extends DiagnosticError {
  readonly #memory: Memory;
  readonly #least: number;
  readonly #keeping: number;

  /** @param least bytes that would do, and `keeping` those where nothing is made again */
  constructor(memory: Memory, least: number, keeping: number) {
    super([
      {
        code: "memory-too-small",
        severity: "error",
        message: `the model cannot run in ${show(memory.bytes)}: a batch of ${memory.rows} takes at least ${show(least)}`,
        labels: [],
        notes: [
          least < keeping
            ? `it takes ${show(keeping)} if every value is stored, and ${show(least)} with the most useful recomputation`
            : "recomputing values would save nothing",
        ],
        help: "allow that much, use smaller batches or layers, or an optimizer with fewer states",
      },
    ]);
    this.#memory = memory;
    this.#least = least;
    this.#keeping = keeping;
  }

  /** Where the model can also be run with an arena of so many bytes, in which all is stored. */
  beside(keeping: number): MemoryTooSmall {
    return new MemoryTooSmall(this.#memory, Math.min(this.#least, keeping), keeping);
  }

  /** Where there is another way to make values again. */
  or(other: MemoryTooSmall): MemoryTooSmall {
    return new MemoryTooSmall(this.#memory, Math.min(this.#least, other.#least), this.#keeping);
  }
}

/** What `work` gives, in whose place the model can be run with an arena of so many bytes. */
export function besideKeeping<T>(keeping: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof MemoryTooSmall ? error.beside(keeping) : error;
  }
}

class Recomputation {
  readonly #program: Omit<KernelProgram, "arena">;
  readonly #elementBytes: number;
  readonly #rows: number;
  readonly #timelines: readonly (Timeline | null)[];
  /** What is always there, in bytes. */
  readonly #always: number;
  /** Calls gone through so far. */
  #effort = 0;
  /** Peaks of temporaries by entry and what is dropped in it. */
  readonly #known = new Map<string, Peaks>();

  constructor(
    program: Omit<KernelProgram, "arena">,
    kept: ReadonlySet<number>,
    elementBytes: number,
    rows: number,
  ) {
    this.#program = program;
    this.#elementBytes = elementBytes;
    this.#rows = rows;
    const { buffers, entries, kernels } = program;
    this.#timelines = entries.map((entry) =>
      // What is made at the places of loops is made again by other loops (`passes/`), not by calls.
      TRAINING.includes(entry.name) && entry.loops.length === 0
        ? new Timeline(entry, buffers, kernels, kept)
        : null,
    );
    this.#always = buffers.reduce((sum, b) => sum + (b.role.kind === "temporary" ? 0 : this.#bytes(b)), 0);
  }

  /** Those of `buffers` that can be made again. */
  possible(buffers: ReadonlySet<number>): ReadonlySet<number> {
    return this.#feasible([...this.#candidates()].filter((buffer) => buffers.has(buffer)));
  }

  /** The program in which the values of `dropped` are made again. */
  program(dropped: ReadonlySet<number>): KernelProgram {
    const { kernels } = this.#program;
    const buffers = [...this.#program.buffers];
    const entries = this.#program.entries.map((entry, i): Entry => {
      const made = this.#timelines[i]?.rewrite(dropped, buffers.length);
      if (made === undefined || "failed" in made) return entry;
      for (const original of made.copies) {
        const { name, size } = buffers[original]!;
        const role = { kind: "temporary", because: "", again: name } as const;
        buffers.push({ id: buffers.length, name: `${name}.again`, size, role });
      }
      return { ...entry, calls: made.calls };
    });
    const readers = namesOfReaders(entries, kernels);
    const explained = buffers.map((buffer): Buffer => {
      const { role } = buffer;
      if (role.kind !== "temporary") return buffer;
      const reads = [...(readers.get(buffer.id) ?? [])].join(", ");
      const because = reads === "" ? "made beside what is wanted" : `read by ${reads}`;
      return {
        ...buffer,
        role: { ...role, because: role.again === undefined ? because : `made again, ${because}` },
      };
    });
    return { kernels, buffers: explained, entries, arena: planMemory(buffers, entries, this.#elementBytes) };
  }

  /**
   * Of all that brings the sum of live values to `target` bytes or less, and contains `forced`,
   * what repeats the fewest operations; null where nothing does.
   */
  choose(forced: ReadonlySet<number>, target: number): ReadonlySet<number> | null {
    const fitting = this.#stretches(forced).filter((dropped) => this.#total(dropped) <= target);
    const by = (
      sets: readonly ReadonlySet<number>[],
      measure: (dropped: ReadonlySet<number>) => number,
    ): ReadonlySet<number>[] =>
      sets
        .map((dropped) => ({ dropped, measured: measure(dropped) }))
        .toSorted((a, b) => a.measured - b.measured)
        .map(({ dropped }) => dropped);
    const cheapest = (sets: readonly ReadonlySet<number>[]): ReadonlySet<number>[] =>
      by(sets, (dropped) => this.#flops(dropped));
    const smallest = by(fitting, (dropped) => this.#total(dropped));
    const promising = new Set([
      ...cheapest(fitting).slice(0, MOST_REFINED),
      ...smallest.slice(0, MOST_REFINED),
    ]);
    const refined = [...promising].map((dropped) => this.#giveBack(dropped, forced, target));
    return cheapest(refined)[0] ?? null;
  }

  /** What takes the least memory of all that is considered. */
  least(forced: ReadonlySet<number>): ReadonlySet<number> {
    const sums = this.#stretches(forced).map((dropped) => ({ dropped, total: this.#total(dropped) }));
    return sums.reduce((a, b) => (b.total < a.total ? b : a)).dropped;
  }

  /**
   * Nothing but what is forced; then, for growing numbers of cuts, all but what lives across one; and
   * last of each entry what takes least in it, whose temporaries are its own.
   */
  #stretches(forced: ReadonlySet<number>): ReadonlySet<number>[] {
    const candidates = [...this.#candidates()];
    const sets = [forced];
    for (let cuts = 0; cuts < candidates.length; cuts = Math.max(cuts + 1, Math.floor(1.5 * cuts))) {
      const kept = new Set(
        this.#timelines.flatMap((t) => t?.across(cuts, (b) => this.#bytes(this.#program.buffers[b]!)) ?? []),
      );
      sets.push(this.#feasible(candidates.filter((b) => forced.has(b) || !kept.has(b))));
    }
    const least = this.#timelines.flatMap((timeline, entry) => {
      const sums = sets.map((dropped) => ({ dropped, total: sumOf(this.#peaks(entry, dropped)) }));
      const { dropped } = sums.reduce((a, b) => (b.total < a.total ? b : a));
      return [...(timeline?.waits ?? [])].filter((buffer) => dropped.has(buffer));
    });
    return [...sets, new Set(least)];
  }

  /**
   * `dropped` without what costs most operations for its bytes, as long as the sum of live values
   * is at most `target`.
   */
  #giveBack(dropped: ReadonlySet<number>, forced: ReadonlySet<number>, target: number): ReadonlySet<number> {
    const left = new Set(dropped);
    // Half of the list at a time, and the halves of a half that is too much.
    const give = (some: readonly (readonly number[])[]): void => {
      if (some.length === 0 || this.#effort > EFFORT) return;
      for (const buffer of some.flat()) left.delete(buffer);
      if (this.#total(left) <= target) return;
      for (const buffer of some.flat()) left.add(buffer);
      if (some.length === 1) return;
      const half = Math.ceil(some.length / 2);
      give(some.slice(0, half));
      give(some.slice(half));
    };
    give(this.#byPrice([...dropped].filter((buffer) => !forced.has(buffer))));
    return left;
  }

  /**
   * Values that the same calls make, together, since with one of them all are made again; the
   * dearest for their bytes first.
   */
  #byPrice(some: readonly number[]): number[][] {
    const groups = new Map<string, { readonly members: number[]; readonly flops: number; bytes: number }>();
    for (const buffer of some) {
      const entry = this.#timelines.findIndex((t) => t?.waits.has(buffer));
      const own = this.#timelines[entry]!;
      const { makers } = own.lives.get(buffer)!;
      const key = `${entry}: ${makers.join()}`;
      const flops = makers.reduce((sum, call) => sum + own.flops(call, this.#rows), 0);
      const group = groups.get(key) ?? { members: [], flops, bytes: 0 };
      groups.set(key, group);
      group.members.push(buffer);
      group.bytes += this.#bytes(this.#program.buffers[buffer]!);
    }
    const dearness = ({ flops, bytes }: { flops: number; bytes: number }): number =>
      flops / Math.max(1, bytes);
    return [...groups.values()].toSorted((a, b) => dearness(b) - dearness(a)).map(({ members }) => members);
  }

  #candidates(): Set<number> {
    return new Set(this.#timelines.flatMap((t) => [...(t?.waits ?? [])]));
  }

  /**
   * `wanted` without what turns out not to be possible: a parameter that was read may have been
   * updated since.
   */
  #feasible(wanted: readonly number[]): ReadonlySet<number> {
    const dropped = new Set(wanted);
    for (const timeline of this.#timelines) {
      for (;;) {
        const made = timeline?.rewrite(dropped, 0);
        if (made === undefined || !("failed" in made)) break;
        dropped.delete(made.failed);
      }
    }
    return dropped;
  }

  #flops(dropped: ReadonlySet<number>): number {
    return this.#timelines.reduce((sum, _, i) => sum + this.#peaks(i, dropped).flops, 0);
  }

  /** The sum of live values where it is largest, in bytes. */
  #total(dropped: ReadonlySet<number>): number {
    const largest = { fixed: 0, rows: 0 };
    for (const i of this.#timelines.keys()) {
      const { fixed, rows } = this.#peaks(i, dropped);
      largest.fixed = Math.max(largest.fixed, fixed);
      largest.rows = Math.max(largest.rows, rows);
    }
    return this.#always + largest.fixed + largest.rows;
  }

  #peaks(entry: number, dropped: ReadonlySet<number>): Peaks {
    const timeline = this.#timelines[entry] ?? null;
    const own = timeline === null ? [] : [...timeline.waits].filter((b) => dropped.has(b));
    const key = `${entry}: ${own.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { buffers, entries } = this.#program;
    const made = timeline?.rewrite(dropped, buffers.length) ?? { ...entries[entry]!, copies: [] };
    // What is not possible is no way to save memory.
    const peaks =
      "failed" in made ? { fixed: Infinity, rows: Infinity, flops: Infinity } : this.#measure(made);
    this.#known.set(key, peaks);
    return peaks;
  }

  #measure({ calls, copies }: Rewritten): Peaks {
    const { buffers } = this.#program;
    this.#effort += calls.length;
    const flops = calls.reduce(
      (sum, call) =>
        sum + (call.again ? flopsOf(kernelOf(this.#program, call), rowsOf(call, this.#rows)) : 0),
      0,
    );
    const alive = { fixed: [] as Alive[], rows: [] as Alive[] };
    for (const [id, range] of rangesOf(calls.map(buffersOf))) {
      const buffer = buffers[id < buffers.length ? id : copies[id - buffers.length]!]!;
      if (buffer.role.kind !== "temporary") continue;
      alive[isFree(buffer.size) ? "rows" : "fixed"].push({ range, bytes: this.#bytes(buffer) });
    }
    return { fixed: peakOf(alive.fixed), rows: peakOf(alive.rows), flops };
  }

  #bytes(buffer: Buffer): number {
    return bytesOf(buffer, this.#elementBytes) * (isFree(buffer.size) ? Math.ceil(this.#rows / 4) * 4 : 1);
  }
}

interface Alive {
  readonly range: LiveRange;
  readonly bytes: number;
}

/** Bytes of temporaries where they are most, and operations that are repeated. */
interface Peaks {
  readonly fixed: number;
  readonly rows: number;
  readonly flops: number;
}

const sumOf = ({ fixed, rows }: Peaks): number => fixed + rows;
