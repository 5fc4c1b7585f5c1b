/**
 * How a loop nest is computed: which entries share a vector, what is worked out where, in how many
 * accumulators, and how long sums are cut. Numbers alone, chosen from shapes and strides before any
 * code is written; a renderer spells them out.
 */
import { countOf, isFree, isKnown, isUnit, isZero, ZERO } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { madeOf, type Nest, type Value } from "./kernel.ts";
import { innermost, keptLoops, levelsOf, loopsOfValues } from "./known.ts";
import { roomOfRows, type Placed, type RowRoom } from "./row-room.ts";
import { SPAN } from "./spans.ts";
import type { Target } from "./tiling.ts";

export interface NestPlan {
  readonly kind: "nest";
  /** Null where all lanes hold one entry. */
  readonly lanes: Lanes | null;
  /**
   * Where none, one, two … of the kept loops are open, and all of them: what is worked out there,
   * before the next loop or the first pass.
   */
  readonly kept: readonly Work[];
  /** Inside all kept loops, one after the other. */
  readonly passes: readonly Pass[];
  /** Where passes leave values of a row for later ones; null where none does. */
  readonly room: Pick<RowRoom, "slots" | "wide"> | null;
  /** Whether vector functions stand in the body of the vector loop, instead of calls of them. */
  readonly inlined: boolean;
  /** Rows of tables, by their numbers, that are another one in each lane. */
  readonly rowsOfLanes: readonly number[];
}

export interface Lanes {
  /** Whose entries, side by side, fill the lanes. */
  readonly loop: number;
  /**
   * How that loop ends: in whole vectors; with entries left over, which are computed one at a time;
   * or in a vector that reaches past the last entry.
   */
  readonly end: "whole" | "entries" | "past";
  /**
   * Vectors side by side in one turn of that loop: through all loops inside of it, where it is no
   * inner one.
   */
  readonly vectors: number;
}

/** Values to compute, in this order, and then stores, by their numbers in the kernel. */
export interface Work {
  readonly values: readonly number[];
  readonly stores: readonly number[];
}

/** A value of kind `reduce`, by its number, and the number of what it reduces. */
export interface Reduction {
  readonly value: number;
  readonly op: Extract<Value, { kind: "reduce" }>["op"];
  readonly of: number;
}

/** One run of the inner loops. */
export interface Pass {
  /** What it gives. */
  readonly reductions: readonly Reduction[];
  /** Vectors of each reduction in flight at once. */
  readonly accumulators: number;
  /**
   * Whether largest and least entries, of which there is nothing else, are found by the shortest
   * instructions, NaN and signs apart: of long rows, as it takes more code.
   */
  readonly marks: boolean;
  /** Where sums have to be cut (see `spans.ts`): a loop, and how many of its entries are a span. */
  readonly span: { readonly loop: number; readonly entries: number } | null;
  /** Values to take out of the room, inside all loops. */
  readonly takes: readonly Placed[];
  /** Values to compute inside the first inner loop, the first two …: all that its ends need. */
  readonly values: readonly (readonly number[])[];
  /** Values to put into the room, inside all loops. */
  readonly puts: readonly Placed[];
  /** Inside all loops. */
  readonly stores: readonly number[];
  /** When it has ended. */
  readonly after: Work;
}

/**
 * Vectors of a reduction in flight at once, where its body is short: an addition's latency is four
 * of them.
 */
const ACCUMULATORS = 4;
/** The same, of largest and least entries, which take four instructions each. */
const MARKED_ACCUMULATORS = 2;
/** Bodies of more instructions than this stand once. */
const SHORT_BODY = 6;
/**
 * Vectors of a row below which its tail, and what adds up its lanes, take longer than to gather
 * entries of several rows: a softmax of 10 by a third.
 */
const NARROW_VECTORS = 4;

/** Vectors side by side: a line of the cache. */
const ABREAST = 4;
/** Values of a body that may stand so often: more would be much code. */
const MOST_ABREAST = 40;
/** Entries of a loop, or for each row of the batch, from which on a call in its body is felt: 15 %. */
const LONG = 32;
/** Operations of an op from which on it is a function. */
const LEAST_FUNCTION = 16;
/** Entries of a row for which functions of functions have passes of their own, in the L1 cache. */
const LEAST_STAGED = 32;
const MOST_STAGED = 1024;
/**
 * Operations of functions in a body: of more than this it would be much more code. The five of an
 * LSTM's cell are fewer: its step over 100 places takes 7 % longer with calls.
 */
