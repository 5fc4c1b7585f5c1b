/**
 * The module's table of vector constants. Engines rebuild a `v128.const` at each use out of several
 * instructions, and load one from memory in one: so constants live in memory. What is the same in
 * all lanes lies there once, since a load that fills the lanes costs no more.
 */
import type { Format } from "./format.ts";

export class ConstantTable {
  /** By the u32 words, to the byte offset. */
  readonly #offsets = new Map<string, number>();
  readonly #rows: { readonly words: readonly number[]; readonly remark: string }[] = [];
  #end = 0;

  /** An expression for `value` in every lane. */
  float(format: Format, value: number, remark = showNumber(value)): string {
    // All zeros take one instruction, and no memory.
    if (Object.is(value, 0)) return `${format.vector}.splat(0)`;
    return this.#load(wordsOf(value, format), remark);
  }

  /**
   * Zeros out of memory, for where a loop begins: as a literal they are eighteen bytes of the
   * module, each time.
   */
  zeros(): string {
    return this.#load([0], "0");
  }

  /** An expression for an integer of the lanes' width, given by its two's complement. */
  bits(format: Format, value: bigint, remark: string): string {
    const low = Number(BigInt.asUintN(32, value));
    return this.#load(
      format.dtype === "f32" ? [low] : [low, Number(BigInt.asUintN(32, value >> 32n))],
      remark,
    );
  }

  /** An expression for four u32 words. */
  words(words: readonly [number, number, number, number], remark: string): string {
    return this.#load(words, remark);
  }

  /** The statement that defines the table, empty where nothing asked for a constant. */
  source(): string {
    if (this.#rows.length === 0) return "";
    const rows = this.#rows.map(
      ({ words, remark }) =>
        `  ${words.map((w) => `0x${w.toString(16).padStart(8, "0")}`).join(", ")}, // ${remark}`,
    );
    return `const CONSTANTS: usize = memory.data<u32>([\n${rows.join("\n")}\n], 16);\n`;
  }

  /** @param words one, two or four, which fill the lanes again and again */
  #load(words: readonly number[], remark: string): string {
    const key = words.join();
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      const missing = -this.#end & (4 * words.length - 1);
      if (missing > 0)
        this.#append(
          Array.from({ length: missing / 4 }, () => 0),
          "so that the next is aligned",
        );
      offset = this.#end;
      this.#offsets.set(key, offset);
      this.#append(words, remark);
    }
    const load = { 1: "load_splat<u32>", 2: "load_splat<u64>" }[words.length] ?? "load";
    return `v128.${load}(CONSTANTS, ${offset} /* ${remark} */)`;
  }

  #append(words: readonly number[], remark: string): void {
    this.#rows.push({ words, remark });
    this.#end += 4 * words.length;
  }
}

/**
 * A number's bits in a format, as u32 words, the lowest first. Engines may give NaN any payload:
 * here it has one.
 */
function wordsOf(value: number, { dtype }: Format): number[] {
  const view = new DataView(new ArrayBuffer(8));
  if (dtype === "f32") {
    if (Number.isNaN(value)) return [0x7fc00000];
    view.setFloat32(0, value, true);
    return [view.getUint32(0, true)];
  }
  if (Number.isNaN(value)) return [0, 0x7ff80000];
  view.setFloat64(0, value, true);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

/**
 * Whether a decimal literal of AssemblyScript says the number exactly: one without a point or an
 * exponent is an i64 there before it is a float, and none says -0, NaN or infinity.
 */
export const isPlainLiteral = (value: number): boolean =>
  Number.isFinite(value) &&
  !Object.is(value, -0) &&
  (!Number.isInteger(value) || Number.isSafeInteger(value));

/** A number's bits as a literal of u32 or u64. */
export const bitsLiteral = (value: number, format: Format): string =>
  `0x${wordsOf(value, format)
    .toReversed()
    .map((word) => word.toString(16).padStart(8, "0"))
    .join("")}`;

/** A number as a reader writes it; -0 and what is not finite included. */
export const showNumber = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));
