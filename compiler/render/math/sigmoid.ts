/** sigmoid, tanh and softplus: each one e^x and one division. */
import { ENDS, exponential, reduction, VANISHES } from "./exponential.ts";
import { functionName, type VectorFunction } from "./function.ts";

export const sigmoid: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    const [least] = ENDS[dtype];
    return `/// e^x / (1 + e^x) = g / (2^-h + g) with e^x = 2^h g: nothing overflows, and denormal results are rounded once.
function ${functionName("sigmoid", pen.format)}(x: v128): v128 {
  const t = ${F}.pmin(${F}.pmax(x, ${pen.c(least)}), ${pen.c(-least)});
  ${exponential(pen, "t")}
  const g = ${F}.mul(power, second);
  const inverse = ${I}.sub(${pen.bits(BigInt(2 * bias) << BigInt(significand), "the bits of 1, twice")}, first);
  return ${F}.div(g, ${F}.add(g, inverse));
}
`;
  },
};

export const tanh: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    // From half of this on tanh rounds to 1.
    const most = dtype === "f32" ? 20 : 44;
    return `/// tanh |x| = q / (q + 2) with q = e^2|x| - 1 = t (e^r - 1) + (t - 1), t = 2^n, and the sign of x
function ${functionName("tanh", pen.format)}(x: v128): v128 {
  const a = ${F}.pmin(${F}.abs(${F}.add(x, x)), ${pen.c(most)});
  ${reduction(pen, "a", bias)}
  const t = ${I}.shl(shifted, ${significand});
  const q = ${pen.madd("t", pen.madd("tail", "square", "r"), `${F}.sub(t, ${pen.c(1)})`)};
  const y = ${F}.div(q, ${F}.add(q, ${pen.c(2)}));
  return v128.or(y, v128.and(x, ${pen.signBit}));
}
`;
  },
};

/**
 * (log(1 + e) - s) / (s z), z = s², s = e / (1 + e/2) ≤ 2/3, as a polynomial in z: the least
 * maximum of the error of log(1 + e). It is 4.6e-9 of it in f32, 1.3e-18 in f64.
 */
const TAIL = {
  f32: [0.66666413, 0.400217062, 0.279990132, 0.280251414].map((c, i) => c / 2 / 4 ** (i + 1)),
  f64: [
    0.6666666666666631, 0.40000000000157393, 0.28571428547833394, 0.22222223971074231, 0.1818174387540349,
    0.15386561020679976, 0.13300958660262488, 0.12106208115694954, 0.08339553472200452, 0.17019618442915094,
  ].map((c, i) => c / 2 / 4 ** (i + 1)),
} as const;

export const softplus: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, dtype } = pen.format;
    return `/// log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|; log(1 + e) = s + s^3 / 12 + s^5 / 80 + ... with s = e / (1 + e/2)
function ${functionName("softplus", pen.format)}(x: v128): v128 {
  const t = ${F}.pmax(v128.or(x, ${pen.signBit}), ${pen.c(VANISHES[dtype])});
  ${exponential(pen, "t")}
  const e = ${F}.mul(${F}.mul(power, first), second);
  const s = ${F}.div(e, ${pen.madd("e", pen.c(0.5), pen.c(1))});
  const z = ${F}.mul(s, s);
  ${pen.polynomial("series", "z", TAIL[dtype])}
  const log = ${pen.madd(`${F}.mul(s, z)`, "series", "s")};
  return ${F}.add(${F}.pmax(x, ${pen.c(0)}), log);
}
`;
  },
};
