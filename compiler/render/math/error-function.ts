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
      8.3921815514e-5,
    ],
    far: [
      0.000170676275432, -1.12949579126, -0.633385270549, -0.108238276794, 0.0250926857747, -0.00416103258492,
      0.000432420425952, -2.09209959585e-5,
    ],
  },
  f64: {
    split: 1,
    centre: 3,
    most: 6,
    near: [
      0.12837916709551257377, -0.37612638903183748117, 0.11283791670954881569, -0.026866170645077334198,
      0.0052239776248232225684, -0.00085483269811296659963, 0.00012055331122299265255,
      -0.000014925595519506043454, 1.6461004480962034678e-6, -1.6350354461959655636e-7,
      1.4660051998394847679e-8, -1.1373902296430911635e-9, 5.9589307431349412188e-11,
    ],
    far: [
      -10.720363041981128521, -6.3037536890039221929, -0.95739421880408820367, -0.0074118917886352542653,
      0.0013533104941834384088, -0.00024569205572383293792, 0.00004308168187477358975,
      -7.1158698090420624801e-6, 1.0690921549281840327e-6, -1.358918169529650455e-7, 1.2073381914332599396e-8,
      9.2025273338137258266e-10, -7.8117730159836369443e-10, -6.2017514889670133586e-11,
      -1.3313445057176833596e-10, 2.716228257742708373e-11, 2.431540964616852762e-11,
      8.5663487654011554717e-12, 1.0371066287820111366e-12,
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
