/**
 * The reductions of one pass over a nest's inner loops: accumulators, sums over spans, and what
 * they come to.
 */
import type { Pass, Reduction } from "../schedule/nest-plan.ts";
import type { KernelTools, Register, CodeSite, Values } from "./values.ts";
import type { FunctionWriter } from "./writer.ts";

type Op = Reduction["op"];

/** Where a pass stands, and along what it runs. */
export interface Width {
  /** Whether lanes hold entries that are reduced, so that they are combined at the end. */
  readonly isAcross: boolean;
  /** Whether entries are left over by whole vectors: they have an accumulator of their own. */
  readonly hasTail: boolean;
  /** Whether the lanes outside of the pass hold several entries. */
  readonly isWide: boolean;
}

/** A reduction, and the names of what it is gathered in. */
interface Accumulator extends Reduction {
  readonly vectors: readonly string[];
  readonly tail: string | null;
  readonly total: Total | null;
  readonly marks: Marks | null;
}

/**
 * What `pmax` and `pmin` lose of the entries, which take one instruction where `max` and `min` take
 * eight: lanes that had a NaN, and, for a result of 0, whether it is -0.
 */
interface Marks {
  readonly nans: string;
  /** Of all entries: what their sign bits have in common, or for `min` all of them. */
  readonly signs: string;
}

/**
 * A sum over spans in f64: one number, or one in each lane, two vectors of which are a vector of
 * f32.
 */
type Total =
  | { readonly kind: "number"; readonly name: string }
  | { readonly kind: "lanes"; readonly low: string; readonly high: string };

const IDENTITY: Readonly<Record<Op, number>> = { sum: 0, prod: 1, max: -Infinity, min: Infinity };
const INSTRUCTION: Readonly<Record<Op, string>> = { sum: "add", prod: "mul", max: "max", min: "min" };

const combine = (op: Op, vector: string, a: string, b: string): string =>
  `${vector}.${INSTRUCTION[op]}(${a}, ${b})`;

const isExtreme = (op: Op): boolean => op === "max" || op === "min";

/** Of signs: a largest 0 is -0 where all entries have the sign, a least 0 where any has. */
const common = (op: Op, a: string, b: string): string => `v128.${op === "max" ? "and" : "or"}(${a}, ${b})`;

/** The lower and the upper lanes of a vector of f32, in f64. */
export const promoted = (vector: string): readonly [string, string] => [
  `f64x2.promote_low_f32x4(${vector})`,
  `f64x2.promote_low_f32x4(i64x2.splat(i64x2.extract_lane(${vector}, 1)))`,
];

/** A vector of f32, of its lower and its upper lanes in f64. */
export const rounded = (low: string, high: string): string =>
  `i64x2.replace_lane(f32x4.demote_f64x2_zero(${low}), 1, i64x2.extract_lane(f32x4.demote_f64x2_zero(${high}), 0))`;

export class Reductions {
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  readonly #width: Width;
  readonly #accumulators: readonly Accumulator[];

