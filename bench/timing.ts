import type { Work } from "./contestants/contestant.ts";

/** What a slice of calls took. */
export interface Slice {
  readonly calls: number;
  readonly milliseconds: number;
}

/**
 * Looks at the clock so often in a slice: between looks, calls follow each other in a plain loop.
 */
const LOOKS = 20;

/**
 * Times slices of calls. The number of calls between two looks at the clock is fitted to the slice
 * before.
 */
export class Timer {
  readonly #work: Work;
  #group = 1;

  constructor(work: Work) {
    this.#work = work;
  }

  /** Calls for at least so many milliseconds. */
  async slice(least: number): Promise<Slice> {
    const work = this.#work;
    const group = this.#group;
    const start = performance.now();
    let calls = 0;
    let milliseconds = 0;
    do {
      if (work.asynchronous) for (let i = 0; i < group; i++) await work.call();
      else for (let i = 0; i < group; i++) work.call();
      calls += group;
      milliseconds = performance.now() - start;
    } while (milliseconds < least);
    this.#group = Math.max(1, Math.floor((calls * least) / (LOOKS * milliseconds)));
    return { calls, milliseconds };
  }
}
