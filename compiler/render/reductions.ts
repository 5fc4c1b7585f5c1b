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
    }));
    this.#accumulators = named.map((a) => ({
      ...a,
      total: a.op === "sum" && pass.span !== null ? this.#total() : null,
    }));
    this.#begin(this.#accumulators.filter(({ total }) => total === null));
  }

  #begin(accumulators: readonly Accumulator[]): void {
    const { constants, format } = this.#tools;
    for (const { op, vectors, tail } of accumulators) {
      const start = op === "sum" ? constants.zeros() : constants.float(format, IDENTITY[op]);
      for (const name of tail === null ? vectors : [...vectors, tail])
        this.#writer.line(`let ${name} = ${start};`);
    }
  }

  /** @param to the number of an accumulator, or that of the entries left over */
  add(values: Values, site: CodeSite, to: number | "tail"): void {
    for (const { op, of, vectors, tail } of this.#accumulators) {
      const name = to === "tail" ? tail! : vectors[to]!;
      this.#writer.line(
        `${name} = ${combine(op, this.#tools.format.vector, name, values.number(of, site))};`,
      );
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
    for (const name of [low, high]) this.#writer.line(`let ${name} = f64x2.splat(0);`);
    return { kind: "lanes", low, high };
  }

  /** What a span has come to is added to the sum over spans. */
  #addTo(total: Total, { vectors, tail }: Accumulator): void {
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
    const lanes = (this.#width.isAcross ? [0, 1, 2, 3] : [0]).map((k) => lane(sum, k));
    if (tail !== null) lanes.push(lane(tail, 0));
    this.#writer.line(`${total.name} += ${lanes.join(" + ")};`);
  }

  #rounded(total: Total): Register {
    const text =
      total.kind === "number"
        ? `f32x4.splat(<f32>${total.name})`
        : `i64x2.replace_lane(f32x4.demote_f64x2_zero(${total.low}), 1, i64x2.extract_lane(f32x4.demote_f64x2_zero(${total.high}), 0))`;
    return { text: this.#writer.vector("sum", text), lanes: "number" };
  }

  /** One vector of all accumulators, then its lanes, then the tail: always in this order. */
  #result({ op, vectors, tail }: Accumulator): Register {
    const { lanes, vector: F } = this.#tools.format;
    let result = this.#together(op, vectors);
    const take = (other: string): void => {
      result = this.#writer.vector(op, combine(op, F, result, other));
    };
    if (this.#width.isAcross) {
      const swaps = lanes === 4 ? ["1, 0, 3, 2", "2, 3, 0, 1"] : ["1, 0"];
      for (const swap of swaps) take(`${F}.shuffle(${result}, ${result}, ${swap})`);
      if (tail !== null) take(tail);
    }
    return { text: result, lanes: "number" };
  }

  /** Accumulators in one, pairwise. */
  #together(op: Op, vectors: readonly string[]): string {
    const { vector } = this.#tools.format;
    let parts = vectors;
    while (parts.length > 1) {
      parts = Array.from({ length: parts.length / 2 }, (_, i) =>
        this.#writer.vector(op, combine(op, vector, parts[2 * i]!, parts[2 * i + 1]!)),
      );
    }
    return parts[0]!;
  }
}
