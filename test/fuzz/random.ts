/** Choices of a seeded stream. */
import { stream } from "./choices.ts";

export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = stream(seed);
  }

  /** 0 … limit - 1. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("nothing to choose from");
    return item;
  }
}
