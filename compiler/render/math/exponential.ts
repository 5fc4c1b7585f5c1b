/** exp and expm1, and the parts that functions made of e^x share. */
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/**
 * ln 2 = high + low, where high has so few bits that its product with an exponent is exact: 15 bits
 * for f32; for f64 those of fdlibm's e_exp.c.
 */
export const LN2 = {
  f32: { high: 0.693145751953125, low: Math.LN2 - 0.693145751953125 },
  f64: { high: 6.9314718036912381649e-1, low: 1.90821492927058770002e-10 },
} as const;

/**
 * (e^r - 1 - r) / r² on |r| ≤ ln 2 / 2 as a polynomial in r: the least maximum of the error of e^r.
 * It is 3.1e-9 of e^r in f32, 3.6e-18 in f64.
 */
export const EXPONENTIAL_TAIL = {
  f32: [0.499999934, 0.166665206, 0.041668388, 0.00836871688, 0.00138145985],
  f64: [
    0.5000000000000011, 0.16666666666666413, 0.04166666666653016, 0.008333333333494465, 0.001388888894363005,
    0.0001984126950657133, 0.00002480149309892918, 0.0000027557586380882427, 2.7630248379742436e-7,
    2.5000059256054842e-8,
  ],
} as const;

/**
 * Where e^x is at its end: below the first it rounds to 0, above the second it overflows. `pmin`
 * and `pmax`, one instruction where `min` and `max` take eight, give their first argument where it
 * is NaN.
 */
export const ENDS = { f32: [-104, 89], f64: [-746, 710] } as const;

/**
 * Where both powers of two have the bits of 0: -(2 bias) ln 2. An exponent as far down as this is
 * taken for it, as a product that rounds to 0 takes processors as long as a hundred others: in
 * attention that sees nothing behind, half of all exponents are -∞.
 */
export const VANISHES = { f32: -176, f64: -1418 } as const;

/**
 * Lines that define `r`, `square` = r², `tail` and `shifted`: x = n ln 2 + r, e^r = 1 + r + r²
 * tail, and n + `offset` in the low bits of `shifted`.
 * @param more the name of a small number to be added to x, if there is one
 */
export function reduction(pen: Pen, x: string, offset: number, more?: string): string {
  const { vector: F, dtype } = pen.format;
  const magic = pen.roundingShift(offset);
  const high = pen.nmadd("n", pen.c(LN2[dtype].high, "ln 2, high part"), x);
  const low = pen.c(LN2[dtype].low, "ln 2, low part");
  return `const shifted = ${pen.madd(x, pen.c(Math.LOG2E, "log2 e"), magic)};
  const n = ${F}.sub(shifted, ${magic});
  const r = ${more === undefined ? pen.nmadd("n", low, high) : `${F}.add(${high}, ${pen.nmadd("n", low, more)})`};
  const square = ${F}.mul(r, r);
  ${pen.polynomial("tail", "r", EXPONENTIAL_TAIL[dtype], "square")}`;
}

/**
 * Lines that define `power` and the bits of two powers of two, `first` = 2^h and `second` =
 * 2^(n-h), with e^x = power · first · second. Two, so that the result may lie beyond the normal
 * numbers.
 */
export function exponential(pen: Pen, x: string, more?: string): string {
  const { vector: F, integer: I, significand, bias } = pen.format;
  return `${reduction(pen, x, 2 * bias, more)}
  const power = ${F}.add(${pen.madd("tail", "square", "r")}, ${pen.c(1)});
  const half = ${I}.shr_u(shifted, 1);
  const first = ${I}.shl(half, ${significand});
  const second = ${I}.shl(${I}.sub(shifted, half), ${significand});`;
}

export const exp: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, dtype } = pen.format;
    const [, most] = ENDS[dtype];
    return `/// e^x = 2^n e^r with n = round(x / ln 2)
function ${functionName("exp", pen.format)}(x: v128): v128 {
  const t = ${F}.pmin(${F}.pmax(x, ${pen.c(VANISHES[dtype])}), ${pen.c(most)});
  ${exponential(pen, "t")}
  return ${F}.mul(${F}.mul(power, first), second);
}
`;
  },
};

export const expm1: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    // Below the first, e^x - 1 rounds to -1.
    const [least, most] = [dtype === "f32" ? -30 : -60, ENDS[dtype][1]];
    const tiny = 2 ** -(significand + 2);
    return `/// e^x - 1 = 2 (t (e^r - 1) + (t - 1/2)) with t = 2^(n-1); x itself where x^2 / 2 is below its last place
function ${functionName("expm1", pen.format)}(x: v128): v128 {
  const c = ${F}.pmin(${F}.pmax(x, ${pen.c(least)}), ${pen.c(most)});
  ${reduction(pen, "c", bias - 1)}
  const q = ${pen.madd("tail", "square", "r")};
  const t = ${I}.shl(shifted, ${significand});
  const half = ${pen.madd("t", "q", `${F}.sub(t, ${pen.c(0.5)})`)};
  return v128.bitselect(x, ${F}.add(half, half), ${F}.lt(${F}.abs(x), ${pen.c(tiny)}));
}
`;
  },
};
