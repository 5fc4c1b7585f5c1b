/** erf. */
import { reduction } from "./exponential.ts";
import { functionName, type VectorFunction } from "./function.ts";

/**
 * log(erfc a) / a + 1 as a polynomial in a, 0 ≤ a ≤ `most`, where erf rounds to 1: the least maximum of the error of erf, by Remez' exchange in
 * 60 digits. It is 4.0e-9 of erf in f32, 5.0e-18 in f64.
 */
const LOG_COMPLEMENT = {
  f32: {
    most: 3.92,
    coefficients: [
      -0.128379167, -0.636619382, -0.102777831, 0.0191530647, 0.000160394581, -0.00166702573, 0.000632835677,
      -0.000117640853, 9.25620616e-6,
    ],
  },
  f64: {
    most: 5.93,
    coefficients: [
      -0.12837916709551257, -0.6366197723675836, -0.10277260330178876, 0.019128447005070527,
      0.00020919469483990212, -0.0016962063857228476, 0.000590125552765935, -2.5878603754661675e-5,
      -6.449186244536326e-5, 2.9724049833734628e-5, -3.4072719783320985e-6, -2.835131480760408e-6,
      1.741538455664458e-6, -3.363575174614043e-7, -1.371864638312293e-7, 1.417640228961399e-7,
      -6.57342716352951e-8, 2.0962889887519026e-8, -4.99776288353319e-9, 9.082344144178576e-10,
      -1.2484284741085066e-10, 1.2611225476328532e-11, -8.845769716481886e-13, 3.8506315256517074e-14,
      -7.834449163568748e-16,
    ],
  },
} as const;

export const erf: VectorFunction = {
  name: "erf",
  arity: 1,
  needs: () => [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    const { most, coefficients } = LOG_COMPLEMENT[dtype];
    return `/// erf |x| = 1 - e^q = (1 - t) - t (e^r - 1) with q = log erfc |x| = a p(a) - a and t = 2^n, and the sign of x
function ${functionName("erf", pen.format)}(x: v128): v128 {
  const a = ${F}.pmin(${F}.abs(x), ${pen.c(most)});
  const z = ${F}.mul(a, a);
  ${pen.polynomial("p", "a", coefficients, "z")}
  const q = ${F}.sub(${F}.mul(a, p), a);
  ${reduction(pen, "q", bias)}
  const t = ${I}.shl(shifted, ${significand});
  const y = ${F}.sub(${F}.sub(${pen.c(1)}, t), ${F}.mul(t, ${F}.add(${F}.mul(tail, square), r)));
  return v128.or(y, v128.and(x, ${pen.signBit}));
}
`;
  },
};
