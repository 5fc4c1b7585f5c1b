/** Modules of one function, written byte by byte. */

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;

const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
const section = (id: number, ...contents: number[]): number[] => [
  id,
  ...unsigned(contents.length),
  ...contents,
];

export const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
export const get = (local: number): number[] => [0x20, local];
export const set = (local: number): number[] => [0x21, local];

/** Runs `body` as often as the local `loops` says, at least once. */
// prettier-ignore
export const loopTimes = (loops: number, body: readonly number[]): number[] => [
  0x03, 0x40, // loop
  ...body,
  ...get(loops), 0x41, 1, 0x6b, 0x22, loops, // loops - 1, kept
  0x0d, 0, 0x0b, // again unless it is 0; end
];

/** A module that exports `run`. @param body of it, from its locals on, without its end */
// prettier-ignore
export const moduleOf = (
  parameters: readonly number[],
  result: number,
  body: readonly number[],
): Uint8Array<ArrayBuffer> => Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0,
  ...section(1, 1, 0x60, parameters.length, ...parameters, 1, result), // one type
  ...section(3, 1, 0), // one function of it
  ...section(7, 1, 3, ...new TextEncoder().encode("run"), 0, 0), // exported
  ...section(10, 1, ...unsigned(body.length + 1), ...body, 0x0b),
);
