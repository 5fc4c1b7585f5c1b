/**
 * A WebAssembly module that does nothing but multiply and add in 128-bit registers: what the
 * machine and the engine can do at most. Written byte by byte, so that no compiler stands between
 * the figure and the instructions.
 */
import { F32, get, I32, loopTimes, moduleOf, set, simd, V128 } from "./wasm-bytes.ts";

/**
 * Independent sums: enough to hide the latency of both instructions; with their two operands they
 * fill the 15 registers that V8 hands out.
 */
const CHAINS = 13;
const ROUNDS_A_LOOP = 8;
export const FLOPS_A_LOOP = CHAINS * ROUNDS_A_LOOP * 4 * 2;

const splat = simd(19);
const multiply = simd(230);
const add = simd(228);
const relaxedMultiplyAdd = simd(0x105);
const extractLane0 = [...simd(31), 0];

/**
 * `run(loops, a, b) -> f32`: each of the sums s becomes s · a + b, over and over. The first values
 * come from outside, so nothing is known of them.
 */
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
    ...loopTimes(loops, Array.from({ length: ROUNDS_A_LOOP }, () => chains.flatMap(step)).flat()),
    ...chains.flatMap((sum, i) => [...get(sum), ...(i === 0 ? [] : add)]),
    ...extractLane0,
  ];
  return moduleOf([I32, F32, F32], F32, body);
}