const MOST_INLINED = 128;

/** @param padded whether a vector along its one loop may reach past the last entry */
export function planNest(nest: Nest, target: Target, padded: boolean): NestPlan {
  const lanes = chooseLanes(nest, target.lanes, padded);
  const stages = stagesOf(nest, lanes);
  return stages === null
    ? planPasses(nest, target, lanes, { phases: phasesOf(nest), handed: [] })
    : planPasses({ ...nest, inner: 1 }, target, lanes, stages);
}

/** In which order a nest's passes work out its values. */
interface Phases {
  /** Beside the values: how many passes must have ended before each is known. */
  readonly phases: readonly number[];
  /** Values that a pass works out for later ones alone. */
  readonly handed: readonly number[];
}

function planPasses(
  nest: Nest,
  target: Target,
  chosen: Omit<Lanes, "vectors"> | null,
  { phases, handed }: Phases,
): NestPlan {
  const { loops, operands, values, stores } = nest;
  const kept = keptLoops(nest);
  const levels = levelsOf(nest);
  const reductions = values.flatMap((value, index) =>
    value.kind === "reduce" ? [{ value: index, op: value.op, of: value.value }] : [],
  );
  const written = stores.map(({ operand, value, row }, index) => ({
    index,
    // Sums are added to at every point.
    level: row === undefined ? Math.max(levels[value]!, innermost(operands[operand]!.strides)) : loops.length,
    of: value,
  }));
  const inPhase = <T extends { readonly of: number }>(all: readonly T[], phase: number): T[] =>
    all.filter(({ of }) => phases[of] === phase);

  const work = (level: number, phase: number): Work => ({
    values: [...values.keys()].filter(
      (i) => levels[i] === level && phases[i] === phase && values[i]!.kind !== "reduce",
    ),
    stores: inPhase(written, phase).flatMap((s) => (s.level === level ? [s.index] : [])),
  });
  const inLoops = [
    ...reductions,
    ...written.filter(({ level }) => level > kept),
    ...handed.map((of) => ({ of })),
  ];
  const passes = inLoops.reduce((most, { of }) => Math.max(most, phases[of]! + 1), 0);
  const rootsOf = (phase: number): number[] => inPhase(inLoops, phase).map(({ of }) => of);
  const room = roomOfRows(
    nest,
    levels,
    Array.from({ length: passes }, (_, phase) => rootsOf(phase)),
    { wide: chosen !== null && chosen.loop < kept, ...target },
  );
  const isAbreast = room === null && passes > 0 && mayStandAbreast(nest, chosen, levels, target.lanes);
  const lanes = chosen === null ? null : { ...chosen, vectors: isAbreast ? ABREAST : 1 };
  const pass = (phase: number): Pass => {
    const results = inPhase(reductions, phase);
    const { takes, puts } = room?.passes[phase] ?? { takes: [], puts: [] };
    const taken = new Set(takes.map(({ value }) => value));
    const needed = neededFor(rootsOf(phase), nest, taken).filter((i) => levels[i]! > kept);
    const isMarked = results.every(({ op }) => op === "max" || op === "min");
    const most = isMarked ? MARKED_ACCUMULATORS : ACCUMULATORS;
    const overlaps = results.length > 0 && mayOverlap(nest, needed, taken, lanes, target.lanes, most);
    const marks = overlaps && isMarked;
    const accumulators = overlaps ? most : 1;
    return {
      reductions: results,
      accumulators,
      marks,
      span:
        target.bytes === 4 && results.length > 0 ? spanOf(nest, lanes, accumulators * target.lanes) : null,
      takes,
      values: loops
        .slice(kept)
        .map((_, i) => needed.filter((value) => levels[value] === kept + i + 1 && !taken.has(value))),
      puts,
      stores: inPhase(written, phase).flatMap(({ level, index }) => (level > kept ? [index] : [])),
      after: work(kept, phase + 1),
    };
  };
  return {
    kind: "nest",
    lanes,
    kept: Array.from({ length: kept + 1 }, (_, level) => work(level, 0)),
    passes: Array.from({ length: passes }, (_, phase) => pass(phase)),
    room,
    rowsOfLanes: lanes === null ? [] : rowsAlong(nest, lanes.loop),
    inlined: lanes !== null && countOf(loops[lanes.loop]!) >= LONG && mayInline(nest, levels),
  };
}

