/** erf. */
import { functionName, type VectorFunction } from "./function.ts";

/**
 * Least maximum fits by weighted least squares (Lawson's iteration) at Chebyshev nodes, in 60 decimal digits.
 * near: erf(a)/a - 1 as a polynomial in a², on a ≤ `split`. far: log erfc(a) as a polynomial in a - `centre`, weighted with erfc.
 * Errors of erf: f32 4e-10 and 5e-11, f64 1e-19 and 1e-18. `most` is where erf rounds to 1.
 */
const FITS = {
  f32: {
    split: 0.92,
    centre: 0,
    most: 4,
    near: [
      0.128379166682, -0.376126341042, 0.112837004556, -0.0268596433641, 0.00520158134311, -0.000814838568283,
      0.000083921815514,
    ],
    far: [
      0.000170676275432, -1.12949579126, -0.633385270549, -0.108238276794, 0.0250926857747, -0.00416103258492,
      0.000432420425952, -0.0000209209959585,
    ],
  },
  f64: {
    split: 1,
    centre: 3,
    most: 6,
    near: [
      0.1283791670955126, -0.3761263890318375, 0.11283791670954882, -0.026866170645077334,
      0.005223977624823223, -0.0008548326981129666, 0.00012055331122299266, -0.000014925595519506043,
      0.0000016461004480962034, -1.6350354461959655e-7, 1.4660051998394848e-8, -1.1373902296430911e-9,
      5.958930743134941e-11,
    ],
    far: [
      -10.720363041981129, -6.303753689003922, -0.9573942188040881, -0.007411891788635255,
      0.0013533104941834385, -0.00024569205572383293, 0.00004308168187477359, -0.000007115869809042063,
      0.000001069092154928184, -1.3589181695296504e-7, 1.2073381914332599e-8, 9.202527333813725e-10,
      -7.811773015983637e-10, -6.201751488967014e-11, -1.3313445057176834e-10, 2.7162282577427084e-11,
      2.4315409646168526e-11, 8.566348765401156e-12, 1.0371066287820112e-12,
    ],
  },
} as const;

export const erf: VectorFunction = {
  name: "erf",
  arity: 1,
  needs: (format) => [{ name: "exp", format }],
  source(pen) {
    const { vector: F, dtype } = pen.format;
    const { split, centre, most, near, far } = FITS[dtype];
    return `/// a + a p(a²) for small a = |x|, 1 - e^q(a) with q = log erfc beyond, and the sign of x
function ${functionName("erf", pen.format)}(x: v128): v128 {
  const a = ${F}.abs(x);
  const z = ${F}.mul(a, a);
  ${pen.polynomial("p", "z", near)}
  const nearby = ${F}.add(a, ${F}.mul(a, p));
  const t = ${F}.sub(${F}.min(a, ${pen.c(most)}), ${pen.c(centre)});
  ${pen.polynomial("q", "t", far)}
  const away = ${F}.sub(${pen.c(1)}, ${functionName("exp", pen.format)}(q));
  const y = v128.bitselect(nearby, away, ${F}.lt(a, ${pen.c(split)}));
  return v128.or(y, v128.and(x, ${pen.signBit}));
}
`;
  },
};
