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
import { flopsOf } from "./cost.ts";
import type { Address, Buffer, Entry, EntryName, Kernel, KernelCall, Program } from "./kernel.ts";
import { arenaBytes, bytesOf, planMemory } from "./memory.ts";
import { isFree } from "../ir/size.ts";

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
  readonly memory?: { readonly bytes: number; readonly rows: number };
}

/** The entries whose values wait for a backward pass. */
const TRAINING: readonly EntryName[] = ["gradients", "step"];
/**
 * Calls that wait for one another to be repeated; more is no bargain, and recursion needs an end.
 */
const DEEPEST = 1000;
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
 * @throws DiagnosticError `memory-too-small`, naming the least that would do
 */
export function recompute(
  program: Omit<Program, "arena" | "keeping">,
  { elementBytes, dropped, kept, memory }: RecomputeOptions,
): Program {
  const keeping = planMemory(program.buffers, program.entries, elementBytes);
  const fits = memory === undefined || arenaBytes(keeping, memory.rows) <= memory.bytes;
  if (fits && dropped.size === 0) return { ...program, arena: keeping };

  const plan = new Plan(program, kept, elementBytes, memory?.rows ?? 1);
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
      if (least > memory.bytes) throw tooSmall(memory, least, arenaBytes(keeping, memory.rows));
    }
  }
  const repeats = made.entries.some(({ calls }) => calls.some((call) => call.again));
  return repeats ? { ...made, keeping: { fixed: keeping.fixed, perRow: keeping.perRow } } : made;
}

function tooSmall(memory: { bytes: number; rows: number }, least: number, keeping: number): DiagnosticError {
  const show = (bytes: number): string => `${bytes.toLocaleString("en")} bytes`;
  return new DiagnosticError([
    {
      code: "memory-too-small",
      severity: "error",
      message: `the model cannot run in ${show(memory.bytes)}: a batch of ${memory.rows} takes at least ${show(least)}`,
      labels: [],
      notes: [
        least < keeping
          ? `it takes ${show(keeping)} where every value is kept, and ${show(least)} where as many as help are made again`
          : "making values again instead of keeping them would save nothing",
      ],
      help: "allow that much, use smaller batches or layers, or an optimizer with fewer states",
    },
  ]);
}

/** When one entry touches one temporary, by number of call. */
interface Life {
  /** The calls that write it: all parts, where it is put together. */
  readonly makers: readonly number[];
  readonly last: number;
  /**
   * The longest time without a touch: the call before it and the one after. Null where it is always
   * at hand.
   */
  readonly wait: { readonly from: number; readonly until: number } | null;
}

/** An entry with some values made again. */
interface Rewritten {
  readonly calls: readonly KernelCall[];
  /**
   * The temporary that each new buffer takes the place of; new buffers are numbered from the first
   * that is free.
   */
  readonly copies: readonly number[];
}

class Plan {
  readonly #program: Omit<Program, "arena">;
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
    program: Omit<Program, "arena">,
    kept: ReadonlySet<number>,
    elementBytes: number,
    rows: number,
  ) {
    this.#program = program;
    this.#elementBytes = elementBytes;
    this.#rows = rows;
    const { buffers, entries, kernels } = program;
    this.#timelines = entries.map((entry) =>
      TRAINING.includes(entry.name) ? new Timeline(entry, buffers, kernels, kept) : null,
    );
    this.#always = buffers.reduce((sum, b) => sum + (b.role.kind === "temporary" ? 0 : this.#bytes(b)), 0);
  }

  /** Those of `buffers` that can be made again. */
  possible(buffers: ReadonlySet<number>): ReadonlySet<number> {
    return this.#feasible([...this.#candidates()].filter((buffer) => buffers.has(buffer)));
  }

  /** The program in which the values of `dropped` are made again. */
  program(dropped: ReadonlySet<number>): Program {
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
    const readers = readersOf(entries, kernels);
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
   * Nothing but what is forced; then, for growing numbers of cuts, all but what lives across one.
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
    return sets;
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
    const made = timeline?.rewrite(dropped, buffers.length) ?? { calls: entries[entry]!.calls, copies: [] };
    // What is not possible is no way to save memory.
    const peaks =
      "failed" in made ? { fixed: Infinity, rows: Infinity, flops: Infinity } : this.#measure(made);
    this.#known.set(key, peaks);
    return peaks;
  }

  #measure({ calls, copies }: Rewritten): Peaks {
    const { buffers, kernels } = this.#program;
    const original = (id: number): Buffer =>
      buffers[id < buffers.length ? id : copies[id - buffers.length]!]!;
    const count = buffers.length + copies.length;
    const first = new Int32Array(count).fill(-1);
    const last = new Int32Array(count);
    let flops = 0;
    for (const [at, call] of calls.entries()) {
      if (call.again) flops += flopsOf(kernels[call.kernel]!, rowsOf(call, this.#rows));
      for (const { buffer } of call.addresses) {
        if (first[buffer] === -1) first[buffer] = at;
        last[buffer] = at;
      }
    }
    this.#effort += calls.length;
    const change = { fixed: new Float64Array(calls.length + 1), rows: new Float64Array(calls.length + 1) };
    for (const [id, from] of first.entries()) {
      if (from === -1) continue;
      const buffer = original(id);
      if (buffer.role.kind !== "temporary") continue;
      const part = change[isFree(buffer.size) ? "rows" : "fixed"];
      part[from]! += this.#bytes(buffer);
      part[last[id]! + 1]! -= this.#bytes(buffer);
    }
    const peak = (part: Float64Array): number => {
      let [now, most] = [0, 0];
      for (const step of part) most = Math.max(most, (now += step));
      return most;
    };
    return { fixed: peak(change.fixed), rows: peak(change.rows), flops };
  }

  #bytes(buffer: Buffer): number {
    return bytesOf(buffer, this.#elementBytes) * (isFree(buffer.size) ? Math.ceil(this.#rows / 4) * 4 : 1);
  }
}

