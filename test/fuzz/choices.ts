/**
 * A generator's decisions: each takes the next number of a list, and 0, the plainest choice, once
 * the list is at its end. So what shrinks the list shrinks what is generated.
 */
export class Choices {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** 0 … below - 1. */
  below(limit: number): number {
    return (this.#numbers[this.#next++] ?? 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("nothing to choose from");
    return item;
  }

  /** True in one of `times` cases. */
  once(times: number): boolean {
    return this.below(times) === times - 1;
  }

  /** A constant as programs have them, in [low, high] to two places. */
  constant(low: number, high: number): number {
    return Math.round((low + ((high - low) * (1 + this.below(97))) / 98) * 100) / 100;
  }

  /**
   * A first value of a parameter, in [low, high] to a 64th, so that f32 has it exactly: a parameter
   * of 0.61 is less than the constant 0.61 in f64, and not in f32, and what compares them is no
   * longer one function.
   */
  exact(low: number, high: number): number {
    return Math.round((low + ((high - low) * (1 + this.below(97))) / 98) * 64) / 64;
  }
}

/**
 * The numbers of stream `seed`, evenly in [0, 1) in steps of 2^-24, exact in f32: Marsaglia's
 * xorshift32 (Journal of Statistical Software 8.14, 2003) on a seed scattered by Knuth's
 * golden-ratio multiplication.
 */
export function stream(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) / 2 ** 24;
  };
  for (let i = 0; i < 8; i++) next();
  return next;
}
