/** sigmoid, tanh and softplus, from exp, expm1 and log1p. */
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

export const softplus: VectorFunction = {
  name: "softplus",
  arity: 1,
  needs: (format) => [
    { name: "exp", format },
    { name: "log1p", format },
  ],
  source(pen) {
    const { vector: F } = pen.format;
    return `/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|)
function ${functionName("softplus", pen.format)}(x: v128): v128 {
  const small = ${functionName("exp", pen.format)}(${F}.neg(${F}.abs(x)));
  return ${F}.add(${F}.max(x, ${pen.c(0)}), ${functionName("log1p", pen.format)}(small));
}
`;
  },
};
