/** sin and cos. Both formats reduce the angle in f64; f32 goes through f64 altogether. */
import { F64 } from "../format.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/** 1/3!, 1/5!, … with alternating signs: sin r = r + r z Σ, |r| ≤ π/4; the first term left out is 0.617^9 / 19! = 1e-19. */
export const SINE = inverseFactorials(3, 8);
/** 1/4!, 1/6!, …: cos r = 1 - z/2 + z² Σ. */
export const COSINE = inverseFactorials(4, 8);

function inverseFactorials(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    let factorial = 1;
    for (let k = 2; k <= first + 2 * i; k++) factorial *= k;
    const sign = (i + (first === 3 ? 1 : 0)) % 2 === 0 ? 1 : -1;
    return sign / factorial;
  });
}

/**
 * π/2 in parts of 33, 33 and 53 bits (those of fdlibm's e_rem_pio2.c), so that the first two times a number of at most 20 bits are exact:
 * W. J. Cody and W. Waite, "Software Manual for the Elementary Functions", 1980.
 */
const HALF_PI = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;

/** Beyond this many quarter turns the parts above no longer serve. */
const FAR = 2 ** 19 * 1.5;

function sine(name: "sin" | "cos"): VectorFunction {
  const shift = name === "sin" ? 0n : 1n;
  return {
    name,
    arity: 1,
    needs: (format) => (format === F64 ? [{ name: "foldAngle", format: F64 }] : [{ name, format: F64 }]),
    source(pen) {
      if (pen.format !== F64) return throughDouble(name);
      const turned = shift === 0n ? "quarter" : `i64x2.add(quarter, ${pen.bits(shift, "a quarter turn")})`;
      return `/// ${name} x = ±sin r or ±cos r with x = k π/2 + r, by the quarter k mod 4
function ${functionName(name, F64)}(x: v128): v128 {
  const r = foldAngle_f64x2(x);
  const k = ${turned};
  const z = f64x2.mul(r, r);
  ${pen.polynomial("p", "z", SINE)}
  ${pen.polynomial("q", "z", COSINE)}
  const sine = f64x2.add(r, f64x2.mul(f64x2.mul(r, z), p));
  const cosine = f64x2.add(f64x2.sub(${pen.c(1)}, f64x2.mul(z, ${pen.c(0.5)})), f64x2.mul(f64x2.mul(z, z), q));
  const odd = i64x2.neg(v128.and(k, ${pen.bits(1n, "lowest bit")}));
  const sign = i64x2.shl(i64x2.shr_u(k, 1), 63);
  const y = v128.xor(v128.bitselect(cosine, sine, odd), sign);
  return ${name === "sin" ? `v128.bitselect(x, y, f64x2.eq(x, ${pen.c(0)}))` : "y"};
}
`;
    },
  };
}

function throughDouble(name: "sin" | "cos"): string {
  return `/// ${name} x in f64, two lanes at a time
function ${name}_f32x4(x: v128): v128 {
  const low = ${name}_f64x2(f64x2.promote_low_f32x4(x));
  const high = ${name}_f64x2(f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0)));
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}
`;
}

export const sin = sine("sin");
export const cos = sine("cos");

/** The words of 2/π after the point, 64 bits each: enough for the largest f64. */
const TWO_OVER_PI = [
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
  0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn,
  0xfe1deb1cb129a73en,
  0xe88235f52ebb4484n,
  0xe99c7026b45f7e41n,
  0x3991d639835339f4n,
  0x9c845f8bbdf9283bn,
  0x1ff897ffde05980fn,
  0xef2f118b5a0a6d1fn,
  0x6d367ecf27cb09b7n,
  0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn,
  0x3d0739f78a5292ean,
  0x6bfb5fb11f8d5d08n,
  0x56033046fc7b6babn,
  0xf0cfbc209af4361dn,
] as const;

/**
 * The angle's rest r in [-π/4, π/4], and the number of quarter turns in the global `quarter`. Huge angles are folded exactly, one lane
 * at a time: the 53 bits of the significand times the 192 bits of 2/π that matter (M. Payne and R. Hanek, "Radian reduction for
 * trigonometric functions", 1983).
 */
