/** x^y for any x and y, special values as C99's pow. */
import { F32, F64 } from "../format.ts";
import { ENDS, EXPONENTIAL_TAIL, exponential, LN2 } from "./exponential.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";
import { splitExponent, withUpperEdges } from "./logarithm.ts";

export const pow: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F } = pen.format;
    const isInteger = (y: string): string => `${F}.eq(${F}.floor(${y}), ${y})`;
    return `${pen.format === F32 ? singleMagnitude(pen.in(F64)) : doubleMagnitude(pen)}
/// x^y = |x|^y with the sign of x where y is odd; NaN where x is negative and y no integer; 1 where y = 0 or x = 1
function ${functionName("pow", pen.format)}(x: v128, y: v128): v128 {
  const one = ${pen.c(1)};
  const a = ${F}.abs(x);
  let r = ${functionName("powMagnitude", pen.format)}(a, y);
  // (-1)^±inf is 1, and 1^y is 1 to the last bit.
  r = v128.bitselect(one, r, v128.and(${F}.eq(a, one), ${F}.eq(y, y)));
  const half = ${F}.mul(y, ${pen.c(0.5)});
  const integer = ${isInteger("y")};
  const odd = v128.andnot(integer, ${isInteger("half")});
  r = v128.or(r, v128.and(v128.and(x, odd), ${pen.signBit}));
  // All bits set are NaN.
  r = v128.or(r, v128.andnot(v128.and(${F}.lt(x, ${pen.c(0)}), ${F}.lt(a, ${pen.c(Infinity)})), integer));
  return v128.bitselect(one, r, v128.or(${F}.eq(y, ${pen.c(0)}), ${F}.eq(x, one)));
}
`;
  },
};

/**
 * In f32, e^(y log a) by way of f64, to f32's precision: y log a is below 104 where the result is
 * finite, so that log a needs an error below 2^-34 of it, and has 4.8e-12 by the polynomial here,
 * one term longer than f32's own.
 */
const LONGER_TAIL = [0.666666656, 0.400003353, 0.285373015, 0.235822937] as const;