  /** Declares what is there for the whole pass. */
  constructor(pass: Pass, tools: KernelTools, width: Width) {
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#width = width;
    const { writer } = tools;
    const named = pass.reductions.map((reduction) => ({
      ...reduction,
      vectors: Array.from({ length: pass.accumulators }, () => writer.fresh(reduction.op)),
      tail: width.hasTail ? writer.fresh(`${reduction.op}Tail`) : null,
      marks:
        pass.marks && isExtreme(reduction.op)
          ? { nans: writer.fresh("nans"), signs: writer.fresh("signs") }
          : null,
    }));
    this.#accumulators = named.map((a) => ({
      ...a,
      total: a.op === "sum" && pass.span !== null ? this.#total() : null,
    }));
    this.#begin(this.#accumulators.filter(({ total }) => total === null));
  }

  #begin(accumulators: readonly Accumulator[]): void {
    const { constants, format } = this.#tools;
    for (const { op, vectors, tail, marks } of accumulators) {
      if (marks !== null) {
        this.#writer.line(`let ${marks.nans} = ${constants.zeros()};`);
        const signs = op === "max" ? constants.bits(format, -1n, "all bits") : constants.zeros();
        this.#writer.line(`let ${marks.signs} = ${signs};`);
      }
      const start = op === "sum" ? constants.zeros() : constants.float(format, IDENTITY[op]);
      for (const name of tail === null ? vectors : [...vectors, tail])
        this.#writer.line(`let ${name} = ${start};`);
    }
  }

  /** @param to the number of an accumulator, or that of the entries left over */
  add(values: Values, site: CodeSite, to: number | "tail"): void {
    const { vector: F } = this.#tools.format;
    for (const { op, of, vectors, tail, marks } of this.#accumulators) {
      const name = to === "tail" ? tail! : vectors[to]!;
      const entry = values.number(of, site);
      if (marks === null) {
        this.#writer.line(`${name} = ${combine(op, F, name, entry)};`);
        continue;
      }
      this.#writer.line(`${name} = ${F}.p${op}(${name}, ${entry});`);
      this.#writer.line(`${marks.nans} = v128.or(${marks.nans}, ${F}.ne(${entry}, ${entry}));`);
      this.#writer.line(`${marks.signs} = ${common(op, marks.signs, entry)};`);
    }
  }

  /** What stands in a loop over spans: sums begin anew, and what they come to is added up. */
  eachSpan(inside: () => void): void {
    this.#begin(this.#accumulators.filter(({ total }) => total !== null));
    inside();
    for (const accumulator of this.#accumulators)
      if (accumulator.total !== null) this.#addTo(accumulator.total, accumulator);
  }

  /** Puts the results among `values`. */
  finish(values: Values): void {
    for (const accumulator of this.#accumulators) {
      const { value, total } = accumulator;
      values.set(value, total === null ? this.#result(accumulator) : this.#rounded(total));
    }
  }

  #total(): Total {
    if (!this.#width.isWide) {
      const name = this.#writer.fresh("total");
      this.#writer.line(`let ${name}: f64 = 0;`);
      return { kind: "number", name };
    }
    const [low, high] = [this.#writer.fresh("low"), this.#writer.fresh("high")];
    for (const name of [low, high]) this.#writer.line(`let ${name} = ${this.#tools.constants.zeros()};`);
    return { kind: "lanes", low, high };
  }

  /** What a span has come to is added to the sum over spans. */
  #addTo(total: Total, { vectors, tail }: Accumulator): void {
    const sum = this.#together("sum", vectors, (a, b) => combine("sum", "f32x4", a, b));
    if (total.kind === "lanes") {
      const { low, high } = total;
      const [lower, upper] = promoted(sum);
      this.#writer.line(`${low} = f64x2.add(${low}, ${lower});`);
      this.#writer.line(`${high} = f64x2.add(${high}, ${upper});`);
      return;
    }
    const lane = (vector: string, k: number): string => `<f64>f32x4.extract_lane(${vector}, ${k})`;
    const lanes = (this.#width.isAcross ? [0, 1, 2, 3] : [0]).map((k) => lane(sum, k));
    if (tail !== null) lanes.push(lane(tail, 0));
    this.#writer.line(`${total.name} += ${lanes.join(" + ")};`);
  }

  #rounded(total: Total): Register {
    const text = total.kind === "number" ? `f32x4.splat(<f32>${total.name})` : rounded(total.low, total.high);
    return { text: this.#writer.vector("sum", text), lanes: "number" };
  }

  /** One vector of all accumulators, then its lanes, then the tail: always in this order. */
  #result({ op, vectors, tail, marks }: Accumulator): Register {
    const { lanes, vector: F } = this.#tools.format;
    const both = (a: string, b: string): string =>
      marks === null ? combine(op, F, a, b) : `${F}.p${op}(${a}, ${b})`;
    let result = this.#together(op, vectors, both);
    let nans = marks?.nans ?? "";
    let signs = marks?.signs ?? "";
    if (this.#width.isAcross) {
      const swaps = lanes === 4 ? ["1, 0, 3, 2", "2, 3, 0, 1"] : ["1, 0"];
      for (const swap of swaps) {
        const swapped = (vector: string): string => `${F}.shuffle(${vector}, ${vector}, ${swap})`;
        result = this.#writer.vector(op, both(result, swapped(result)));
        if (marks === null) continue;
        nans = this.#writer.vector("nans", `v128.or(${nans}, ${swapped(nans)})`);
        signs = this.#writer.vector("signs", common(op, signs, swapped(signs)));
      }
      if (tail !== null) result = this.#writer.vector(op, both(result, tail));
    }
    if (marks !== null) result = this.#marked(op, result, { nans, signs });
    return { text: result, lanes: "number" };
  }

  /** The sign of a 0 and NaN are put where they belong. */
  #marked(op: Op, result: string, { nans, signs }: Marks): string {
    const { constants, format } = this.#tools;
    const { vector: F } = format;
    const sign = `v128.and(${signs}, ${constants.float(format, -0)})`;
    const signed = `v128.bitselect(${sign}, ${result}, ${F}.eq(${result}, ${F}.splat(0)))`;
    return this.#writer.vector(op, `v128.or(${signed}, ${nans})`);
  }

  /** Accumulators in one, pairwise. */
  #together(op: Op, vectors: readonly string[], both: (a: string, b: string) => string): string {
    let parts = vectors;
    while (parts.length > 1) {
      parts = Array.from({ length: parts.length / 2 }, (_, i) =>
        this.#writer.vector(op, both(parts[2 * i]!, parts[2 * i + 1]!)),
      );
    }
    return parts[0]!;
  }
}
