/** log and log1p. */
import type { Format } from "../format.ts";
import { LN2 } from "./exponential.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/**
 * How many terms of Σ 2 z^i / (2i+3) make (log((1+s)/(1-s)) - 2s) / (s z), z = s². |s| ≤ (√2-1)/(√2+1) = 0.1716, so that the first
 * term left out is below 0.0295^4 · 2/11 = 2e-7 of the smallest kept contribution, and 2e-17 of the sum for f64.
 */
const terms = (format: Format): number => (format.dtype === "f32" ? 4 : 10);

/** 2/3, 2/5, 2/7 …: (2 atanh s - 2s) / (s z) as a series in z = s². */
export const atanhSeries = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => 2 / (2 * i + 3));

export const seriesCoefficients = (format: Format): number[] => atanhSeries(terms(format));

/** Lines that define `e` and `m` with `x` = 2^e · m, m in [√½, √2), denormal numbers included. */
export function splitExponent(pen: Pen, x: string): string {
  const { vector: F, integer: I, significand, bias } = pen.format;
  const leastNormal = 2 ** (1 - bias);
  const up = significand + 2;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.SQRT1_2);
  const rootHalf =
    pen.format.dtype === "f64"
      ? view.getBigUint64(0)
      : (view.setFloat32(0, Math.SQRT1_2), BigInt(view.getUint32(0)));
  const mask = (1n << BigInt(significand)) - 1n;
  const magic = pen.c(pen.roundingShift);
  const root = pen.bits(rootHalf, "the bits of sqrt(1/2)");
  return `const small = ${F}.lt(${x}, ${pen.c(leastNormal, "least normal number")});
  const normal = v128.bitselect(${F}.mul(${x}, ${pen.c(2 ** up)}), ${x}, small);
  const bits = ${I}.sub(normal, ${root});
  const shifted = ${I}.add(${I}.shr_s(bits, ${significand}), ${pen.roundingShiftBits});
  const e = ${F}.sub(${F}.sub(shifted, ${magic}), v128.and(small, ${pen.c(up)}));
  const m = ${I}.add(v128.and(bits, ${pen.bits(mask, "mask of the significand")}), ${root});`;
}

export const log: VectorFunction = {
  name: "log",
  arity: 1,
  needs: () => [],
  source(pen) {
    const { vector: F, dtype } = pen.format;
    return `/// log x = e ln 2 + log(1 + f), x = 2^e (1 + f); log(1 + f) = 2s + (2/3) s^3 + (2/5) s^5 + ... with s = f / (2 + f).
function ${functionName("log", pen.format)}(x: v128): v128 {
  ${splitExponent(pen, "x")}
  const f = ${F}.sub(m, ${pen.c(1)});
  const s = ${F}.div(f, ${F}.add(f, ${pen.c(2)}));
  const z = ${F}.mul(s, s);
  ${pen.polynomial("p", "z", seriesCoefficients(pen.format))}
  const square = ${F}.mul(${F}.mul(f, f), ${pen.c(0.5)});
  const tail = ${F}.add(${F}.mul(s, ${F}.add(square, ${F}.mul(z, p))), ${F}.mul(e, ${pen.c(LN2[dtype].low, "ln 2, low part")}));
  const y = ${F}.sub(${F}.mul(e, ${pen.c(LN2[dtype].high, "ln 2, high part")}), ${F}.sub(${F}.sub(square, tail), f));
  // sqrt leaves infinity as it is and makes NaN of what is negative.
  const edge = v128.bitselect(${pen.c(-Infinity)}, ${F}.sqrt(x), ${F}.eq(x, ${pen.c(0)}));
  const usual = v128.and(${F}.gt(x, ${pen.c(0)}), ${F}.lt(x, ${pen.c(Infinity)}));
  return v128.bitselect(y, edge, usual);
}
`;
  },
};

export const log1p: VectorFunction = {
  name: "log1p",
  arity: 1,
  needs: (format) => [{ name: "log", format }],
  source(pen) {
    const { vector: F, significand } = pen.format;
    const tiny = 2 ** -(significand + 2);
    return `/// log(1 + x) = log u + (x - (u - 1)) / u with u = 1 + x as rounded; x itself where x^2 / 2 is below its last place.
function ${functionName("log1p", pen.format)}(x: v128): v128 {
  const one = ${pen.c(1)};
  const u = ${F}.add(x, one);
  const lost = ${F}.div(${F}.sub(x, ${F}.sub(u, one)), u);
  const finite = v128.and(${F}.gt(u, ${pen.c(0)}), ${F}.lt(x, ${pen.c(Infinity)}));
  const y = ${F}.add(${functionName("log", pen.format)}(u), v128.and(lost, finite));
  return v128.bitselect(x, y, ${F}.lt(${F}.abs(x), ${pen.c(tiny)}));
}
`;
  },
};
