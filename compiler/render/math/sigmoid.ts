/** sigmoid, tanh and softplus, from exp, expm1 and log1p. */
import { atanhSeries } from "./logarithm.ts";
import { functionName, type VectorFunction } from "./function.ts";

export const sigmoid: VectorFunction = {
  name: "sigmoid",
  arity: 1,
  needs: (format) => [{ name: "exp", format }],
  source(pen) {
    const { vector: F } = pen.format;
    return `/// 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) below: no overflow, and denormal results are right.
function ${functionName("sigmoid", pen.format)}(x: v128): v128 {
  const one = ${pen.c(1)};
  const small = ${functionName("exp", pen.format)}(${F}.neg(${F}.abs(x)));
  const numerator = v128.bitselect(small, one, ${F}.lt(x, ${pen.c(0)}));
  return ${F}.div(numerator, ${F}.add(one, small));
}
`;
  },
};

export const tanh: VectorFunction = {
  name: "tanh",
  arity: 1,
  needs: (format) => [{ name: "expm1", format }],
  source(pen) {
    const { vector: F, dtype } = pen.format;
    // From here on tanh rounds to 1.
    const most = dtype === "f32" ? 10 : 22;
    return `/// tanh |x| = q / (q + 2) with q = e^2|x| - 1, and the sign of x.
function ${functionName("tanh", pen.format)}(x: v128): v128 {
  const a = ${F}.min(${F}.abs(x), ${pen.c(most)});
  const q = ${functionName("expm1", pen.format)}(${F}.add(a, a));
  const y = ${F}.div(q, ${F}.add(q, ${pen.c(2)}));
  return v128.or(y, v128.and(x, ${pen.signBit}));
}
`;
  },
};

/**
 * How many terms of Σ 2 z^i / (2i+3) make (log(1 + e) - 2s) / (s z), z = s², s = e / (2 + e) ≤ 1/3. The first term left out is, of the whole,
 * 9^-8 / 17 = 1e-9 and 9^-17 / 35 = 2e-18.
 */
const softplusTerms = { f32: 7, f64: 16 } as const;

export const softplus: VectorFunction = {
  name: "softplus",
  arity: 1,
  needs: (format) => [{ name: "exp", format }],
  source(pen) {
    const { vector: F, dtype, significand } = pen.format;
    // log(1 + e) is e as rounded.
    const tiny = 2 ** -(significand + 2);
    return `/// log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|; log(1 + e) = 2s + (2/3) s^3 + (2/5) s^5 + ... with s = e / (2 + e)
function ${functionName("softplus", pen.format)}(x: v128): v128 {
  const small = ${functionName("exp", pen.format)}(${F}.neg(${F}.abs(x)));
  const s = ${F}.div(small, ${F}.add(small, ${pen.c(2)}));
  const z = ${F}.mul(s, s);
  ${pen.polynomial("p", "z", atanhSeries(softplusTerms[dtype]))}
  const series = ${F}.add(${F}.add(s, s), ${F}.mul(${F}.mul(s, z), p));
  const log = v128.bitselect(small, series, ${F}.lt(small, ${pen.c(tiny)}));
  return ${F}.add(${F}.max(x, ${pen.c(0)}), log);
}
`;
  },
};
