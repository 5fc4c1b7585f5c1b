/** Functions of one f64 number that JavaScript lacks, and those whose textbook form overflows. */

/** 1 / (1 + e⁻ˣ), without overflow on either side. */
export function sigmoid(x: number): number {
  const small = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + small) : small / (1 + small);
}

/** log(1 + eˣ) = max(x, 0) + log1p(e^-|x|) */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** To the nearest integer, ties to even, as IEEE 754's roundToIntegralTiesToEven. */
export function roundTiesToEven(x: number): number {
  if (!Number.isFinite(x)) return x;
  const magnitude = Math.abs(x);
  const below = Math.floor(magnitude);
  const rest = magnitude - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  const rounded = up ? below + 1 : below;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

/** Horner's rule; coefficients from the highest power down. */
const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, c) => sum * x + c, 0);

/*
 * erf by the rational minimax approximations of W. J. Cody, "Rational Chebyshev approximations for
 * the error function", Mathematics of Computation 23 (1969), 631-637, with the coefficients of his
 * CALERF, rounded to f64.
 */
const erfNear = {
  p: [0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694],
  q: [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171],
};
const erfcMiddle = {
  p: [
    2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001,
    881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
  ],
  q: [
    1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
    4362.619090143247, 3439.3676741437216, 1230.3393548037495,
  ],
};
const erfcFar = {
  p: [
    0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275,
    0.0006587491615298378,
  ],
  q: [
    1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918,
  ],
};
const INVERSE_SQRT_PI = 0.5641895835477563;

/** The error function, 2/√π ∫₀ˣ e^(-t²) dt. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const y = Math.abs(x);
  if (y <= 0.46875) {
    const square = y * y;
    return (x * polynomial(erfNear.p, square)) / polynomial(erfNear.q, square);
  }
  // Beyond 6, erfc is less than half the spacing of numbers below 1.
  const complement = y > 6 ? 0 : erfc(y);
  return Math.sign(x) * (1 - complement);
}

/**
 * 1 - erf y for 0.46875 < y. e^(-y²) is split at sixteenths, so that rounding of y² does not reach
 * the exponent.
 */
function erfc(y: number): number {
  const sixteenths = Math.trunc(y * 16) / 16;
  const scale = Math.exp(-sixteenths * sixteenths) * Math.exp(-(y - sixteenths) * (y + sixteenths));
  if (y <= 4) return (scale * polynomial(erfcMiddle.p, y)) / polynomial(erfcMiddle.q, y);
  const inverse = 1 / (y * y);
  const tail = (inverse * polynomial(erfcFar.p, inverse)) / polynomial(erfcFar.q, inverse);
  return (scale * (INVERSE_SQRT_PI - tail)) / y;
}