function singleMagnitude(pen: Pen): string {
  const high = (x: string): string => `f64x2.promote_low_f32x4(i64x2.shuffle(${x}, ${x}, 1, 0))`;
  const magic = pen.roundingShift(F64.bias);
  return `/// a^y = e^(y log a) for a >= 0 that come from f32, so that neither a nor the result is denormal in f64
function powMagnitude_f64x2(a: v128, y: v128): v128 {
  ${splitExponent(pen, "a", false)}
  const f = f64x2.sub(m, ${pen.c(1)});
  const s = f64x2.div(f, f64x2.add(f, ${pen.c(2)}));
  const z = f64x2.mul(s, s);
  ${pen.polynomial("p", "z", [2, ...LONGER_TAIL])}
  const log = ${pen.madd("e", pen.c(Math.LN2, "ln 2"), "f64x2.mul(s, p)")};
  const product = f64x2.mul(y, ${withUpperEdges(pen, "a", "log")});
  const t = f64x2.pmin(f64x2.pmax(product, ${pen.c(-200)}), ${pen.c(200)});
  const shifted = ${pen.madd("t", pen.c(Math.LOG2E, "log2 e"), magic)};
  const r = ${pen.nmadd(`f64x2.sub(shifted, ${magic})`, pen.c(Math.LN2, "ln 2"), "t")};
  const square = f64x2.mul(r, r);
  ${pen.polynomial("q", "r", [1, 1, ...EXPONENTIAL_TAIL.f32], "square")}
  return f64x2.mul(q, i64x2.shl(shifted, 52));
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
 * (log((1+s)/(1-s)) - 2s - 2/3 s³) / (s z²), z = s², as a polynomial in z; the error is 1.1e-20 of
 * the logarithm.
 */
const QUINTIC_TAIL = [
  0.40000000000002256, 0.2857142857009924, 0.22222222519979065, 0.18181784362498585, 0.15386757533521214,
  0.1325681323733522, 0.13196369045971068,
] as const;

/** 2/3 = high + low, high of 26 bits. */
const TWO_THIRDS = { high: 44739242 / 2 ** 26, low: 2 ** -25 / 3 } as const;

/**
 * In f64 the product y log a may be 709, so log a is made as a sum high + low of about 63 bits: s =
 * f / (2 + f) and s³ with their remainders, products made exact by cutting factors to 26 and 27
 * bits (T. J. Dekker, "A floating-point technique for extending the available precision", 1971).
 */
function doubleMagnitude(pen: Pen): string {
  const cut = (x: string): string => `v128.and(${x}, ${pen.bits(-(1n << 27n), "mask of the upper 26 bits")})`;
  const mul = (a: string, b: string): string => `f64x2.mul(${a}, ${b})`;
  const add = (a: string, b: string): string => `f64x2.add(${a}, ${b})`;
  const sub = (a: string, b: string): string => `f64x2.sub(${a}, ${b})`;
  const [least, most] = ENDS.f64;
  return `/// a^y = e^(y log a), log a and the product as sums of two numbers
function powMagnitude_f64x2(a: v128, y: v128): v128 {
  ${splitExponent(pen, "a", true)}
  const f = ${sub("m", pen.c(1))};
  const u = ${add("f", pen.c(2))};
  const lostOfU = ${sub("f", sub("u", pen.c(2)))};
  const s = f64x2.div(f, u);
  const s0 = ${cut("s")};
  const u0 = ${cut("u")};
  const exact = ${sub(sub("f", mul("s0", "u0")), mul("s0", sub("u", "u0")))};
  const s1 = f64x2.div(${sub("exact", mul("s0", "lostOfU"))}, u);
  const z = ${mul("s", "s")};
  ${pen.polynomial("p", "z", QUINTIC_TAIL)}
  const quintic = ${mul(mul("s", mul("z", "z")), "p")};
  // s^3 as a sum, from s^2 = (s0 + s1)^2, then 2/3 of it.
  const z0 = ${mul("s0", "s0")};
  const z1 = ${mul("s1", add(add("s0", "s0"), "s1"))};
  const z00 = ${cut("z0")};
  const c0 = ${mul("s0", "z00")};
  const c1 = ${add(mul("s0", add(sub("z0", "z00"), "z1")), mul("s1", "z"))};
  const c = ${cut(add("c0", "c1"))};
  const cubic0 = ${mul("c", pen.c(TWO_THIRDS.high, "2/3, high part"))};
  const cubic1 = ${add(mul("c", pen.c(TWO_THIRDS.low, "2/3, low part")), mul(add(sub("c0", "c"), "c1"), pen.c(2 / 3, "2/3")))};
  const e0 = ${mul("e", pen.c(LN2.f64.high, "ln 2, high part"))};
  const linear = ${add("s0", "s0")};
  const partial = ${add("e0", "linear")};
  const sum = ${add("partial", "cubic0")};
  let rest = ${add(add(sub("e0", "partial"), "linear"), add(sub("partial", "sum"), "cubic0"))};
  rest = ${add("rest", add(mul("e", pen.c(LN2.f64.low, "ln 2, low part")), add("quintic", add("cubic1", add("s1", "s1")))))};
  const finite = ${add("sum", "rest")};
  const l1 = ${sub("rest", sub("finite", "sum"))};
  const l = ${withUpperEdges(pen, "a", "finite")};
  const product = ${mul("y", "l")};
  const y0 = ${cut("y")};
  const l0 = ${cut("l")};
  const y1 = ${sub("y", "y0")};
  const lCut = ${sub("l", "l0")};
  let low = ${add(add(sub(mul("y0", "l0"), "product"), mul("y0", "lCut")), add(mul("y1", "l0"), mul("y1", "lCut")))};
  low = ${add("low", mul("y", "l1"))};
  low = v128.and(low, f64x2.lt(f64x2.abs(product), ${pen.c(800)}));
  const t = f64x2.pmin(f64x2.pmax(product, ${pen.c(least)}), ${pen.c(most)});
  ${exponential(pen, "t", "low")}
  return ${mul(mul("power", "first"), "second")};
}
`;
}
