/** exp and expm1. */
import type { Format } from "../format.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/**
 * ln 2 = high + low, where high has so few bits that its product with an exponent is exact: 15 bits for f32; for f64 those of
 * fdlibm's e_exp.c.
 */
export const LN2 = {
  f32: { high: 0.693145751953125, low: Math.LN2 - 0.693145751953125 },
  f64: { high: 6.9314718036912381649e-1, low: 1.90821492927058770002e-10 },
} as const;

/**
 * How many terms of Σ r^i / (i+2)! make (e^r - 1 - r) / r² on |r| ≤ ln 2 / 2. The first term left out is below a tenth of the last
 * place of e^r: 0.347^8 / 8! = 5e-9 and 0.347^14 / 14! = 4e-18.
 */
const terms = (format: Format): number => (format.dtype === "f32" ? 6 : 12);

/** 1/2!, 1/3!, … */
export function tailCoefficients(count: number): number[] {
  const coefficients = [];
  let factorial = 1;
  for (let i = 2; i < count + 2; i++) {
    factorial *= i;
    coefficients.push(1 / factorial);
  }
  return coefficients;
}

/** Lines that define `shifted`, `r` and `p` with x = n · ln 2 + r, n in the low bits of `shifted`, p = (e^r - 1 - r) / r². */
function reduction(pen: Pen, x: string): string {
  const { vector: F, dtype } = pen.format;
  const magic = pen.c(pen.roundingShift);
  return `const shifted = ${F}.add(${F}.mul(${x}, ${pen.c(Math.LOG2E, "log2 e")}), ${magic});
  const n = ${F}.sub(shifted, ${magic});
  const r = ${F}.sub(${F}.sub(${x}, ${F}.mul(n, ${pen.c(LN2[dtype].high, "ln 2, high part")})), ${F}.mul(n, ${pen.c(LN2[dtype].low, "ln 2, low part")}));
  ${pen.polynomial("p", "r", tailCoefficients(terms(pen.format)))}`;
}

export const exp: VectorFunction = {
  name: "exp",
  arity: 1,
  needs: () => [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    // Below the first, e^x rounds to 0; above the second, it overflows.
    const [least, most] = dtype === "f32" ? [-104, 89] : [-746, 710];
    return `/// e^x = 2^n * e^r with n = round(x / ln 2); 2^n in two factors, so that it may pass the range of normal numbers.
function ${functionName("exp", pen.format)}(x: v128): v128 {
  const t = ${F}.min(${F}.max(x, ${pen.c(least)}), ${pen.c(most)});
  ${reduction(pen, "t")}
  const y = ${F}.add(${F}.add(${F}.mul(${F}.mul(p, r), r), r), ${pen.c(1)});
  const k = ${I}.sub(shifted, ${pen.roundingShiftBits});
  const half = ${I}.shr_s(k, 1);
  const bias = ${pen.bits(BigInt(bias), "exponent bias")};
  const first = ${I}.shl(${I}.add(half, bias), ${significand});
  const second = ${I}.shl(${I}.add(${I}.sub(k, half), bias), ${significand});
  return ${F}.mul(${F}.mul(y, first), second);
}
`;
  },
};

export const expm1: VectorFunction = {
  name: "expm1",
  arity: 1,
  needs: () => [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    // Below the first, e^x - 1 rounds to -1; above the second, it overflows.
    const [least, most] = dtype === "f32" ? [-30, 89] : [-60, 710];
    const tiny = 2 ** -(significand + 2);
    return `/// e^x - 1 = 2 * (t * (e^r - 1) + (t - 1/2)) with t = 2^(n-1); x itself where x^2 / 2 is below its last place.
function ${functionName("expm1", pen.format)}(x: v128): v128 {
  const c = ${F}.min(${F}.max(x, ${pen.c(least)}), ${pen.c(most)});
  ${reduction(pen, "c")}
  const q = ${F}.add(${F}.mul(${F}.mul(p, r), r), r);
  const k = ${I}.sub(shifted, ${pen.roundingShiftBits});
  const t = ${I}.shl(${I}.add(k, ${pen.bits(BigInt(bias - 1), "exponent bias - 1")}), ${significand});
  const half = ${F}.add(${F}.mul(t, q), ${F}.sub(t, ${pen.c(0.5)}));
  return v128.bitselect(x, ${F}.add(half, half), ${F}.lt(${F}.abs(x), ${pen.c(tiny)}));
}
`;
  },
};
