/** Functions that JavaScript lacks, for the tape. */

/**
 * erf x = 2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1·3·5···(2n+1)), Abramowitz and Stegun 7.1.6: all terms have
 * one sign, so nothing cancels. Beyond 6 it is ±1 in f64.
 */
export function errorFunction(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 2 ** -54; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** √π e^(x²) (1 - erf x) = 1/(x + ½/(x + 1/(x + 1½/(x + 2/(x + …))))), Abramowitz and Stegun 7.1.14, for x > 1. */
function scaledComplement(x: number): number {
  let fraction = x;
  for (let n = 400; n > 0; n--) fraction = x + n / 2 / fraction;
  return 1 / fraction;
}

/** y with erf y = x, by Newton's steps: on erf itself, and near ±1 on the logarithm of what it leaves. */
export function inverseErrorFunction(x: number): number {
  const a = Math.abs(x);
  if (!(a < 1)) return a === 1 ? x * Infinity : NaN;
  const slope = (y: number): number => (2 / Math.sqrt(Math.PI)) * Math.exp(-y * y);
  if (a < 0.9) {
    let y = 0;
    // erf is concave: from the left, no step goes too far.
    for (let step = 0; step < 60; step++) y += (a - errorFunction(y)) / slope(y);
    return Math.sign(x) * y;
  }
  let y = 1.1;
  for (let step = 0; step < 60; step++) {
    const rest = scaledComplement(y);
    y += (Math.log(rest / Math.sqrt(Math.PI)) - y * y - Math.log(1 - a)) * (rest / 2);
  }
  return Math.sign(x) * y;
}

/** log |Γ(x)|: Γ(x) = Γ(x + 1) / x up to 30, and there Stirling's series; Γ(x) Γ(1 - x) = π / sin πx below 0. */
export function logGamma(x: number): number {
  if (x === -Infinity || (x <= 0 && Number.isInteger(x))) return Infinity;
  if (x < 0) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  let total = 0;
  let s = x;
  for (; s < 30; s++) total -= Math.log(s);
  const z = 1 / (s * s);
  const tail = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))) / s;
  return total + s * Math.log(s) - s + Math.log((2 * Math.PI) / s) / 2 + tail;
}
