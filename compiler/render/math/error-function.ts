/** erf. */
import { reduction } from "./exponential.ts";
import { functionName, type VectorFunction } from "./function.ts";

/**
 * log(erfc a) / a + 1 as a polynomial in a, 0 ≤ a ≤ `most`, where erf rounds to 1: the least
 * maximum of the error of erf. It is 4.0e-9 of erf in f32, 5.0e-18 in f64.
 */
const LOG_COMPLEMENT = {
  f32: {
    most: 3.92,
    coefficients: [
      -0.128379172, -0.636619382, -0.10277783, 0.0191530636, 0.000160396561, -0.00166702787, 0.000632837021,
      -0.000117641297, 0.00000925626514,
    ],
  },
  f64: {
    most: 5.93,
    coefficients: [
      -0.12837916709551256, -0.6366197723675836, -0.10277260330178876, 0.01912844700507053,
      0.00020919469483988304, -0.0016962063857227211, 0.0005901255527653589, -0.000025878603752772595,
      -0.00006449186244998231, 0.000029724049842370823, -0.0000034072719909129446, -0.0000028351314662809894,
      0.0000017415384423660528, -3.3635750764867476e-7, -1.3718646967079207e-7, 1.4176402570154435e-7,
      -6.573427272114501e-8, 2.096289022432114e-8, -4.997762966457029e-9, 9.082344303816936e-10,
      -1.248428497586941e-10, 1.2611225730710053e-11, -8.845769907604314e-13, 3.850631614487563e-14,
      -7.834449355802854e-16,
    ],
  },
} as const;

export const erf: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, integer: I, significand, bias, dtype } = pen.format;
    const { most, coefficients } = LOG_COMPLEMENT[dtype];
    return `/// erf |x| = 1 - e^q = (1 - t) - t (e^r - 1) with q = log erfc |x| = a p(a) - a and t = 2^n, and the sign of x
function ${functionName("erf", pen.format)}(x: v128): v128 {
  const a = ${F}.pmin(${F}.abs(x), ${pen.c(most)});
  const z = ${F}.mul(a, a);
  const fourth = ${F}.mul(z, z);
  ${pen.polynomial("p", "a", coefficients, "z", "fourth")}
  const q = ${F}.sub(${F}.mul(a, p), a);
  ${reduction(pen, "q", bias)}
  const t = ${I}.shl(shifted, ${significand});
  const y = ${pen.nmadd("t", pen.madd("tail", "square", "r"), `${F}.sub(${pen.c(1)}, t)`)};
  return v128.or(y, v128.and(x, ${pen.signBit}));
}
`;
  },
};
