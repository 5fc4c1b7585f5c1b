/**
 * The two vector formats of 128-bit SIMD in which kernels compute, and what AssemblyScript calls
 * their parts.
 */

export interface Format {
  readonly dtype: "f32" | "f64";
  /** The namespace of lane arithmetic. */
  readonly vector: "f32x4" | "f64x2";
  /** Integers of the same width, for exponents and masks. */
  readonly integer: "i32x4" | "i64x2";
  readonly lanes: 4 | 2;
  readonly bytes: 4 | 8;
  /** log2 of `bytes`. */
  readonly shift: 2 | 3;
  /** Stored bits of the significand, and the exponent's bias (IEEE 754). */
  readonly significand: 23 | 52;
  readonly bias: 127 | 1023;
}

export const F32: Format = {
  dtype: "f32",
  vector: "f32x4",
  integer: "i32x4",
  lanes: 4,
  bytes: 4,
  shift: 2,
  significand: 23,
  bias: 127,
};

export const F64: Format = {
  dtype: "f64",
  vector: "f64x2",
  integer: "i64x2",
  lanes: 2,
  bytes: 8,
  shift: 3,
  significand: 52,
  bias: 1023,
};

export const formatOf = (dtype: "f32" | "f64"): Format => (dtype === "f32" ? F32 : F64);