/** Rows of tables that are others from entry to entry of a loop. */
function rowsAlong(nest: Nest, loop: number): number[] {
  const loops = loopsOfValues(nest);
  return [...nest.values.keys()].filter((i) => nest.values[i]!.kind === "row" && loops[i]!.has(loop));
}

/** Whether the functions at the bottom of all loops are few and short. */
function mayInline({ loops, values }: Nest, levels: readonly number[]): boolean {
  const functions = values.map((value, i) => (levels[i] === loops.length ? functionFlops(value) : 0));
  return functions.reduce((sum, flops) => sum + flops, 0) <= MOST_INLINED;
}

/** Operations of a value that is a function; 0 of any other. */
function functionFlops(value: Value): number {
  const flops = value.kind === "apply" ? ops[value.op].flops : 0;
  return flops < LEAST_FUNCTION ? 0 : flops;
}

/**
 * The phases of a nest without reductions in which functions wait for functions, where rows are long
 * enough for each to be a pass of its own; null where they are not, or there are none. A processor
 * looks some two turns of such a loop ahead: where `tanh(c)` waits for the gates that `c` is made
 * of, the five functions of an LSTM's cell take a fifth longer in one pass than in two.
 */
function stagesOf(nest: Nest, lanes: Omit<Lanes, "vectors"> | null): Phases | null {
  const { loops, values, inner } = nest;
  const row = loops.at(-1);
  if (inner > 0 || row === undefined || lanes?.loop !== loops.length - 1) return null;
  if (loops.length < 2 || !isKnown(row)) return null;
  if (countOf(row) < LEAST_STAGED || countOf(row) > MOST_STAGED) return null;
  const levels = levelsOf(nest);
  /** Beside the values: the functions on the longest way to each. */
  const functions: number[] = [];
  for (const [index, value] of values.entries()) {
    const before = Math.max(0, ...madeOf(value).map((a) => functions[a]!));
    const isFunction = levels[index] === loops.length && functionFlops(value) > 0;
    functions.push(before + (isFunction ? 1 : 0));
  }
  const phases = functions.map((count) => Math.max(0, count - 1));
  const handed = values.flatMap((value, index) =>
    madeOf(value).filter((a) => functions[a]! > 0 && phases[a]! < phases[index]!),
  );
  return handed.length > 0 ? { phases, handed: [...new Set(handed)] } : null;
}

/** Beside the values: how many passes over the inner loops must have ended before each is known. */
function phasesOf({ values }: Nest): number[] {
  const phases: number[] = [];
  for (const value of values) {
    if (value.kind === "reduce") phases.push(phases[value.value]! + 1);
    else phases.push(Math.max(0, ...madeOf(value).map((a) => phases[a]!)));
  }
  return phases;
}

/**
 * `roots` and what they are made of in one pass, in the order in which it is computed; not what
 * `taken` values are made of.
 */
function neededFor(roots: readonly number[], { values }: Nest, taken: ReadonlySet<number>): number[] {
  // Arguments have smaller numbers than what is made of them.
  const marked = new Set(roots);
  for (let index = values.length - 1; index >= 0; index--) {
    const value = values[index]!;
    if (marked.has(index) && value.kind !== "reduce" && !taken.has(index))
      for (const a of madeOf(value)) marked.add(a);
  }
  return [...marked].sort((a, b) => a - b);
}

/**
 * The loop whose entries fill the lanes: the last; but a kept one, the last if it will do, where
 * the operands lie side by side along it and not along the last (a sum over the rows of a matrix,
 * the gradient of a kernel for each channel), and where rows are narrow and reduced more than once
 * (a softmax over a few classes); none where it is shorter than a vector.
 */
