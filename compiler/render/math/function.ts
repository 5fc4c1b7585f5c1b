/**
 * Vector functions: transcendental functions of all lanes at once, written in AssemblyScript, because engines differ in `Math.exp`
 * and its like and have no vector form of it. Each is one algorithm for both formats; only constants and degrees differ.
 */
import type { ConstantTable } from "../constants.ts";
import type { Format } from "../format.ts";

export interface VectorFunction {
  readonly name: string;
  readonly arity: 1 | 2;
  /** The other vector functions that its body calls in this format. */
  readonly needs: (format: Format) => readonly Needed[];
  /** Its AssemblyScript, doc comment included. */
  readonly source: (pen: Pen) => string;
}

export interface Needed {
  readonly name: string;
  readonly format: Format;
}

/** What the author of a body writes with. */
export class Pen {
  readonly format: Format;
  readonly #table: ConstantTable;

  constructor(format: Format, table: ConstantTable) {
    this.format = format;
    this.#table = table;
  }

  /** The same, in another format. */
  in(format: Format): Pen {
    return new Pen(format, this.#table);
  }

  /** The constant `value` in every lane. */
  readonly c = (value: number, remark?: string): string => this.#table.float(this.format, value, remark);

  /** An integer in every lane. */
  readonly bits = (value: bigint, remark: string): string => this.#table.bits(this.format, value, remark);

  /** 1.5 · 2^p, p the significand's bits: added to a small number, it leaves its nearest integer in the low bits. */
  get roundingShift(): number {
    return 1.5 * 2 ** this.format.significand;
  }

  get roundingShiftBits(): string {
    const { significand, bias } = this.format;
    const bits = (BigInt(bias + significand) << BigInt(significand)) | (1n << BigInt(significand - 1));
    return this.bits(bits, `the bits of 1.5 * 2^${significand}`);
  }

  get signBit(): string {
    return this.bits(this.format.dtype === "f32" ? 1n << 31n : 1n << 63n, "the sign's bit");
  }

  /**
   * Lines that define `name` = Σ coefficients[i] · x^i by Horner's rule.
   * @param coefficients from the lowest power up, at least two
   */
  polynomial(name: string, x: string, coefficients: readonly number[]): string {
    const { vector } = this.format;
    const [highest, ...rest] = coefficients.toReversed();
    const lines = [`let ${name} = ${this.c(highest!)};`];
    for (const c of rest) lines.push(`${name} = ${vector}.add(${vector}.mul(${name}, ${x}), ${this.c(c)});`);
    return lines.join("\n  ");
  }
}

/** The name of a vector function in the generated module. */
export const functionName = (name: string, format: Format): string => `${name}_${format.vector}`;
