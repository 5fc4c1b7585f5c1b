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
   * Lines that define `name` = Σ coefficients[i] · x^i. With x² two terms at a time, Σ (c[2i] +
   * c[2i+1] x) (x²)^i by Horner's rule, and with x⁴ four, Σ ((c[4i] + c[4i+1] x) + x² (c[4i+2] +
   * c[4i+3] x)) (x⁴)^i: as many operations as Horner's rule in x, but fewer that wait for one another.
   * @param coefficients from the lowest power up, at least two
   * @param powers the names of x² and of x⁴; without them, Horner's rule in x
   */
  polynomial(name: string, x: string, coefficients: readonly number[], ...powers: readonly string[]): string {
    const size = 2 ** powers.length;
    const step = powers.at(-1) ?? x;
    const terms = Array.from({ length: Math.ceil(coefficients.length / size) }, (_, i) =>
      this.#term(coefficients.slice(i * size, i * size + size), [x, ...powers]),
    );
    const [highest, ...rest] = terms.toReversed();
    const lines = [`let ${name} = ${highest};`];
    for (const term of rest) lines.push(`${name} = ${this.madd(name, step, term)};`);
    return lines.join("\n  ");
  }

  /** The same of many terms, where neither x² nor x⁴ is known: they are defined as `x2` and `x4`. */
  longPolynomial(name: string, x: string, coefficients: readonly number[]): string {
    const { vector: F } = this.format;
    return `const ${x}2 = ${F}.mul(${x}, ${x});
  const ${x}4 = ${F}.mul(${x}2, ${x}2);
  ${this.polynomial(name, x, coefficients, `${x}2`, `${x}4`)}`;
  }

  /** Σ coefficients[i] x^i of one, two or four terms, from x and x². */
  #term(coefficients: readonly number[], [x, square]: readonly string[]): string {
    const [a, b, ...others] = coefficients;
    const low = b === undefined ? this.c(a!) : this.madd(this.c(b), x!, this.c(a!));
    return others.length === 0 ? low : this.madd(this.#term(others, [x!]), square!, low);
  }
}

/** The name of a vector function in the generated module. */
export const functionName = (name: string, format: Format): string => `${name}_${format.vector}`;