/** Bytes of temporaries where they are most, and operations that are repeated. */
interface Peaks {
  readonly fixed: number;
  readonly rows: number;
  readonly flops: number;
}

/**
 * One entry: when its values are touched, and the entry written anew with some of them made again.
 */
class Timeline {
  readonly #kept: ReadonlySet<number>;
  readonly #calls: readonly KernelCall[];
  readonly #buffers: readonly Buffer[];
  readonly #kernels: readonly Kernel[];
  /** Of each call. */
  readonly #operands: readonly (readonly { readonly buffer: number; readonly write: boolean }[])[];
  /** By buffer, the calls that write it. */
  readonly #writers = new Map<number, number[]>();
  /** Of each call, the temporaries that have waited for it. */
  readonly #lateReads: readonly (readonly number[])[];
  readonly lives: ReadonlyMap<number, Life>;
  /** Temporaries that wait for a late reader, in the order in which they are made. */
  readonly waits: ReadonlySet<number>;

  constructor(
    { calls }: Entry,
    buffers: readonly Buffer[],
    kernels: readonly Kernel[],
    kept: ReadonlySet<number>,
  ) {
    this.#kept = kept;
    this.#calls = calls;
    this.#buffers = buffers;
    this.#kernels = kernels;
    this.#operands = calls.map(({ kernel, addresses }) =>
      addresses.map(({ buffer }, i) => ({ buffer, write: kernels[kernel]!.operands[i]!.access === "write" })),
    );
    const touches = new Map<number, number[]>();
    for (const [at, operands] of this.#operands.entries()) {
      for (const { buffer, write } of operands) {
        if (write) append(this.#writers, buffer, at);
        if (this.#isTemporary(buffer)) append(touches, buffer, at);
      }
    }
    this.lives = new Map(
      [...touches].map(([buffer, times]) => [buffer, lifeOf(times, this.#writers.get(buffer) ?? [])]),
    );
    const waiting = [...this.lives].filter(
      ([, { makers, wait }]) =>
        wait !== null &&
        makers.every((maker) => this.#isRepeatable(maker) && this.#readsTheSame(maker, wait.until)),
    );
    this.waits = new Set(waiting.map(([buffer]) => buffer));
    this.#lateReads = this.#operands.map((operands, at) =>
      operands.flatMap(({ buffer }) =>
        this.waits.has(buffer) && at > this.lives.get(buffer)!.wait!.from ? [buffer] : [],
      ),
    );
  }

  flops(call: number, rows: number): number {
    const made = this.#calls[call]!;
    return flopsOf(this.#kernels[made.kernel]!, rowsOf(made, rows));
  }

  /**
   * Temporaries that wait, and live across one of so many cuts, between which about as many bytes
   * of such values are made.
   */
  across(cuts: number, bytes: (buffer: number) => number): number[] {
    const waiting = [...this.waits].map((buffer) => ({ buffer, life: this.lives.get(buffer)! }));
    const sum = waiting.reduce((all, { buffer }) => all + bytes(buffer), 0);
    const places: number[] = [];
    let done = 0;
    for (const { buffer, life } of waiting) {
      done += bytes(buffer);
      if (done >= (sum * (places.length + 1)) / (cuts + 1) && places.length < cuts)
        places.push(life.makers.at(-1)!);
    }
    return waiting.flatMap(({ buffer, life }) =>
      places.some((place) => life.makers[0]! <= place && place < life.wait!.from) ? [buffer] : [],
    );
  }

  /**
   * The calls with the values of `dropped` made again, or the first value for which that is not
   * possible.
   */
  rewrite(dropped: ReadonlySet<number>, firstFree: number): Rewritten | { readonly failed: number } {
    const calls: KernelCall[] = [];
    const copies: number[] = [];
    const copyOf = new Map<number, number>();
    const fresh = (original: number): number => firstFree + copies.push(original) - 1;
    const isLate = (buffer: number, at: number): boolean =>
      dropped.has(buffer) && this.waits.has(buffer) && at > this.lives.get(buffer)!.wait!.from;
    const isThere = (buffer: number, at: number): boolean =>
      copyOf.has(buffer) ||
      (!isLate(buffer, at) && (this.lives.get(buffer)!.last >= at || this.#kept.has(buffer)));

    const makeAgain = (buffer: number, at: number, depth: number): boolean => {
      if (depth > DEEPEST) return false;
      const { makers } = this.lives.get(buffer)!;
      for (const maker of makers) {
        if (!this.#isRepeatable(maker) || !this.#readsTheSame(maker, at)) return false;
        for (const { buffer: operand, write } of this.#operands[maker]!) {
          if (write || !this.#isTemporary(operand) || isThere(operand, at)) continue;
          if (!makeAgain(operand, at, depth + 1)) return false;
        }
      }
      const copy = copyOf.get(buffer) ?? fresh(buffer);
      copyOf.set(buffer, copy);
      for (const maker of makers) {
        const call = this.#calls[maker]!;
        const operands = this.#operands[maker]!;
        const addresses = call.addresses.map((address, i): Address => {
          const { buffer: operand, write } = operands[i]!;
          if (!write) return { ...address, buffer: copyOf.get(operand) ?? operand };
          if (operand === buffer) return { ...address, buffer: copy };
          if (!this.#isTemporary(operand)) return address;
          const whole = this.#writers.get(operand)!.length === 1;
          const earlier = whole ? copyOf.get(operand) : undefined;
          const alive = !dropped.has(operand) && this.lives.get(operand)!.last >= at;
          // Where it is still kept it is written once more with what it holds.
          if (whole && earlier === undefined && alive) return address;
          const other = earlier ?? fresh(operand);
          if (whole) copyOf.set(operand, other);
          return { ...address, buffer: other };
        });
        calls.push({ ...call, addresses, again: true });
      }
      return true;
    };

    for (const [at, call] of this.#calls.entries()) {
      const late = this.#lateReads[at]!.filter((buffer) => dropped.has(buffer));
      for (const buffer of late) {
        if (!copyOf.has(buffer) && !makeAgain(buffer, at, 0)) return { failed: buffer };
      }
      const redirect = (address: Address): Address =>
        late.includes(address.buffer) ? { ...address, buffer: copyOf.get(address.buffer)! } : address;
      calls.push(late.length > 0 ? { ...call, addresses: call.addresses.map(redirect) } : call);
    }
    return { calls, copies };
  }

  #isTemporary(buffer: number): boolean {
    return this.#buffers[buffer]!.role.kind === "temporary";
  }

  /** Not an update, and not one part of what the host reads. */
  #isRepeatable(maker: number): boolean {
    return this.#operands[maker]!.every(({ buffer, write }) => {
      if (!write) return true;
      switch (this.#buffers[buffer]!.role.kind) {
        case "temporary":
          return true;
        case "output":
        case "metric":
        case "loss":
        case "gradient":
          return this.#writers.get(buffer)!.length === 1;
        default:
          return false;
      }
    });
  }

  /**
   * Whether what lies in memory for good, such as a parameter, is at call `at` what it was for
   * `maker`.
   */
  #readsTheSame(maker: number, at: number): boolean {
    return this.#operands[maker]!.every(
      ({ buffer, write }) =>
        write ||
        this.#isTemporary(buffer) ||
        !(this.#writers.get(buffer) ?? []).some((writer) => writer > maker && writer < at),
    );
  }
}

/** @param touches in order, makers included */
function lifeOf(touches: readonly number[], makers: readonly number[]): Life {
  const made = makers.at(-1) ?? -1;
  let wait: Life["wait"] = null;
  for (const [i, from] of touches.entries()) {
    const until = touches[i + 1] ?? from;
    const longest = wait === null ? 1 : wait.until - wait.from;
    if (from >= made && until - from > longest) wait = { from, until };
  }
  return { makers, last: touches.at(-1)!, wait };
}

/** The names of the kernels that read each buffer. */
function readersOf(
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

function append(map: Map<number, number[]>, key: number, item: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else if (list.at(-1) !== item) list.push(item);
}
