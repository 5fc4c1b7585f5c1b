/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC'11). An entry is a pure function of seed, step, site and
 * index, so it needs no state and no order, and every engine and the generated module agree on it:
 * u32 arithmetic alone.
 */

/** The rotation amounts of Threefry-2x32, table 2 of the paper; they repeat after eight rounds. */
export const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** The key schedule's parity constant, C240 of Skein for 32-bit words. */
export const PARITY = 0x1bd11bda;

/** Two u32 words from a key of two words and a counter of two words. */
export function threefry(
  key: readonly [number, number],
  counter: readonly [number, number],
): readonly [number, number] {
  const schedule = [key[0], key[1], PARITY ^ key[0] ^ key[1]] as const;
  let x0 = (counter[0] + schedule[0]) | 0;
  let x1 = (counter[1] + schedule[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8]!;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x0 = (x0 + schedule[injection % 3]!) | 0;
      x1 = (x1 + schedule[(injection + 1) % 3]! + injection) | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0];
}

export interface RandomPlace {
  readonly seed: number;
  readonly step: number;
  /** Which random tensor of the program. */
  readonly site: number;
  /** Row-major index of the entry. */
  readonly entry: number;
}

/**
 * The site of the counter that makes a key of the upper word of the step number: programs count
 * theirs from 0, shuffles down from -1.
 */
export const KEY_SITE = 0x80000000;

/**
 * The two words of the key: seed and step for the first 2^32 steps, and words made of these for
 * those that come after.
 */
function keyOf(seed: number, step: number): readonly [number, number] {
  const key = [seed, step % 2 ** 32] as const;
  const high = Math.floor(step / 2 ** 32);
  return high === 0 ? key : threefry(key, [high, KEY_SITE]);
}

/** Uniform numbers have 24 bits, exact in f32. */
const UNIT = 2 ** -24;

/**
 * An entry of a random tensor: uniform in [0, 1), or standard normal by Box and Muller's formula.
 */
export function randomEntry(
  distribution: "uniform" | "normal",
  { seed, step, site, entry }: RandomPlace,
): number {
  const [w0, w1] = threefry(keyOf(seed, step), [entry, site]);
  if (distribution === "uniform") return (w0 >>> 8) * UNIT;
  // In (0, 1], so that the logarithm is finite.
  const u1 = ((w0 >>> 8) + 1) * UNIT;
  const u2 = (w1 >>> 8) * UNIT;
  return Math.sqrt(-2 * Math.log(u1)) * Math.cos(2 * Math.PI * u2);
}