function chooseLanes(nest: Nest, lanes: number, padded: boolean): Omit<Lanes, "vectors"> | null {
  const { loops, operands, values, inner } = nest;
  const last = loops.length - 1;
  const lastKept = last - inner;
  const along = (loop: number): Omit<Lanes, "vectors"> => {
    const size = loops[loop]!;
    if (padded && loop === 0) return { loop, end: "past" };
    return { loop, end: !isKnown(size) || countOf(size) % lanes !== 0 ? "entries" : "whole" };
  };
  const fits = (loop: number): boolean =>
    loop >= 0 && (isFree(loops[loop]!) || countOf(loops[loop]!) >= lanes);
  // Sums that entries side by side would be added to at the same time.
  if (
    nest.stores.some(
      ({ operand, row }) => row !== undefined && isZero(operands[operand]!.strides[last] ?? ZERO),
    )
  )
    return null;
  // What runs along the inner loop does so in order.
  if (values.some(({ kind }) => kind === "running")) return fits(lastKept) ? along(lastKept) : null;
  // Places are worked out for a whole row, and then read side by side.
  if (values.some(({ kind }) => kind === "rank")) return fits(last) ? along(last) : null;
  const strided = (loop: number): number =>
    operands.filter((o) => !isZero(o.strides[loop]!) && !isUnit(o.strides[loop]!)).length +
    rowsAlong(nest, loop).length;
  const kept = loops.map((_, loop) => loop).filter((loop) => loop <= lastKept && fits(loop));
  const best = kept.reduceRight<number | undefined>(
    (least, loop) => (least === undefined || strided(loop) < strided(least) ? loop : least),
    undefined,
  );
  if (inner > 0 && best !== undefined && (!fits(last) || strided(best) < strided(last))) return along(best);
  const reductions = values.filter((value) => value.kind === "reduce").length;
  const row = loops[last];
  const isNarrow = row !== undefined && !isFree(row) && countOf(row) < NARROW_VECTORS * lanes;
  if (inner === 1 && isNarrow && reductions > 1 && fits(lastKept)) return along(lastKept);
  // Lanes gathered one by one for a sum alone are no gain.
  if (
    inner > 0 &&
    strided(last) === operands.filter((o) => o.access === "read").length &&
    values.length <= 2 * operands.length
  )
    return null;
  return fits(last) ? along(last) : null;
}

/**
 * Whether several vectors of columns go down the rows together, and read whole lines of the cache:
 * one vector alone would come back to each line when it is gone.
 */
function mayStandAbreast(
  { loops, values, inner }: Nest,
  lanes: Omit<Lanes, "vectors"> | null,
  levels: readonly number[],
  wide: number,
): boolean {
  if (lanes === null || lanes.loop >= loops.length - inner) return false;
  const columns = loops[lanes.loop]!;
  const inLoops = values.filter(({ kind }, i) => levels[i] === loops.length && kind !== "reduce");
  return !isFree(columns) && countOf(columns) >= ABREAST * wide && inLoops.length <= MOST_ABREAST;
}

/**
 * Whether the body, of these values, is short, and turns often enough, to be written several times.
 * @param vectors of a turn then
 */
function mayOverlap(
  nest: Nest,
  body: readonly number[],
  taken: ReadonlySet<number>,
  along: Lanes | null,
  lanes: number,
  vectors: number,
): boolean {
  if (along === null || along.loop < keptLoops(nest)) return false;
  // A loop over the batch alone is taken for short.
  if (countOf(nest.loops[along.loop]!) < 4 * vectors * lanes) return false;
  const instructions = body.map((index) => {
    if (taken.has(index)) return 1;
    const value = nest.values[index]!;
    switch (value.kind) {
      case "load": {
        const stride = nest.operands[value.operand]!.strides[along.loop]!;
        return isZero(stride) || isUnit(stride) ? 1 : lanes;
      }
      case "apply":
        return Math.max(1, ops[value.op].flops);
      case "constant":
        return 0;
      default:
        return Infinity;
    }
  });
  return instructions.reduce((sum, count) => sum + count, 0) <= SHORT_BODY;
}

/** @param together entries in all accumulators of one reduction, along the lanes' loop */
function spanOf(nest: Nest, lanes: Lanes | null, together: number): Pass["span"] {
  const { loops } = nest;
  /** Additions to one accumulator in the loops inside. */
  let chain = 1;
  for (let loop = loops.length - 1; loop >= keptLoops(nest); loop--) {
    const size = loops[loop]!;
    const entries = loop === lanes?.loop ? together : 1;
    const times = Math.ceil(countOf(size) / entries);
    if (isFree(size) || times * chain > SPAN)
      return { loop, entries: Math.max(1, Math.floor(SPAN / chain)) * entries };
    chain *= times;
  }
  return null;
}
