/**
 * Loop nests. One loop is the vector loop: its body stands once for full vectors and once for
 * single elements, which are its tail. Indices count bytes. Values stand in the outermost loop
 * where they are known.
 */
import type { Nest } from "../schedule/kernel.ts";
import { constantOf, countOf, isFree, isUnit, isZero, type Size } from "../ir/size.ts";
import { affineText, advance, paddedText, sizeText } from "./affine.ts";
import { cover, type Range } from "./cover.ts";
import { instructions } from "./elementwise.ts";
import { eachSpan } from "./spans.ts";
import { Values, type KernelTools, type Register, type Site } from "./values.ts";
import { shareOf } from "./workers.ts";
import type { Writer } from "./writer.ts";

type Reduction = "sum" | "prod" | "max" | "min";

/**
 * Vectors of a reduction in flight at once, where its body is short: an addition's latency is four
 * of them.
 */
const ACCUMULATORS = 4;
/** Bodies of more instructions than this stand once. */
const SHORT_BODY = 6;
/**
 * Vectors of a row below which its tail, and what adds up its lanes, take longer than to gather
 * entries of several rows: a softmax of 10 by a third.
 */
const NARROW_VECTORS = 4;
/** What a call of a vector function counts for. */
const CALL = 8;

/** Writes the body of the function that runs `nest`. */
export function renderNest(nest: Nest, tools: KernelTools, writer: Writer, options: NestOptions): void {
  new NestWriter(nest, tools, writer, options).write();
}

/** What has been decided of a nest. */
export interface NestOptions {
  /** The loop that is divided among workers. */
  readonly split: number | null;
  /** Whether a vector along its one loop may reach past the last entry. */
  readonly padded: boolean;
  /** How many additions may follow each other; null for any number. */
  readonly span: number | null;
}

/** What a place in the loops knows: its width, the addresses and indices reached. */
interface Place {
  readonly site: Site;
  readonly values: Values;
}

class NestWriter {
  readonly #nest: Nest;
  readonly #tools: KernelTools;
  readonly #writer: Writer;
  readonly #kept: number;
  readonly #vectorLoop: number | null;
  readonly #split: number | null;
  readonly #padded: boolean;
  readonly #span: number | null;
  /** How many loops are open where the value is known. */
  readonly #levels: readonly number[];
  /** How many passes over the inner loops must have ended before the value is known. */
  readonly #phases: readonly number[];
  readonly #indices: string[] = [];
  readonly #addresses: string[];

  constructor(nest: Nest, tools: KernelTools, writer: Writer, { split, padded, span }: NestOptions) {
    this.#split = split;
    this.#span = span;
    this.#nest = nest;
    this.#tools = tools;
    this.#writer = writer;
    this.#kept = nest.loops.length - nest.inner;
    this.#levels = levelsOf(nest);
    this.#phases = phasesOf(nest);
    this.#vectorLoop = chooseVectorLoop(nest, tools.format.lanes);
    this.#padded = padded && this.#vectorLoop === 0;
    this.#addresses = nest.operands.map((o) => addressName(o.name));
  }

  write(): void {
    this.#open(0, { site: this.#site(null, "", 0), values: new Values(this.#tools) });
  }

