/** x^y for any x and y, special values as C99's pow. */
import { F32, F64 } from "../format.ts";
import { LN2, tailCoefficients } from "./exponential.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";
import { atanhSeries, seriesCoefficients, splitExponent } from "./logarithm.ts";

export const pow: VectorFunction = {
  name: "pow",
  arity: 2,
  needs: (format) => (format.dtype === "f32" ? [] : [{ name: "exp", format: F64 }]),
  source(pen) {
    const { vector: F } = pen.format;
    const isInteger = (y: string): string => `${F}.eq(${F}.floor(${y}), ${y})`;
    return `${pen.format === F32 ? singleMagnitude(pen.in(F64)) : doubleMagnitude(pen)}
/// x^y = |x|^y with the sign of x where y is odd; NaN where x is negative and y no integer; 1 where y = 0 or x = 1.
function ${functionName("pow", pen.format)}(x: v128, y: v128): v128 {
  const one = ${pen.c(1)};
  const a = ${F}.abs(x);
  let r = ${functionName("powMagnitude", pen.format)}(a, y);
  // (-1)^±inf is 1, and 1^y is 1 to the last bit.
  r = v128.bitselect(one, r, v128.and(${F}.eq(a, one), ${F}.eq(y, y)));
  const half = ${F}.mul(y, ${pen.c(0.5)});
  const odd = v128.andnot(${isInteger("y")}, ${isInteger("half")});
  r = v128.or(r, v128.and(v128.and(x, odd), ${pen.signBit}));
  const real = v128.or(${isInteger("y")}, v128.not(v128.and(${F}.lt(x, ${pen.c(0)}), ${F}.lt(a, ${pen.c(Infinity)}))));
  r = v128.bitselect(r, ${pen.c(NaN)}, real);
  return v128.bitselect(one, r, v128.or(${F}.eq(y, ${pen.c(0)}), ${F}.eq(x, one)));
}
`;
  },
};

/**
 * In f32, e^(y log a) by way of f64, to f32's precision: y log a is below 104 where the result is finite, so that the relative error of log a
 * may be 2^-34: the first term left out is, of the logarithm's series, 0.0295^6 / 13 = 5e-11, and of e^r 0.347^8 / 8! = 5e-9.
 */
function singleMagnitude(pen: Pen): string {
  const high = (x: string): string => `f64x2.promote_low_f32x4(i64x2.shuffle(${x}, ${x}, 1, 0))`;
  const magic = pen.c(pen.roundingShift);
  const magicBits = pen.roundingShiftBits;
  const root = pen.bits(0x3fe6a09e667f3bcdn, "the bits of sqrt(1/2)");
  return `/// a^y = e^(y log a) for a >= 0 that come from f32, so that neither a nor the result is denormal in f64
function powMagnitude_f64x2(a: v128, y: v128): v128 {
  const bits = i64x2.sub(a, ${root});
  const e = f64x2.sub(i64x2.add(i64x2.shr_s(bits, 52), ${magicBits}), ${magic});
  const m = i64x2.add(v128.and(bits, ${pen.bits((1n << 52n) - 1n, "mask of the significand")}), ${root});
  const s = f64x2.div(f64x2.sub(m, ${pen.c(1)}), f64x2.add(m, ${pen.c(1)}));
  const z = f64x2.mul(s, s);
  ${pen.polynomial("p", "z", [2, ...atanhSeries(5)])}
  const usual = v128.and(f64x2.gt(a, ${pen.c(0)}), f64x2.lt(a, ${pen.c(Infinity)}));
  const edge = v128.bitselect(${pen.c(-Infinity)}, a, f64x2.eq(a, ${pen.c(0)}));
  const log = v128.bitselect(f64x2.add(f64x2.mul(e, ${pen.c(Math.LN2, "ln 2")}), f64x2.mul(s, p)), edge, usual);
  const t = f64x2.min(f64x2.max(f64x2.mul(y, log), ${pen.c(-200)}), ${pen.c(200)});
  const shifted = f64x2.add(f64x2.mul(t, ${pen.c(Math.LOG2E, "log2 e")}), ${magic});
  const r = f64x2.sub(t, f64x2.mul(f64x2.sub(shifted, ${magic}), ${pen.c(Math.LN2, "ln 2")}));
  ${pen.polynomial("q", "r", [1, 1, ...tailCoefficients(6)])}
  return f64x2.mul(q, i64x2.shl(i64x2.add(shifted, ${pen.bits(1023n, "exponent bias")}), 52));
}

/// Two lanes at a time in f64
function powMagnitude_f32x4(a: v128, y: v128): v128 {
  const low = powMagnitude_f64x2(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(y));
  const high = powMagnitude_f64x2(${high("a")}, ${high("y")});
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}
`;
}

