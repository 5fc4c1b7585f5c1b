/**
 * Sums over one domain that differ by a shift. The gradient by a depthwise convolution's weights is,
 * for each place of its window, the sum over all places of the image of what flows back, times the
 * image so much further on. One after the other these sums would read both as often as the window has
 * places; so all of them, the taps, are made in one pass, each with an accumulator of its own for the
 * channels of a vector. A pass covers one span of the sum for all channels, whose lines then stay in
 * the nearest cache, and what it comes to is added up in f64 in a room of the worker's own.
 *
 * Every sum has the order of additions that it has alone, so no bit depends on this.
 */
import { constantOf, countOf, isKnown, known, type Size } from "../ir/size.ts";
import { madeOf, type Nest } from "./kernel.ts";
import { keptLoops, loopsOfValues } from "./known.ts";
import type { NestPlan, Reduction, Work } from "./nest-plan.ts";
import type { Target } from "./tiling.ts";

export interface TapsPlan {
  readonly kind: "taps";
  /** How the same is computed tap by tap. */
  readonly nest: NestPlan;
  /** The kept loop whose entries fill the lanes, in whole vectors. */
  readonly lanes: number;
  /** Kept loops that are written out: each of their entries together is a tap. */
  readonly taps: readonly number[];
  /** Of each tap, the entry of each of these loops. */
  readonly entries: readonly (readonly number[])[];
  /** Kept loops outside of all others. */
  readonly outer: readonly number[];
  /** An inner loop, and how many of its entries are a span. */
  readonly span: { readonly loop: number; readonly entries: number };
  readonly reductions: readonly Reduction[];
  /** Values in all loops, that all taps have in common. */
  readonly shared: readonly number[];
  /** The others there, of each tap. */
  readonly own: readonly number[];
  /** When the sums are there, for each vector of each tap. */
  readonly after: Work;
  /** Bytes of one sum in the room, and of all of them. */
  readonly total: number;
  readonly room: number;
}

/** Sums in registers at once: of fifteen, some hold what is added. */
const MOST_SUMS = 10;
/** Values of each tap that may stand so often. */
const MOST_OWN = 8;
/** Of the room: with what a span reads it stays in the nearest cache or the second. */
const MOST_ROOM = 2 ** 16;
/** Of a vector's sum: two vectors of f64. */
const TOTAL_BYTES = 32;

const countOfTaps = (loops: readonly Size[], taps: readonly number[]): number =>
  taps.reduce((count, loop) => count * countOf(loops[loop]!), 1);

/** Null where sums share nothing, or what they are made of is of another kind. */
export function planTaps(nest: Nest, plan: NestPlan, target: Target): TapsPlan | null {
  const { loops, values, operands } = nest;
  const kept = keptLoops(nest);
  const [pass] = plan.passes;
  const lanes = plan.lanes?.loop ?? kept;
  if (target.bytes !== 4 || lanes >= kept || plan.lanes?.end !== "whole" || !isKnown(loops[lanes]!))
    return null;
  if (plan.passes.length !== 1 || !pass || pass.span === null || pass.stores.length > 0) return null;
  if (plan.kept.some(({ stores }) => stores.length > 0)) return null;
  if (pass.reductions.some(({ op }) => op !== "sum")) return null;

  const body = pass.values.flat();
  const isPlain = (value: number): boolean =>
    ["load", "apply", "constant"].includes(values[value]!.kind) &&
    madeOf(values[value]!).every((a) => body.includes(a) || values[a]!.kind === "constant");
  if (!body.every(isPlain)) return null;

  const most = Math.floor(MOST_SUMS / pass.reductions.length);
  const taps: number[] = [];
  for (let loop = kept - 1; loop >= 0; loop--) {
    const count = known(loops[loop]!);
    if (loop === lanes || count === null || count * countOfTaps(loops, taps) > most) continue;
    if (operands.every(({ strides }) => constantOf(strides[loop]!) !== null)) taps.unshift(loop);
  }
  const along = loopsOfValues(nest);
  const isOwn = (value: number): boolean => taps.some((loop) => along[value]!.has(loop));
  const own = body.filter(isOwn);
  const shared = body.filter((value) => !isOwn(value));
  const isShared = shared.some((value) => values[value]!.kind === "load");
  if (!isShared || own.length > MOST_OWN || !pass.reductions.every(({ of }) => isOwn(of))) return null;

  const sums = pass.reductions.length * countOfTaps(loops, taps);
  const room = (countOf(loops[lanes]!) / target.lanes) * sums * TOTAL_BYTES;
  if (room > MOST_ROOM) return null;
  return {
    kind: "taps",
    nest: plan,
    lanes,
    taps,
    entries: entriesOf(loops, taps),
    outer: loops.flatMap((_, loop) => (loop < kept && loop !== lanes && !taps.includes(loop) ? [loop] : [])),
    span: pass.span,
    reductions: pass.reductions,
    shared,
    own,
    after: {
      values: [...plan.kept.flatMap((work) => work.values), ...pass.after.values],
      stores: pass.after.stores,
    },
    total: TOTAL_BYTES,
    room,
  };
}

/** Of each point of these loops, the entry of each of them. */
function entriesOf(loops: readonly Size[], taps: readonly number[]): (readonly number[])[] {
  return taps.reduce<(readonly number[])[]>(
    (entries, loop) =>
      entries.flatMap((before) =>
        Array.from({ length: countOf(loops[loop]!) }, (_, entry) => [...before, entry]),
      ),
    [[]],
  );
}
