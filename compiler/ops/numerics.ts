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

/** y with erf y = x: Newton's steps on erf, and on log erfc where x is near ±1. */
export function erfinv(x: number): number {
  const a = Math.abs(x);
  if (!(a < 1)) return a === 1 ? x * Infinity : NaN;
  if (a < 1e-9) return (x * Math.sqrt(Math.PI)) / 2;
  // S. Winitzki's, good to 2e-3.
  const log = Math.log((1 - a) * (1 + a));
  const half = 2 / (Math.PI * 0.147) + log / 2;
  let y = Math.sqrt(Math.sqrt(half * half - log / 0.147) - half);
  for (let step = 0; step < 5; step++) {
    const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-y * y);
    y -= a < 0.6 ? (erf(y) - a) / slope : (Math.log((1 - a) / erfc(y)) * erfc(y)) / slope;
  }
  return Math.sign(x) * y;
}

/** ζ(n) - 1 of n = 2, 3 …, ζ being Riemann's function. */
const ZETA = [
  0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
  0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853,
  0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915, 6.124813505870483e-5,
  3.058823630702049e-5, 1.528225940865187e-5, 7.637197637899763e-6, 3.81729326499984e-6, 1.908212716553939e-6,
  9.539620338727962e-7, 4.769329867878064e-7, 2.38450502727733e-7, 1.1921992596531106e-7,
  5.960818905125948e-8, 2.980350351465228e-8, 1.4901554828365043e-8, 7.45071178983543e-9,
  3.725334024788457e-9, 1.862659723513049e-9,
];

const EULER = 0.5772156649015329;

/** log Γ(2 + t) = (1 - γ) t + Σ (ζ(n) - 1) (-t)ⁿ / n, for |t| ≤ ½: Abramowitz and Stegun 6.1.33. */
const lgammaNearTwo = (t: number): number =>
  t * (1 - EULER + t * ZETA.reduceRight((sum, zeta, i) => zeta / (i + 2) - t * sum, 0));

/** log |Γ(x)|, from 15 on by Stirling's series; Γ(x + 1) = x Γ(x), and below 0 Γ(x) Γ(1 - x) = π / sin πx. */
export function lgamma(x: number): number {
  if (x === -Infinity || (x <= 0 && Number.isInteger(x))) return Infinity;
  if (x < 0) {
    const sine = Math.abs(Math.sin(Math.PI * (x - Math.round(x))));
    return Math.log(Math.PI) - Math.log(sine) - lgamma(1 - x);
  }
  if (x < 0.5) return lgamma(x + 1) - Math.log(x);
  if (x < 1.5) return lgammaNearTwo(x - 1) - Math.log1p(x - 1);
  if (x < 15) {
    let product = 1;
    let u = x;
    for (; u >= 2.5; product *= u) u -= 1;
    return lgammaNearTwo(u - 2) + Math.log(product);
  }
  const inverse = 1 / x;
  const coefficients = [-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12];
  const tail = inverse * polynomial(coefficients, inverse * inverse);
  return (x - 0.5) * (Math.log(x) - 1) + (Math.log(2 * Math.PI) - 1) / 2 + tail;
}
