/**
 * A WebAssembly module that does nothing but multiply and add in 128-bit registers: what the machine and the engine can do at most.
 * Written byte by byte, so that no compiler stands between the figure and the instructions.
 */

/** Independent sums: enough to hide the latency of both instructions; with their two operands they fill the 15 registers that V8 hands out. */
const CHAINS = 13;
const ROUNDS_A_LOOP = 8;
export const FLOPS_A_LOOP = CHAINS * ROUNDS_A_LOOP * 4 * 2;

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;

const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
const section = (id: number, ...contents: number[]): number[] => [
  id,
  ...unsigned(contents.length),
  ...contents,
];
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];

const splat = simd(19);
const multiply = simd(230);
const add = simd(228);
const relaxedMultiplyAdd = simd(0x105);
const extractLane0 = [...simd(31), 0];

/** `run(loops, a, b) -> f32`: each of the sums s becomes s · a + b, over and over. The first values come from outside, so nothing is known of them. */
export function peakModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const [loops, a, b] = [0, 3, 4];
  const chains = Array.from({ length: CHAINS }, (_, i) => 5 + i);
  const step = (sum: number): number[] =>
    relaxed
      ? [...get(sum), ...get(a), ...get(b), ...relaxedMultiplyAdd, ...set(sum)]
      : [...get(sum), ...get(a), ...multiply, ...get(b), ...add, ...set(sum)];
  // prettier-ignore
  const body = [
    1, 2 + CHAINS, V128, // locals: a and b as vectors, the sums
    ...get(1), ...splat, ...set(a),
    ...get(2), ...splat, ...set(b),
    ...chains.flatMap((sum) => [...get(a), ...set(sum)]),
    0x03, 0x40, // loop
    ...Array.from({ length: ROUNDS_A_LOOP }, () => chains.flatMap(step)).flat(),
    ...get(loops), 0x41, 1, 0x6b, 0x22, loops, // loops - 1, kept
    0x0d, 0, 0x0b, // again unless it is 0; end
    ...chains.flatMap((sum, i) => [...get(sum), ...(i === 0 ? [] : add)]),
    ...extractLane0,
    0x0b,
  ];
  // prettier-ignore
  return Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 3, I32, F32, F32, 1, F32), // one type
    ...section(3, 1, 0), // one function of it
    ...section(7, 1, 3, ...new TextEncoder().encode("run"), 0, 0), // exported
    ...section(10, 1, ...unsigned(body.length), ...body),
  );
}
