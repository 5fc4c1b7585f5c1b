/** Weights and data that are the same in every run. */
import type { Floats, Labels } from "./job.ts";

/** Numbers from 0 to 1, from a 32-bit generator (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function uniform(count: number, from: number, to: number, seed: number): Floats {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => from + (to - from) * next());
}

export function labels(count: number, classes: number, seed: number): Labels {
  const next = randomNumbers(seed);
  return Int32Array.from({ length: count }, () => Math.floor(next() * classes));
}
