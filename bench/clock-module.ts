/**
 * A WebAssembly module whose time is a number of cycles: additions of two registers that wait for
 * each other, which take one each on any processor.
 */
import { get, I32, loopTimes, moduleOf, set } from "./wasm-bytes.ts";

export const CYCLES_A_LOOP = 256;

const add = 0x6a;

/** `run(loops, a) -> i32`: a sum to which a is added over and over. */
export function clockModule(): Uint8Array<ArrayBuffer> {
  const [loops, a, sum] = [0, 1, 2];
  const step = [...get(sum), ...get(a), add, ...set(sum)];
  return moduleOf([I32, I32], I32, [
    1,
    1,
    I32, // one local: the sum
    ...loopTimes(loops, Array.from({ length: CYCLES_A_LOOP }, () => step).flat()),
    ...get(sum),
  ]);
}
