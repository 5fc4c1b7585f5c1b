/** log and log1p. */
import type { Format } from "../format.ts";
import { LN2 } from "./exponential.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/**
 * (log((1+s)/(1-s)) - 2s) / (s z), z = s², as a polynomial in z on |s| ≤ (√2-1)/(√2+1): the least
 * maximum of the error of the logarithm. It is 8.1e-10 of it in f32, 1.2e-18 in f64.
 */
const TAIL = {
  f32: [0.666667764, 0.39977537, 0.298718623],
  f64: [
    0.6666666666666734, 0.3999999999941432, 0.28571428742474725, 0.22222198563497944, 0.1818356486613051,
    0.15314035847063412, 0.14796105340615087,
  ],
} as const;

/** The bits of √½. */
function rootBits({ dtype }: Format): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (dtype === "f32") view.setFloat32(4, Math.SQRT1_2);
  else view.setFloat64(0, Math.SQRT1_2);
  return view.getBigUint64(0);
}

/**
 * Lines that define `e` and `m` with `x` = 2^e m, m in [√½, √2), both finite whatever x is.
 * @param denormals whether x may be denormal
 */
export function splitExponent(pen: Pen, x: string, denormals: boolean): string {
  const { vector: F, integer: I, significand, bias } = pen.format;
  const place = BigInt(significand);
  const root = rootBits(pen.format);
  // So much is added to e that it is never negative.
  const offset = 2 * (bias + 1);
  const up = BigInt(significand + 2);
  const one = pen.bits(BigInt(bias) << place, "the bits of 1");
  const magic = BigInt(bias + significand) << place;
  const scaled = `const up = v128.and(${F}.lt(${x}, ${pen.c(2 ** (1 - bias), "least normal number")}), ${pen.bits(up << place, `${up}, as an exponent`)});
  const normal = ${I}.sub(${F}.mul(${x}, ${I}.add(${one}, up)), up);
  `;
  return `${denormals ? scaled : ""}const bits = ${I}.add(${denormals ? "normal" : x}, ${pen.bits((BigInt(offset) << place) - root, `${offset} as an exponent, less the bits of sqrt(1/2)`)});
  const exponent = v128.or(${I}.shr_u(bits, ${significand}), ${pen.bits(magic, `the bits of 2^${significand}`)});
  const e = ${F}.sub(exponent, ${pen.c(2 ** significand + offset)});
  const m = ${I}.add(v128.and(bits, ${pen.bits((1n << place) - 1n, "mask of the significand")}), ${pen.bits(root, "the bits of sqrt(1/2)")});`;
}

/**
 * Lines that define `y` = e ln 2 + log m, and on the way f = m - 1 and s = f / (2 + f): log m = 2s
 * + s z p = f - s (f - z p).
 * @param more the name of what is to be added to it, if anything
 */
function logarithm(pen: Pen, more?: string): string {
  const { vector: F, dtype } = pen.format;
  const ln2 = {
    high: pen.c(LN2[dtype].high, "ln 2, high part"),
    low: pen.c(LN2[dtype].low, "ln 2, low part"),
  };
  const low = more === undefined ? `${F}.mul(e, ${ln2.low})` : pen.madd("e", ln2.low, more);
  return `const f = ${F}.sub(m, ${pen.c(1)});
  const s = ${F}.div(f, ${F}.add(f, ${pen.c(2)}));
  const z = ${F}.mul(s, s);
  ${pen.polynomial("p", "z", TAIL[dtype])}
  const rest = ${pen.nmadd("s", pen.nmadd("z", "p", "f"), low)};
  const y = ${pen.madd("e", ln2.high, `${F}.add(f, rest)`)};`;
}

/**
 * An expression for log x, x >= 0, given `y`: finite, and right where x is neither 0 nor infinite
 * nor NaN, which are added or taken off.
 */
export function withUpperEdges(pen: Pen, x: string, y: string): string {
  const { vector: F } = pen.format;
  const infinity = pen.c(Infinity);
  const upper = `v128.andnot(${x}, ${F}.lt(${x}, ${infinity}))`;
  const zero = `v128.and(${infinity}, ${F}.eq(${x}, ${pen.c(0)}))`;
  return `${F}.sub(${F}.add(${y}, ${upper}), ${zero})`;
}

/** The same for any x: all bits set are NaN. */
const withEdges = (pen: Pen, x: string): string =>
  `v128.or(${withUpperEdges(pen, x, "y")}, ${pen.format.vector}.lt(${x}, ${pen.c(0)}))`;

export const log: VectorFunction = {
  needs: [],
  source(pen) {
    return `/// log x = e ln 2 + log m; infinity and NaN are added, infinity is taken off at 0, and all bits set are NaN.
function ${functionName("log", pen.format)}(x: v128): v128 {
  ${splitExponent(pen, "x", true)}
  ${logarithm(pen)}
  return ${withEdges(pen, "x")};
}
`;
  },
};

export const log1p: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F } = pen.format;
    return `/// log(1 + x) = log u + (x - (u - 1)) / u with u = 1 + x as rounded, and the sign of x, for -0
function ${functionName("log1p", pen.format)}(x: v128): v128 {
  const u = ${F}.add(x, ${pen.c(1)});
  const lost = ${F}.div(${F}.sub(x, ${F}.sub(u, ${pen.c(1)})), u);
  // The first where the second is NaN: at u = 0 and infinity, where y need only be finite.
  const more = ${F}.pmax(${pen.c(-1)}, lost);
  ${splitExponent(pen, "u", false)}
  ${logarithm(pen, "more")}
  return v128.or(${withEdges(pen, "u")}, v128.and(x, ${pen.signBit}));
}
`;
  },
};