export const foldAngle: VectorFunction = {
  name: "foldAngle",
  arity: 1,
  needs: () => [],
  source(pen: Pen) {
    const magic = pen.roundingShift();
    const words = TWO_OVER_PI.map((w) => `0x${w.toString(16)}`).join(", ");
    return `/// The quarter turns that foldAngle_f64x2 took off, in the low bits of each lane
let quarter: v128 = i64x2.splat(0);
const TWO_OVER_PI: usize = memory.data<u64>([${words}], 16);

/// x - k π/2 with k = round(x 2/π)
function foldAngle_f64x2(x: v128): v128 {
  const shifted = f64x2.add(f64x2.mul(x, ${pen.c(2 / Math.PI, "2/π")}), ${magic});
  const n = f64x2.sub(shifted, ${magic});
  quarter = shifted;
  let r = f64x2.sub(x, f64x2.mul(n, ${pen.c(HALF_PI[0], "π/2, first part")}));
  r = f64x2.sub(r, f64x2.mul(n, ${pen.c(HALF_PI[1], "π/2, second part")}));
  r = f64x2.sub(r, f64x2.mul(n, ${pen.c(HALF_PI[2], "π/2, third part")}));
  if (v128.any_true(f64x2.gt(f64x2.abs(x), ${pen.c(FAR)}))) {
    const x0 = f64x2.extract_lane(x, 0);
    const x1 = f64x2.extract_lane(x, 1);
    if (abs(x0) > ${FAR}) {
      r = f64x2.replace_lane(r, 0, foldHuge(x0));
      quarter = i64x2.replace_lane(quarter, 0, hugeQuarter);
    }
    if (abs(x1) > ${FAR}) {
      r = f64x2.replace_lane(r, 1, foldHuge(x1));
      quarter = i64x2.replace_lane(quarter, 1, hugeQuarter);
    }
  }
  return r;
}

let hugeQuarter: i64 = 0;

/// 64 bits of 2/π from bit \`at\` after the point on; zeros before the point
function bitsOfTwoOverPi(at: i32): u64 {
  if (at <= -64) return 0;
  if (at < 0) return load<u64>(TWO_OVER_PI) >> <u64>(-at);
  const word = TWO_OVER_PI + (<usize>(at >> 6) << 3);
  const shift = <u64>(at & 63);
  const first = load<u64>(word) << shift;
  return shift == 0 ? first : first | (load<u64>(word, 8) >> (64 - shift));
}

/// The upper 64 bits of a * b
function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  const carried = a0 * b1 + (middle & 0xffffffff);
  return a1 * b1 + (middle >> 32) + (carried >> 32);
}

/// x - k π/2 for |x| > 1, k mod 4 in hugeQuarter: x = m 2^e, and of m 2^e 2/π only the bits around the point matter
function foldHuge(x: f64): f64 {
  hugeQuarter = 0;
  const bits = reinterpret<u64>(x);
  const exponent = <i32>((bits >> 52) & 0x7ff);
  if (exponent == 0x7ff) return NaN;
  const m = (bits & 0xfffffffffffff) | 0x10000000000000;
  const at = exponent - 1075 - 2;
  // Windows of 2/π whose product with m has two bits before the point.
  const high = bitsOfTwoOverPi(at);
  const middle = bitsOfTwoOverPi(at + 64);
  const low = bitsOfTwoOverPi(at + 128);
  let f1 = m * middle;
  const f2 = multiplyHigh(m, low);
  let f0 = m * high + multiplyHigh(m, middle);
  f1 += f2;
  if (f1 < f2) f0 += 1;
  // f0, f1: x 2/π mod 4 in units of 2^-62 and 2^-126.
  let k = <i64>(f0 >> 62);
  f0 = (f0 << 2) | (f1 >> 62);
  f1 <<= 2;
  let sign = 1.0;
  if (<i64>f0 < 0) {
    k += 1;
    sign = -1.0;
    f0 = ~f0;
    f1 = ~f1;
  }
  let scale = 1.0 / 18446744073709551616.0;
  const zeros = clz(f0);
  if (zeros > 0 && zeros < 64) {
    f0 = (f0 << zeros) | (f1 >> (64 - zeros));
    scale = reinterpret<f64>((1023 - 64 - zeros) << 52);
  }
  const fraction = sign * <f64>f0 * scale * 1.5707963267948966;
  if (<i64>bits < 0) {
    hugeQuarter = -k;
    return -fraction;
  }
  hugeQuarter = k;
  return fraction;
}
`;
  },
};
