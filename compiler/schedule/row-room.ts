/**
 * What is worked out in one pass over a row and needed again in a later one: costly values are left
 * in a room of the worker's own, where the row stays in the nearest cache, and taken out again with
 * the same bits. So a softmax computes each `exp` once.
 */
import { countOf, isKnown, isUnit, isZero } from "../ir/size.ts";
import { operationsOf, RANDOM_COST } from "./cost.ts";
import { madeOf, type Nest } from "./kernel.ts";

/** A value by its number in the kernel, and which row of the room has it. */
export interface Placed {
  readonly value: number;
  readonly slot: number;
}

export interface RowRoom {
  /** How many values of a row are there at the same time. */
  readonly slots: number;
  /** Whether each entry is a whole vector, as where the lanes hold several rows. */
  readonly wide: boolean;
  /** Beside the passes: what is taken out before their bodies, and what is put in behind them. */
  readonly passes: readonly { readonly takes: readonly Placed[]; readonly puts: readonly Placed[] }[];
}

/** Instructions from which on a value is kept: storing and loading it are two. */
const COSTLY = 8;
/** A room of more than this would take the second-level cache from the row itself. */
const MOST_BYTES = 2 ** 17;

/**
 * The room of a nest, null where nothing is kept.
 * @param known how many loops must be open for each value to be known
 * @param passes what each has to have in the end: what it reduces and stores
 */
export function roomOfRows(
  nest: Nest,
  known: readonly number[],
  passes: readonly (readonly number[])[],
  { wide, bytes, lanes }: { readonly wide: boolean; readonly bytes: number; readonly lanes: number },
): RowRoom | null {
  const { loops, inner, values } = nest;
  const row = loops.at(-1);
  if (inner !== 1 || passes.length < 2 || row === undefined || !isKnown(row)) return null;

  const inRow = (value: number): boolean => known[value] === loops.length;
  const argumentsOf = (value: number): readonly number[] => {
    const made = values[value]!;
    return made.kind === "reduce" ? [] : madeOf(made).filter(inRow);
  };
  /** Where each value is first computed. */
  const first = new Map<number, number>();
  const taken = passes.map((roots, pass) => {
    const takes = chooseTaken(nest, roots.filter(inRow), argumentsOf, (value) => first.has(value), lanes);
    for (const value of reached(roots.filter(inRow), argumentsOf, takes))
      if (!takes.has(value) && !first.has(value)) first.set(value, pass);
    return takes;
  });
  const slots = assignSlots(taken, first);
  const count = Math.max(0, ...slots.values()) + (slots.size > 0 ? 1 : 0);
  const entry = wide ? bytes * lanes : bytes;
  if (count === 0 || count * countOf(row) * entry > MOST_BYTES) return null;
  const placed = (kept: Iterable<number>): Placed[] =>
    [...kept].map((value) => ({ value, slot: slots.get(value)! })).sort((a, b) => a.value - b.value);
  return {
    slots: count,
    wide,
    passes: taken.map((takes, pass) => ({
      takes: placed(takes),
      puts: placed([...slots.keys()].filter((value) => first.get(value) === pass)),
    })),
  };
}

/** What is computed for `roots` in a row, without what is behind `taken`. */
function reached(
  roots: Iterable<number>,
  argumentsOf: (value: number) => readonly number[],
  taken: ReadonlySet<number>,
): Set<number> {
  const seen = new Set<number>(roots);
  for (const value of seen) if (!taken.has(value)) for (const a of argumentsOf(value)) seen.add(a);
  return seen;
}

/** Of what a pass needs and an earlier one has computed: what is cheaper to take than to compute. */
function chooseTaken(
  nest: Nest,
  roots: readonly number[],
  argumentsOf: (value: number) => readonly number[],
  isThere: (value: number) => boolean,
  lanes: number,
): Set<number> {
  const { values } = nest;
  const canTake = (value: number): boolean => {
    const made = values[value]!;
    return isThere(value) && (made.kind === "random" || (made.kind === "apply" && made.type !== "bool"));
  };
  const needed = [...reached(roots, argumentsOf, new Set())].sort((a, b) => a - b);
  const taken = new Set<number>();
  const costs = new Map<number, number>();
  for (const value of needed) {
    const cost = argumentsOf(value).reduce(
      (sum, a) => sum + costs.get(a)!,
      instructionsOf(nest, value, lanes),
    );
    if (canTake(value) && cost >= COSTLY) taken.add(value);
    costs.set(value, taken.has(value) ? 1 : cost);
  }
  const needs = (): Set<number> => reached(roots, argumentsOf, taken);
  // Where one value alone is made of it here, that one will do.
  const pending = [...taken];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const kept = value;
    const readers = [...needs()].filter((v) => !taken.has(v) && argumentsOf(v).includes(kept));
    const [reader] = readers;
    if (readers.length !== 1 || roots.includes(kept) || !canTake(reader!)) continue;
    taken.delete(kept);
    taken.add(reader!);
    pending.push(reader!);
  }
  const all = needs();
  return new Set([...taken].filter((value) => all.has(value)));
}

function instructionsOf({ values, operands, loops }: Nest, index: number, lanes: number): number {
  const value = values[index]!;
  switch (value.kind) {
    case "load": {
      const stride = operands[value.operand]!.strides[loops.length - 1]!;
      return isZero(stride) || isUnit(stride) ? 1 : lanes;
    }
    case "apply":
      return operationsOf(value.op);
    case "random":
      return RANDOM_COST;
    default:
      return 1;
  }
}

/** A slot for each value from the pass that computes it to the last that takes it. */
function assignSlots(
  taken: readonly ReadonlySet<number>[],
  first: ReadonlyMap<number, number>,
): Map<number, number> {
  const lasts = new Map<number, number>();
  for (const [pass, takes] of taken.entries()) for (const value of takes) lasts.set(value, pass);
  const slots = new Map<number, number>();
  /** Beside the slots: the last pass that takes what is there. */
  const until: number[] = [];
  for (const [value, last] of [...lasts].sort((a, b) => first.get(a[0])! - first.get(b[0])! || a[0] - b[0])) {
    // In one pass an entry is taken before another is put in its place.
    const free = until.findIndex((pass) => pass <= first.get(value)!);
    const slot = free < 0 ? until.length : free;
    until[slot] = last;
    slots.set(value, slot);
  }
  return slots;
}
