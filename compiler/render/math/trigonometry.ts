/** sin and cos. Both formats fold the angle in f64. */
import { F32, F64, type Format } from "../format.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/**
 * (sin r - r) / r³ and (cos r - 1 + r²/2) / r⁴ as polynomials in r² on |r| ≤ π/4: the least maximum
 * of the errors of sin and cos. They are 3.8e-9 and 1.2e-10 of them in f32, 3.6e-18 and 5.6e-20 in
 * f64.
 */
const SINE = {
  f32: [-0.166666546, 0.00833216029, -0.000195152181],
  f64: [
    -0.1666666666666663, 0.008333333333322108, -0.00019841269829580144, 0.000002755731361800941,
    -2.5050747216931956e-8, 1.589619756292715e-10,
  ],
} as const;
const COSINE = {
  f32: [0.0416666457, -0.00138873156, 0.0000244330826],
  f64: [
    0.041666666666666595, -0.001388888888887304, 0.000024801587288841407, -2.7557314176242773e-7,
    2.0875700416476113e-9, -1.1358513971780648e-11,
  ],
} as const;

/**
 * Lines that define `wave` = sin(r + k π/2), which is ±sin r or ±cos r, of `r` in [-π/4, π/4] and
 * the low bits of `k`.
 */
export function wave(pen: Pen): string {
  const { vector: F, integer: I, dtype, bytes } = pen.format;
  return `const z = ${F}.mul(r, r);
  const z2 = ${F}.mul(z, z);
  ${pen.polynomial("p", "z", SINE[dtype], "z2")}
  ${pen.polynomial("q", "z", COSINE[dtype], "z2")}
  // A product, so that sin -0 is -0.
  const sine = ${F}.mul(r, ${pen.madd("z", "p", pen.c(1))});
  const cosine = ${pen.madd("z2", "q", pen.nmadd("z", pen.c(0.5), pen.c(1)))};
  const odd = ${I}.neg(v128.and(k, ${pen.bits(1n, "lowest bit")}));
  const sign = ${I}.shl(${I}.shr_u(k, 1), ${bytes * 8 - 1});
  const wave = v128.xor(v128.bitselect(cosine, sine, odd), sign);`;
}

export const sin: VectorFunction = {
  needs: ["foldAngle"],
  source: (pen) => `/// sin x = sin(r + k π/2)
function ${functionName("sin", pen.format)}(x: v128): v128 {
  const r = ${functionName("foldAngle", pen.format)}(x);
  const k = quarters;
  ${wave(pen)}
  return wave;
}
`,
};

export const cos: VectorFunction = {
  needs: ["foldAngle"],
  source: (pen) => `/// cos x = sin(r + (k + 1) π/2)
function ${functionName("cos", pen.format)}(x: v128): v128 {
  const r = ${functionName("foldAngle", pen.format)}(x);
  const k = ${pen.format.integer}.add(quarters, ${pen.bits(1n, "a quarter turn")});
  ${wave(pen)}
  return wave;
}
`,
};

/**
 * π/2 in parts of 33, 33 and 53 bits (those of fdlibm's e_rem_pio2.c), so that the first two times
 * a number of at most 20 bits are exact: W. J. Cody and W. Waite, "Software Manual for the
 * Elementary Functions", 1980. For an angle that comes from f32 two parts do, the second of 53
 * bits.
 */
const HALF_PI = {
  f32: [1.5707963267341256, 6.077100506506192e-11],
  f64: [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21],
} as const;

/** Beyond this angle, of some 2^19 quarter turns, the parts above no longer serve. */
const FAR = 2 ** 19 * 1.5;

/** Of foldAngle, its first lines: `turns` and `rest` of the two angles `x` in f64. */
function foldTwo(double: Pen, parts: readonly number[], x: string, name: (of: string) => string): string {
  const magic = double.roundingShift();
  const [turns, n, rest] = [name("turns"), name("n"), name("rest")];
  const lines = [
    `const ${turns} = ${double.madd(x, double.c(2 / Math.PI, "2/π"), magic)};`,
    `const ${n} = f64x2.sub(${turns}, ${magic});`,
    `let ${rest} = ${double.nmadd(n, double.c(parts[0]!, "π/2, first part"), x)};`,
    ...parts
      .slice(1)
      .map(
        (part, i) =>
          `${rest} = ${double.nmadd(n, double.c(part, `π/2, ${i === 0 ? "second" : "third"} part`), rest)};`,
      ),
  ];
  return lines.join("\n  ");
}

/** Lines that define `r` and set `quarters`, of angles up to FAR. */
function fold(pen: Pen): string {
  if (pen.format !== F32) {
    return `${foldTwo(pen, HALF_PI.f64, "x", (of) => of)}
  let r = rest;
  quarters = turns;`;
  }
  const double = pen.in(F64);
  return `const low = f64x2.promote_low_f32x4(x);
  const high = f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0));
  ${foldTwo(double, HALF_PI.f32, "low", (of) => `${of}Low`)}
  ${foldTwo(double, HALF_PI.f32, "high", (of) => `${of}High`)}
  let r = i64x2.shuffle(f32x4.demote_f64x2_zero(restLow), f32x4.demote_f64x2_zero(restHigh), 0, 2);
  quarters = i32x4.shuffle(turnsLow, turnsHigh, 0, 2, 4, 6);`;
}

/** Lines for one lane of a far angle. */
function foldLane({ vector: F, integer: I, dtype }: Format, lane: number): string {
  const x = `x${lane}`;
  return `const ${x} = ${F}.extract_lane(x, ${lane});
    if (abs(${x}) > ${FAR}) {
      r = ${F}.replace_lane(r, ${lane}, <${dtype}>foldFar(<f64>${x}));
      quarters = ${I}.replace_lane(quarters, ${lane}, <${dtype === "f32" ? "i32" : "i64"}>farQuarters);
    }`;
}

/**
 * The angle's rest r in [-π/4, π/4], and the number of quarter turns in the global `quarters`. Far
 * angles are folded one lane at a time.
 */
export const foldAngle: VectorFunction = {
  needs: ["foldFar"],
  source(pen) {
    const { vector: F, lanes } = pen.format;
    const each = Array.from({ length: lanes }, (_, lane) => foldLane(pen.format, lane));
    return `/// The quarter turns that foldAngle took off, in the low bits of each lane
let quarters: v128 = i64x2.splat(0);

/// x - k π/2 with k = round(x 2/π)
function ${functionName("foldAngle", pen.format)}(x: v128): v128 {
  ${fold(pen)}
  if (v128.any_true(${F}.gt(${F}.abs(x), ${pen.c(FAR)}))) {
    ${each.join("\n    ")}
  }
  return r;
}
`;
  },
};

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
 * One far angle, exactly: the 53 bits of the significand times the 192 bits of 2/π that matter (M.
 * Payne and R. Hanek, "Radian reduction for trigonometric functions", 1983).
 */
export const foldFar: VectorFunction = {
  needs: [],
  source() {
    const words = TWO_OVER_PI.map((w) => `0x${w.toString(16)}`).join(", ");
    return `const TWO_OVER_PI: usize = memory.data<u64>([${words}], 16);

/// The quarter turns that foldFar took off
let farQuarters: i64 = 0;

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

/// x - k π/2 for |x| > 1, k mod 4 in farQuarters: x = m 2^e, and of m 2^e 2/π only the bits around the point matter
function foldFar(x: f64): f64 {
  farQuarters = 0;
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
    farQuarters = -k;
    return -fraction;
  }
  farQuarters = k;
  return fraction;
}
`;
  },
};