  #site(vectorLoop: number | null, suffix: string, offset: number): Site {
    return {
      writer: this.#writer,
      vectorLoop,
      suffix,
      address: (operand) => {
        const base = this.#addresses[operand]!;
        const stride =
          this.#vectorLoop === null ? null : this.#nest.operands[operand]!.strides[this.#vectorLoop]!;
        if (offset === 0 || stride === null || isZero(stride)) return { base, offset: 0 };
        const step = constantOf(stride);
        if (step !== null && step > 0) return { base, offset: offset * step };
        return { base: `${base} + ${offset} * (${affineText(stride, 1)})`, offset: 0 };
      },
      index: (loop) =>
        offset !== 0 && loop === this.#vectorLoop
          ? `${this.#indices[loop]} + ${offset}`
          : this.#indices[loop]!,
    };
  }

  /** What stands at `level` open loops, and everything inside. */
  #open(level: number, place: Place): void {
    this.#valuesAt(level, 0, place);
    if (level < this.#kept) {
      this.#storesAt(level, 0, place);
      this.#loop(level, place, (inner) => this.#open(level + 1, inner));
      return;
    }
    const passes = this.#passes();
    for (let phase = 0; phase <= passes; phase++) {
      if (phase > 0) this.#valuesAt(level, phase, place);
      this.#storesAt(level, phase, place);
      if (phase < passes) this.#pass(phase, place);
    }
  }

  /** One more than the last phase with work inside the inner loops. */
  #passes(): number {
    const { values, stores } = this.#nest;
    let passes = 0;
    for (const value of values) {
      if (value.kind === "reduce") passes = Math.max(passes, this.#phases[value.value]! + 1);
    }
    for (const store of stores) {
      if (this.#storeLevel(store) > this.#kept) passes = Math.max(passes, this.#phases[store.value]! + 1);
    }
    return passes;
  }

  #valuesAt(level: number, phase: number, place: Place): void {
    for (const [index, value] of this.#nest.values.entries()) {
      if (this.#levels[index] !== level || this.#phases[index] !== phase || value.kind === "reduce") continue;
      place.values.compute(index, place.site);
    }
  }

  #storesAt(level: number, phase: number, place: Place): void {
    for (const store of this.#nest.stores) {
      if (this.#storeLevel(store) !== level || this.#phases[store.value] !== phase) continue;
      place.values.store(store.operand, store.value, place.site);
    }
  }

  #storeLevel(store: { readonly operand: number; readonly value: number }): number {
    return Math.max(this.#levels[store.value]!, innermost(this.#nest.operands[store.operand]!.strides));
  }

  /** One pass over the inner loops: the reductions of values of this phase, and its stores. */
  #pass(phase: number, place: Place): void {
    const { values, stores, loops } = this.#nest;
    const reductions = values.flatMap((value, index) =>
      value.kind === "reduce" && this.#phases[value.value] === phase
        ? [{ index, op: value.op, value: value.value }]
        : [],
    );
    const innerStores = stores.filter(
      (s) => this.#phases[s.value] === phase && this.#storeLevel(s) > this.#kept,
    );
    const needed = this.#needed([...reductions.map((r) => r.value), ...innerStores.map((s) => s.value)]);
    const across = this.#vectorLoop !== null && this.#vectorLoop >= this.#kept;
    const copies =
      across && reductions.length > 0 && this.#cost(needed) <= SHORT_BODY && this.#isLong()
        ? ACCUMULATORS
        : 1;

    const { format, constants, names } = this.#tools;
    const accumulators = reductions.map(({ op }) => ({
      op,
      vectors: Array.from({ length: copies }, () => names.fresh(op)),
      tail: across && this.#hasTail() ? names.fresh(`${op}Tail`) : null,
    }));
    const spans = this.#spans(across, copies);
    const totals = accumulators.map(({ op }) =>
      op === "sum" && spans !== null ? this.#total(across, place.site) : null,
    );
    const begin = (inSpans: boolean): void => {
      for (const [i, { op, vectors, tail }] of accumulators.entries()) {
        if ((totals[i] !== null) !== inSpans) continue;
        const start = op === "sum" ? constants.zeros() : constants.float(format, IDENTITY[op]);
        for (const name of tail === null ? vectors : [...vectors, tail])
          this.#writer.line(`let ${name} = ${start};`);
      }
    };
    begin(false);

    const body = (inner: Place, copy: number, isTail: boolean): void => {
      for (const index of needed) {
        if (this.#levels[index] === loops.length) inner.values.compute(index, inner.site);
      }
      for (const store of innerStores) inner.values.store(store.operand, store.value, inner.site);
      for (const [i, { value }] of reductions.entries()) {
        const { op, vectors, tail } = accumulators[i]!;
        const name = isTail ? tail! : vectors[copy]!;
        this.#writer.line(
          `${name} = ${combine(op, format.vector, name, inner.values.number(value, inner.site))};`,
        );
      }
    };
    const descend = (level: number, inner: Place, copy: number, isTail: boolean): void => {
      if (level === loops.length) {
        body(inner, copy, isTail);
        return;
      }
      if (level > this.#kept) {
        for (const index of needed)
          if (this.#levels[index] === level) inner.values.compute(index, inner.site);
      }
      const loop = (span: Span | null): void =>
        this.#loop(
          level,
          inner,
          (deeper, nextCopy, nextIsTail) => descend(level + 1, deeper, copy + nextCopy, isTail || nextIsTail),
          copies,
          span,
        );
      if (spans === null || spans.level !== level) return loop(null);
      const index = names.fresh(indexName(level));
      const end = sizeText(loops[level]!, format.bytes);
      eachSpan({ writer: this.#writer, names }, index, end, spans.bytes, (range) => {
        begin(true);
        loop({ index, range });
        for (const [i, total] of totals.entries())
          if (total !== null) this.#addTo(total, accumulators[i]!.vectors, accumulators[i]!.tail, across);
      });
    };
    descend(this.#kept, { ...place, values: place.values.inside() }, 0, false);

    for (const [i, { index }] of reductions.entries()) {
      const { op, vectors, tail } = accumulators[i]!;
      const total = totals[i]!;
      place.values.set(
        index,
        total === null ? this.#finish(op, vectors, tail, across) : this.#rounded(total),
      );
    }
  }

  /**
   * Where sums have to be cut (see `schedule/spans.ts`): the loop, and how much of its index is one
   * span. Null where they need not be.
   * @param copies of vectors that share the vector loop
   */
  #spans(across: boolean, copies: number): { readonly level: number; readonly bytes: number } | null {
    const { format } = this.#tools;
    const most = this.#span;
    if (most === null) return null;
    const { loops } = this.#nest;
    /** Additions to one accumulator in the loops inside. */
    let chain = 1;
    for (let level = loops.length - 1; level >= this.#kept; level--) {
      const loop = loops[level]!;
      const together = across && level === this.#vectorLoop ? format.lanes * copies : 1;
      const times = Math.ceil(countOf(loop) / together);
      if (isFree(loop) || times * chain > most)
        return { level, bytes: Math.max(1, Math.floor(most / chain)) * together * format.bytes };
      chain *= times;
    }
    return null;
  }

  /**
   * A sum over spans in f64: one number, or one in each lane, two vectors of which are a vector of
   * f32.
   */
  #total(across: boolean, site: Site): Total {
    const { names } = this.#tools;
    if (across || site.vectorLoop === null) {
      const name = names.fresh("total");
      this.#writer.line(`let ${name}: f64 = 0;`);
      return { kind: "number", name };
    }
    const [low, high] = [names.fresh("low"), names.fresh("high")];
    for (const name of [low, high]) this.#writer.line(`let ${name} = f64x2.splat(0);`);
    return { kind: "lanes", low, high };
  }

  /** What a span has come to is added to the sum over spans. */
  #addTo(total: Total, vectors: readonly string[], tail: string | null, across: boolean): void {
    const sum = this.#together("sum", vectors);
    if (total.kind === "lanes") {
      const { low, high } = total;
      this.#writer.line(`${low} = f64x2.add(${low}, f64x2.promote_low_f32x4(${sum}));`);
      this.#writer.line(
        `${high} = f64x2.add(${high}, f64x2.promote_low_f32x4(i64x2.splat(i64x2.extract_lane(${sum}, 1))));`,
      );
      return;
    }
    const lane = (vector: string, k: number): string => `<f64>f32x4.extract_lane(${vector}, ${k})`;
    const lanes = across ? [0, 1, 2, 3].map((k) => lane(sum, k)) : [lane(sum, 0)];
    if (tail !== null) lanes.push(lane(tail, 0));
    this.#writer.line(`${total.name} += ${lanes.join(" + ")};`);
  }

  #rounded(total: Total): Register {
    const name = this.#tools.names.fresh("sum");
    this.#writer.line(
      total.kind === "number"
        ? `const ${name} = f32x4.splat(<f32>${total.name});`
        : `const ${name} = i64x2.replace_lane(f32x4.demote_f64x2_zero(${total.low}), 1, i64x2.extract_lane(f32x4.demote_f64x2_zero(${total.high}), 0));`,
    );
    return { text: name, lanes: "number" };
  }

  /** The values inside the inner loops that `roots` need. */
  #needed(roots: readonly number[]): Set<number> {
    // Arguments have smaller numbers than what is made of them.
    const marked = new Set(roots);
    for (let index = this.#nest.values.length - 1; index >= 0; index--) {
      const value = this.#nest.values[index]!;
      if (marked.has(index) && value.kind === "apply") value.arguments.forEach((a) => marked.add(a));
    }
    const inside = [...marked].filter((index) => this.#levels[index]! > this.#kept);
    return new Set(inside.sort((a, b) => a - b));
  }

  /** One vector of all accumulators, then its lanes, then the tail: always in this order. */
  #finish(op: Reduction, vectors: readonly string[], tail: string | null, across: boolean): Register {
    const { format, names } = this.#tools;
    const F = format.vector;
    let result = this.#together(op, vectors);
    if (across) {
      const swaps = format.lanes === 4 ? ["1, 0, 3, 2", "2, 3, 0, 1"] : ["1, 0"];
      for (const swap of swaps) {
        const name = names.fresh(op);
        this.#writer.line(
          `const ${name} = ${combine(op, F, result, `${F}.shuffle(${result}, ${result}, ${swap})`)};`,
        );
        result = name;
      }
      if (tail !== null) {
        const name = names.fresh(op);
        this.#writer.line(`const ${name} = ${combine(op, F, result, tail)};`);
        result = name;
      }
    }
    return { text: result, lanes: "number" };
  }

  /** Accumulators in one, pairwise. */
  #together(op: Reduction, vectors: readonly string[]): string {
    const { format, names } = this.#tools;
    let parts = vectors;
    while (parts.length > 1) {
      parts = Array.from({ length: parts.length / 2 }, (_, i) => {
        const name = names.fresh(op);
        this.#writer.line(`const ${name} = ${combine(op, format.vector, parts[2 * i]!, parts[2 * i + 1]!)};`);
        return name;
      });
    }
    return parts[0]!;
  }

  /** Instructions, roughly, for a vector of these values. */
  #cost(values: Iterable<number>): number {
    let cost = 0;
    for (const index of values) {
      const value = this.#nest.values[index]!;
      if (value.kind === "load") {
        const stride = this.#nest.operands[value.operand]!.strides[this.#vectorLoop!]!;
        cost += isZero(stride) || isUnit(stride) ? 1 : this.#tools.format.lanes;
      } else if (value.kind === "apply") {
        cost += instructions[value.op].isCall ? CALL : 1;
      } else if (value.kind !== "constant") {
        cost += CALL;
      }
    }
    return cost;
  }

  /** Whether the vector loop may end in the middle of a vector. */
  #hasTail(): boolean {
    const size = this.#nest.loops[this.#vectorLoop!]!;
    return isFree(size) || countOf(size) % this.#tools.format.lanes !== 0;
  }

  /** A loop over the batch alone is taken for short. */
  #isLong(): boolean {
    return countOf(this.#nest.loops[this.#vectorLoop!]!) >= 4 * ACCUMULATORS * this.#tools.format.lanes;
  }

  #loop(
    level: number,
    place: Place,
    inside: (place: Place, copy: number, isTail: boolean) => void,
    copies = 1,
    span: Span | null = null,
  ): void {
    const { format, names } = this.#tools;
    const size = this.#nest.loops[level]!;
    const index = span?.index ?? names.fresh(indexName(level));
    this.#indices[level] = index;
    const saved = [...this.#addresses];

    const enter = (vectorLoop: number | null, copy: number, isTail: boolean, count: number): void => {
      this.#addresses.splice(0, this.#addresses.length, ...saved);
      const offset = copy * 16;
      this.#advance(level, index, copy === 0);
      const suffix = count > 1 ? `${place.site.suffix}_${copy}` : place.site.suffix;
      const site =
        vectorLoop === null
          ? this.#site(place.site.vectorLoop, suffix, 0)
          : this.#site(vectorLoop, suffix, offset);
      inside({ site, values: place.values.inside() }, copy, isTail);
    };
    const { bytes } = format;
    const isVector = level === this.#vectorLoop;
    const whole: Range = this.#padded ? { from: "0", end: paddedText(size, bytes) } : { size, unit: bytes };
    const range =
      span?.range ?? (level === this.#split ? this.#share(size, isVector ? 16 * copies : bytes) : whole);
    if (isVector) {
      const steps = this.#padded ? [16] : [16 * copies, 16, ...(this.#hasTail() ? [bytes] : [])];
      cover({ writer: this.#writer, names }, index, range, steps, (step) => {
        if (step === bytes) enter(null, 0, true, 1);
        else for (let copy = 0; copy < step / 16; copy++) enter(level, copy, false, step / 16);
      });
    } else {
      cover({ writer: this.#writer, names }, index, range, [bytes], () => enter(null, 0, false, 1));
    }
    this.#addresses.splice(0, this.#addresses.length, ...saved);
  }

  #share(size: Size, step: number): Range {
    const { bytes } = this.#tools.format;
    const { from, end } = shareOf((this.#padded ? paddedText : sizeText)(size, bytes), step);
    const name = this.#tools.names.fresh("shareEnd");
    this.#writer.line(`const ${name} = ${end};`);
    return { from, end: name };
  }

  /**
   * Addresses inside a loop just opened: a name for each that moves further in deeper loops, an
   * expression for the rest.
   */
  #advance(level: number, index: string, declare: boolean): void {
    for (const [i, operand] of this.#nest.operands.entries()) {
      const stride = operand.strides[level]!;
      if (isZero(stride)) continue;
      const text = advance(this.#addresses[i]!, index, stride);
      const last = innermost(operand.strides) === level + 1;
      if (last && isUnit(stride)) {
        this.#addresses[i] = text;
        continue;
      }
      const key = `${addressName(operand.name)}${level}`;
      if (declare) {
        const name = this.#tools.names.fresh(key);
        this.#writer.line(`const ${name}: usize = ${text};`);
        this.#declared.set(`${i}.${level}`, name);
      }
      this.#addresses[i] = this.#declared.get(`${i}.${level}`)!;
    }
  }

  readonly #declared = new Map<string, string>();
}

/** A part of a loop, whose index is declared. */
interface Span {
  readonly index: string;
  readonly range: Range;
}

/** A sum over spans, in f64. */
type Total =
  | { readonly kind: "number"; readonly name: string }
  | { readonly kind: "lanes"; readonly low: string; readonly high: string };

const IDENTITY: Readonly<Record<Reduction, number>> = { sum: 0, prod: 1, max: -Infinity, min: Infinity };
const INSTRUCTION: Readonly<Record<Reduction, string>> = { sum: "add", prod: "mul", max: "max", min: "min" };

const combine = (op: Reduction, vector: string, a: string, b: string): string =>
  `${vector}.${INSTRUCTION[op]}(${a}, ${b})`;

export const addressName = (operand: string): string => `${operand}At`;

const indexName = (level: number): string => "ijklmnopq"[level] ?? `i${level}`;

/** How many loops must be open for all non-zero strides to count. */
export function innermost(strides: Nest["operands"][number]["strides"]): number {
  return strides.findLastIndex((stride) => !isZero(stride)) + 1;
}

/** Beside the values: how many loops must be open for each to be known. */
export function levelsOf(kernel: {
  readonly values: Nest["values"];
  readonly operands: Nest["operands"];
  readonly loops: Nest["loops"];
  readonly inner: number;
}): number[] {
  const levels: number[] = [];
  for (const value of kernel.values) {
    switch (value.kind) {
      case "load":
        levels.push(innermost(kernel.operands[value.operand]!.strides));
        break;
      case "index":
      case "random":
        levels.push(innermost(value.strides));
        break;
      case "constant":
      case "extent":
        levels.push(0);
        break;
      case "apply":
        levels.push(Math.max(0, ...value.arguments.map((a) => levels[a]!)));
        break;
      case "reduce":
        levels.push(kernel.loops.length - kernel.inner);
        break;
      case "product":
        levels.push(kernel.loops.length);
        break;
      default:
        value satisfies never;
    }
  }
  return levels;
}

function phasesOf(nest: Nest): number[] {
  const phases: number[] = [];
  for (const value of nest.values) {
    if (value.kind === "reduce") phases.push(phases[value.value]! + 1);
    else if (value.kind === "apply") phases.push(Math.max(0, ...value.arguments.map((a) => phases[a]!)));
    else phases.push(0);
  }
  return phases;
}

/**
 * The loop whose entries fill the lanes: the last; but the last kept one where the operands lie
 * side by side along it and not along the last (a sum over the rows of a matrix), and where rows
 * are narrow and reduced more than once (a softmax over a few classes); none where it is shorter
 * than a vector.
 */
export function chooseVectorLoop(nest: Nest, lanes: number): number | null {
  const { loops, operands, values, inner } = nest;
  const last = loops.length - 1;
  const lastKept = last - inner;
  const fits = (loop: number): boolean =>
    loop >= 0 && (isFree(loops[loop]!) || countOf(loops[loop]!) >= lanes);
  const strided = (loop: number): number =>
    operands.filter((o) => !isZero(o.strides[loop]!) && !isUnit(o.strides[loop]!)).length;
  if (inner > 0 && fits(lastKept) && (!fits(last) || strided(lastKept) < strided(last))) return lastKept;
  const reductions = values.filter((value) => value.kind === "reduce").length;
  const row = loops[last];
  const isNarrow = row !== undefined && !isFree(row) && countOf(row) < NARROW_VECTORS * lanes;
  if (inner === 1 && isNarrow && reductions > 1 && fits(lastKept)) return lastKept;
  // Lanes gathered one by one for a sum alone are no gain.
  if (
    inner > 0 &&
    strided(last) === operands.filter((o) => o.access === "read").length &&
    values.length <= 2 * operands.length
  )
    return null;
  return fits(last) ? last : null;
}
