/**
 * The counter-based generator in vectors, the same numbers as `ir/random.ts`, and the shuffle made
 * of it.
 */
import { KEY_SITE, PARITY, ROTATIONS } from "../ir/random.ts";
import { EXACT_STEP } from "../schedule/kernel.ts";
import { F32, type Format } from "./format.ts";
import type { MathLibrary } from "./math/library.ts";
import { wave } from "./math/trigonometry.ts";

const hex = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;

/** Rotations of four rounds in one word, a byte each, the first lowest. */
const packed = (rotations: readonly number[]): string =>
  hex(rotations.reduceRight((word, rotation) => (word << 8) | rotation, 0));
const EVEN_ROTATIONS = packed(ROTATIONS.slice(0, 4));
const ODD_ROTATIONS = packed(ROTATIONS.slice(4));

/** Threefry-2x32-20 of four counters at once. */
export const threefrySource = `/// The second words of the last call of threefry
let secondWord: v128 = i32x4.splat(0);

/// Threefry-2x32 with 20 rounds: key (key0, key1), counter (entry, site) in each lane; the first words of the result
function threefry(entry: v128, site: i32, key0: i32, key1: i32): v128 {
  let key2 = ${hex(PARITY)} ^ key0 ^ key1;
  let x0 = i32x4.add(entry, i32x4.splat(key0));
  let x1 = i32x4.splat(site + key1);
  for (let group = 1; group <= 5; group++) {
    let rotations: i32 = group & 1 ? ${EVEN_ROTATIONS} : ${ODD_ROTATIONS};
    for (let round = 0; round < 4; round++) {
      const rotation = rotations & 31;
      x0 = i32x4.add(x0, x1);
      x1 = v128.xor(v128.or(i32x4.shl(x1, rotation), i32x4.shr_u(x1, 32 - rotation)), x0);
      rotations >>= 8;
    }
    // The keys take turns.
    const key = key0;
    key0 = key1;
    key1 = key2;
    key2 = key;
    x0 = i32x4.add(x0, i32x4.splat(key0));
    x1 = i32x4.add(x1, i32x4.splat(key1 + group));
  }
  secondWord = x1;
  return x0;
}
`;

/** @param step an expression for the address of the step number */
export const nextStepSource = (format: Format, step: string): string => `/// The number of the step being made
function nextStep(): void {
  const count = load<f64>(${step}, ${EXACT_STEP}) + 1;
  store<f64>(${step}, count, ${EXACT_STEP});
  store<${format.dtype}>(${step}, <${format.dtype}>count);
}
`;

/** @param step an expression for the address of the step number */
export const lastStepSource = (
  format: Format,
  step: string,
): string => `/// The number of the step made last, where the one that was probed is not made
function lastStep(): void {
  const count = load<f64>(${step}, ${EXACT_STEP}) - 1;
  store<f64>(${step}, count, ${EXACT_STEP});
  store<${format.dtype}>(${step}, <${format.dtype}>count);
}
`;

export const keySource = `/// The key of random numbers
let key0: i32 = 0;
let key1: i32 = 0;
`;

/** @param step an expression for the address of the step number */
export const readKeySource = (
  step: string,
): string => `/// (seed, step) for the first 2^32 steps; after them, the random words that this key gives to the upper word of the step number
function readKey(): void {
  const count = <i64>load<f64>(${step}, ${EXACT_STEP});
  const high = <i32>(count >> 32);
  key0 = seed;
  key1 = <i32>count;
  if (high == 0) return;
  key0 = i32x4.extract_lane(threefry(i32x4.splat(high), ${hex(KEY_SITE)}, seed, key1), 0);
  key1 = i32x4.extract_lane(secondWord, 0);
}
`;

/** `uniform_f32x4(entry, site)` and its like. */
export function uniformSource(format: Format, math: MathLibrary): string {
  const pen = math.pen(format);
  return `/// Uniform in [0, 1): the upper 24 bits of the first word
function uniform_${format.vector}(entry: v128, site: i32): v128 {
  const word = i32x4.shr_u(threefry(entry, site, key0, key1), 8);
  return ${format.vector}.mul(${fromWords(format, "word")}, ${pen.c(2 ** -24, "2^-24")});
}
`;
}

/** `normal_f32x4(entry, site)` and its like: √(-2 ln u1) cos(2π u2), Box and Muller's formula. */
export function normalSource(format: Format, math: MathLibrary): string {
  const pen = math.pen(format);
  const { vector: F, integer: I } = format;
  const magic = pen.roundingShift();
  return `/// Standard normal: sqrt(-2 ln u1) cos(2π u2), u1 in (0, 1] of the first word, u2 in [0, 1) of the second, 24 bits each
function normal_${F}(entry: v128, site: i32): v128 {
  const first = i32x4.add(i32x4.shr_u(threefry(entry, site, key0, key1), 8), i32x4.splat(1));
  const second = i32x4.shr_u(secondWord, 8);
  const u1 = ${F}.mul(${fromWords(format, "first")}, ${pen.c(2 ** -24, "2^-24")});
  const radius = ${F}.sqrt(${F}.mul(${math.use("log", format)}(u1), ${pen.c(-2)}));
  // The angle in quarter turns and a rest; the cosine is the sine of a quarter turn more.
  const turns = ${F}.mul(${fromWords(format, "second")}, ${pen.c(2 ** -22, "2^-22")});
  const shifted = ${F}.add(turns, ${magic});
  const r = ${F}.mul(${F}.sub(turns, ${F}.sub(shifted, ${magic})), ${pen.c(Math.PI / 2, "π/2")});
  const k = ${I}.add(shifted, ${pen.bits(1n, "a quarter turn")});
  ${wave(pen)}
  return ${F}.mul(radius, wave);
}
`;
}

const fromWords = (format: Format, words: string): string =>
  format === F32 ? `f32x4.convert_i32x4_u(${words})` : `f64x2.convert_low_i32x4_u(${words})`;

/** The export `shuffle`. */
export const shuffleSource = `/// A permutation of 0 … count - 1 as u32: Fisher and Yates's exchange, entry i with one of the first i + 1. The number below i + 1 is
/// the upper word of (random word) * (i + 1); words that would favor some numbers are drawn again (D. Lemire, "Fast random integer
/// generation in an interval", 2019). Draw t of entry i has counter (i, -1 - t) and key (seed, epoch).
export function shuffle(address: i32, count: i32, seed: i32, epoch: i32): void {
  const at = <usize>address;
  for (let i: u32 = 0; i < <u32>count; i++) store<u32>(at + (<usize>i << 2), i);
  for (let i = <u32>count; i > 1; i--) {
    let site = -1;
    let product: u64;
    do {
      const word = <u32>i32x4.extract_lane(threefry(i32x4.splat(i - 1), site, seed, epoch), 0);
      product = <u64>word * <u64>i;
      site--;
    } while (<u32>product < i && <u32>product < (0 - i) % i);
    const here = at + (<usize>(i - 1) << 2);
    const there = at + (<usize>(product >> 32) << 2);
    const value = load<u32>(here);
    store<u32>(here, load<u32>(there));
    store<u32>(there, value);
  }
}
`;
