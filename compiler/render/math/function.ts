/**
 * Vector functions: transcendental functions of all lanes at once, written in AssemblyScript,
 * because engines differ in `Math.exp` and its like and have no vector form of it. Each is one
 * algorithm for both formats; only constants and degrees differ. The polynomials are those of least
 * maximum error, by scripts/fit-math.py; docs/math.md has the errors measured.
 */
import type { ElementwiseName } from "../../ir/node.ts";
import type { ConstantTable } from "../constants.ts";
import type { Format } from "../format.ts";

/**
 * Ops that are vector functions, and how many numbers each takes: kernels and the compiler's own
 * arithmetic call the same.
 */
export const functionOps = {
  exp: 1,
  expm1: 1,
  log: 1,
  log1p: 1,
  sin: 1,
  cos: 1,
  asin: 1,
  acos: 1,
  atan: 1,
  atan2: 2,
  sinh: 1,
  cosh: 1,
  tanh: 1,
  asinh: 1,
  acosh: 1,
  sigmoid: 1,
  softplus: 1,
  erf: 1,
  erfinv: 1,
  lgamma: 1,
  pow: 2,
} as const satisfies Readonly<Partial<Record<ElementwiseName, 1 | 2>>>;

export type FunctionOp = keyof typeof functionOps;
export type FunctionName = FunctionOp | "foldAngle" | "foldFar";

export interface VectorFunction {
  /** The other functions that its body calls. */
  readonly needs: readonly FunctionName[];
  /** Its AssemblyScript, doc comment included. */
  readonly source: (pen: Pen) => string;
}

/** What the author of a body writes with. */
export class Pen {
  readonly format: Format;
  readonly #table: ConstantTable;
  readonly #fused: boolean;

  /**
   * @param fused whether a product and the sum that it is for may be one instruction, rounded once
   * or twice as the processor likes
   */
  constructor(format: Format, table: ConstantTable, fused: boolean) {
    this.format = format;
    this.#table = table;
    this.#fused = fused;
  }

  /** The same, in another format. */
  in(format: Format): Pen {
    return new Pen(format, this.#table, this.#fused);
  }

  /** The constant `value` in every lane. */
  readonly c = (value: number, remark?: string): string => this.#table.float(this.format, value, remark);

  /** An integer in every lane. */
  readonly bits = (value: bigint, remark: string): string => this.#table.bits(this.format, value, remark);

  /**
   * 1.5 · 2^p + `offset`, p the significand's bits: a small number added to it leaves its nearest
   * integer, plus `offset`, in the low bits.
   */
  roundingShift(offset = 0): string {
    return this.c(1.5 * 2 ** this.format.significand + offset);
  }

  get signBit(): string {
    return this.bits(this.format.dtype === "f32" ? 1n << 31n : 1n << 63n, "the sign's bit");
  }

  /** a · b + c */
  readonly madd = (a: string, b: string, c: string): string => {
    const { vector: F } = this.format;
    return this.#fused ? `${F}.relaxed_madd(${a}, ${b}, ${c})` : `${F}.add(${F}.mul(${a}, ${b}), ${c})`;
  };

  /** c - a · b */
  readonly nmadd = (a: string, b: string, c: string): string => {
    const { vector: F } = this.format;
    return this.#fused ? `${F}.relaxed_nmadd(${a}, ${b}, ${c})` : `${F}.sub(${c}, ${F}.mul(${a}, ${b}))`;
  };

  /**
   * Lines that define `name` = Σ coefficients[i] · x^i, two terms at a time: Σ (c[2i] + c[2i+1] x)
   * (x²)^i by Horner's rule. Where x² is known anyway that is as many operations as Horner's rule
   * in x, in half as many steps.
   * @param coefficients from the lowest power up, at least two
   * @param square the name of x²; without it, Horner's rule in x
   */
  polynomial(name: string, x: string, coefficients: readonly number[], square?: string): string {
    const size = square === undefined ? 1 : 2;
    const terms = Array.from({ length: Math.ceil(coefficients.length / size) }, (_, i) => {
      const [low, high] = coefficients.slice(i * size, i * size + size);
      return high === undefined ? this.c(low!) : this.madd(this.c(high), x, this.c(low!));
    });
    const [highest, ...rest] = terms.toReversed();
    const lines = [`let ${name} = ${highest};`];
    for (const term of rest) lines.push(`${name} = ${this.madd(name, square ?? x, term)};`);
    return lines.join("\n  ");
  }
}

/** The name of a vector function in the generated module. */
export const functionName = (name: string, format: Format): string => `${name}_${format.vector}`;