/**
 * In f64 the product y log a may be 709, so log a is made as a sum high + low of about 62 bits: s = f / (2 + f) with its remainder, products
 * made exact by cutting factors to 26 and 27 bits (Dekker, "A floating-point technique for extending the available precision", 1971).
 */
function doubleMagnitude(pen: Pen): string {
  const cut = (x: string): string => `v128.and(${x}, ${pen.bits(-(1n << 27n), "mask of the upper 26 bits")})`;
  const mul = (a: string, b: string): string => `f64x2.mul(${a}, ${b})`;
  const add = (a: string, b: string): string => `f64x2.add(${a}, ${b})`;
  const sub = (a: string, b: string): string => `f64x2.sub(${a}, ${b})`;
  return `/// a^y = e^(y log a), log a and the product as sums of two numbers
function powMagnitude_f64x2(a: v128, y: v128): v128 {
  ${splitExponent(pen, "a")}
  const f = ${sub("m", pen.c(1))};
  const u = ${add("f", pen.c(2))};
  const lostOfU = ${sub("f", sub("u", pen.c(2)))};
  const s = f64x2.div(f, u);
  const s0 = ${cut("s")};
  const u0 = ${cut("u")};
  const exact = ${sub(sub("f", mul("s0", "u0")), mul("s0", sub("u", "u0")))};
  const s1 = f64x2.div(${sub("exact", mul("s0", "lostOfU"))}, u);
  const z = ${mul("s", "s")};
  ${pen.polynomial("p", "z", seriesCoefficients(pen.format))}
  const e0 = ${mul("e", pen.c(LN2.f64.high, "ln 2, high part"))};
  const d0 = ${add("s0", "s0")};
  const sum = ${add("e0", "d0")};
  let rest = ${add(sub("e0", "sum"), "d0")};
  rest = ${add("rest", mul("e", pen.c(LN2.f64.low, "ln 2, low part")))};
  rest = ${add("rest", add(add("s1", "s1"), mul("s", mul("z", "p"))))};
  const l = ${add("sum", "rest")};
  const l1 = ${sub("rest", sub("l", "sum"))};
  const product = ${mul("y", "l")};
  const y0 = ${cut("y")};
  const l0 = ${cut("l")};
  const y1 = ${sub("y", "y0")};
  const lCut = ${sub("l", "l0")};
  let low = ${add(add(sub(mul("y0", "l0"), "product"), mul("y0", "lCut")), add(mul("y1", "l0"), mul("y1", "lCut")))};
  low = ${add("low", mul("y", "l1"))};
  low = v128.and(low, f64x2.lt(f64x2.abs(product), ${pen.c(800)}));
  const r = exp_f64x2(product);
  const usual = v128.bitselect(${add("r", mul("r", "low"))}, r, f64x2.lt(r, ${pen.c(Infinity)}));
  // Where a is 0 or infinite, or y infinite, the sign of y log a decides.
  const zero = f64x2.eq(a, ${pen.c(0)});
  const inside = v128.and(f64x2.gt(a, ${pen.c(0)}), f64x2.lt(a, ${pen.c(Infinity)}));
  const l2 = v128.bitselect(${pen.c(-Infinity)}, v128.bitselect(l, a, inside), zero);
  const edge = exp_f64x2(${mul("y", "l2")});
  const isUsual = v128.andnot(inside, f64x2.eq(f64x2.abs(y), ${pen.c(Infinity)}));
  return v128.bitselect(usual, edge, isUsual);
}
`;
}
