/**
 * One entry in time: which values wait for a late reader, and the entry written anew with some of
 * them made again by the calls that made them first.
 */
import { rowsOf } from "./any-size.ts";
import { kernelOf } from "./arguments.ts";
import { flopsOf } from "./cost.ts";
import type { Address, Buffer, Entry, Kernel, KernelCall } from "./kernel.ts";
import { buffersOf, touchesOf } from "./liveness.ts";

/**
 * Calls that wait for one another to be repeated; more is no bargain, and recursion needs an end.
 */
const DEEPEST = 1000;

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
export interface Rewritten {
  readonly calls: readonly KernelCall[];
  /**
   * The temporary that each new buffer takes the place of; new buffers are numbered from the first
   * that is free.
   */
  readonly copies: readonly number[];
}

export class Timeline {
  readonly #kept: ReadonlySet<number>;
  readonly #calls: readonly KernelCall[];
  readonly #buffers: readonly Buffer[];
  readonly #kernels: readonly Kernel[];
  /** Of each call. */
  readonly #operands: readonly (readonly { readonly buffer: number; readonly write: boolean }[])[];
  /** By buffer, the calls that write it. */
  readonly #writers: ReadonlyMap<number, readonly number[]>;
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
    this.#writers = touchesOf(
      this.#operands.map((operands) => operands.flatMap(({ buffer, write }) => (write ? [buffer] : []))),
    );
    const touches = touchesOf(calls.map((call) => buffersOf(call).filter((b) => this.#isTemporary(b))));
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
      operands.flatMap(({ buffer }) => (this.#isLate(buffer, at) ? [buffer] : [])),
    );
  }

  /** Whether a value waits, and has done so by this call. */
  #isLate(buffer: number, at: number): boolean {
    return this.waits.has(buffer) && at > this.lives.get(buffer)!.wait!.from;
  }

  flops(call: number, rows: number): number {
    const made = this.#calls[call]!;
    return flopsOf(kernelOf({ kernels: this.#kernels }, made), rowsOf(made, rows));
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
    const isLate = (buffer: number, at: number): boolean => dropped.has(buffer) && this.#isLate(buffer, at);
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
        case "probe":
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
