/**
 * The oracle of the vector functions in f64: numbers of about 106 bits, each the unevaluated sum of
 * two of JavaScript's (T. J. Dekker, "A floating-point technique for extending the available
 * precision", 1971), and the functions by their plain power series. Every constant but π is
 * computed here, so that it shares nothing with the compiler.
 */

export interface Wide {
  readonly high: number;
  /** At most half a unit in the last place of `high`. */
  readonly low: number;
}

/**
 * (high + low) · 2^exponent: results beyond the range of f64, or denormal there, keep their bits.
 */
export interface Scaled extends Wide {
  readonly exponent: number;
}

/** a + b for |a| ≥ |b|, exactly. */
function quickSum(a: number, b: number): Wide {
  const high = a + b;
  return { high, low: b - (high - a) };
}

/** a + b, exactly. */
export function sum(a: number, b: number): Wide {
  const high = a + b;
  const other = high - a;
  return { high, low: a - (high - other) + (b - other) };
}

const SPLITTER = 2 ** 27 + 1;

/** a · b, exactly, for factors below 2^990 whose product is above 2^-960. */
export function product(a: number, b: number): Wide {
  const high = a * b;
  const a1 = SPLITTER * a - (SPLITTER * a - a);
  const b1 = SPLITTER * b - (SPLITTER * b - b);
  const a0 = a - a1;
  const b0 = b - b1;
  return { high, low: a1 * b1 - high + a1 * b0 + a0 * b1 + a0 * b0 };
}

export const wide = (high: number): Wide => ({ high, low: 0 });
export const negative = (a: Wide): Wide => ({ high: -a.high, low: -a.low });

export function add(a: Wide, b: Wide): Wide {
  const s = sum(a.high, b.high);
  const t = sum(a.low, b.low);
  const u = quickSum(s.high, s.low + t.high);
  return quickSum(u.high, u.low + t.low);
}

export function multiply(a: Wide, b: Wide): Wide {
  const p = product(a.high, b.high);
  return quickSum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

export function divide(a: Wide, b: Wide): Wide {
  const first = a.high / b.high;
  const rest = add(a, negative(multiply(wide(first), b)));
  const second = rest.high / b.high;
  const last = add(rest, negative(multiply(wide(second), b)));
  return add(quickSum(first, second), wide(last.high / b.high));
}

/** Halves and doubles are exact. */
export const times = (a: Wide, powerOfTwo: number): Wide => ({
  high: a.high * powerOfTwo,
  low: a.low * powerOfTwo,
});
export const scaled = (a: Wide, exponent = 0): Scaled => ({ ...a, exponent });

const view = new DataView(new ArrayBuffer(8));

/** x = m · 2^e exactly, 1 ≤ |m| < 2; for finite x ≠ 0. */
export function split(x: number): { readonly m: number; readonly e: number } {
  const isSmall = Math.abs(x) < 2 ** -1022;
  view.setFloat64(0, isSmall ? x * 2 ** 60 : x);
  const word = view.getUint32(0);
  const e = ((word >>> 20) & 0x7ff) - 1023;
  view.setUint32(0, (word & 0x800fffff) | 0x3ff00000);
  return { m: view.getFloat64(0), e: isSmall ? e - 60 : e };
}

/** Σ coefficients[i] x^i, from the lowest up. */
const series = (coefficients: readonly Wide[], x: Wide): Wide =>
  coefficients.reduceRight((total, c) => add(multiply(total, x), c));

const reciprocals = (numbers: readonly number[]): Wide[] => numbers.map((n) => divide(wide(1), wide(n)));

/** 1/0!, 1/1!, 1/2! … */
const INVERSE_FACTORIALS: readonly Wide[] = (() => {
  const list = [wide(1)];
  for (let i = 1; i < 29; i++) list.push(divide(list.at(-1)!, wide(i)));
  return list;
})();

/** 1, 1/3, 1/5 … */
const ODD_RECIPROCALS = reciprocals(Array.from({ length: 24 }, (_, i) => 2 * i + 1));

/** log((1+s)/(1-s)) = 2 Σ s^(2i+1) / (2i+1), for |s| ≤ 0.18: 0.18^48 / 49 is 2^-124. */
export const logOfRatio = (s: Wide): Wide => times(multiply(s, series(ODD_RECIPROCALS, multiply(s, s))), 2);

/** log 2 = 3 log(5/4) + log(128/125), log(a/b) by s = (a-b)/(a+b). */
export const LN2 = add(
  multiply(wide(3), logOfRatio(divide(wide(1), wide(9)))),
  logOfRatio(divide(wide(3), wide(253))),
);

/** e^x - 1 = Σ x^i / i!, for |x| ≤ 0.35: 0.35^29 / 29! is 2^-146. */
export const expm1OfSmall = (x: Wide): Wide => multiply(x, series(INVERSE_FACTORIALS.slice(1), x));

/** e^x for finite x, |x| < 2^20. */
function power(x: Wide): Scaled {
  const n = Math.round(x.high / Math.LN2);
  const r = add(x, negative(multiply(wide(n), LN2)));
  return scaled(add(expm1OfSmall(r), wide(1)), n);
}

export const exp = (x: number): Scaled => power(wide(x));

/** Its value where that is one of f64's, else 0. */
export const plain = ({ high, low, exponent }: Scaled): Wide =>
  exponent < -1000 ? wide(0) : times({ high, low }, 2 ** exponent);

/** Below this, f(x) = x (1 + c x + …) is x to 106 bits; x may be denormal. */
const TINY = 2 ** -110;

export function expm1(x: number): Scaled {
  if (Math.abs(x) < TINY) return scaled(wide(x));
  if (Math.abs(x) < 0.34) return scaled(expm1OfSmall(wide(x)));
  const e = exp(x);
  return e.exponent > 200 ? e : scaled(add(plain(e), wide(-1)));
}

/** log x for x = (high + low) 2^exponent > 0. */
export function logOf({ high, low, exponent }: Scaled): Wide {
  let { m, e } = split(high);
  if (m > Math.SQRT2) [m, e] = [m / 2, e + 1];
  const rest = { high: m, low: low / 2 ** e };
  const s = divide(add(rest, wide(-1)), add(rest, wide(1)));
  return add(multiply(wide(e + exponent), LN2), logOfRatio(s));
}

export const log = (x: number): Scaled => scaled(logOf(scaled(wide(split(x).m), split(x).e)));

/** log(1 + t), t small enough for the series: |t| ≤ 0.4. */
export const log1pOfSmall = (t: Wide): Wide => logOfRatio(divide(t, add(t, wide(2))));

/** For x > -1. */
export function log1p(x: number): Scaled {
  if (Math.abs(x) < TINY) return scaled(wide(x));
  if (Math.abs(x) < 0.3) return scaled(log1pOfSmall(wide(x)));
  return x > 2 ** 500 ? log(x) : scaled(logOf(scaled(sum(1, x))));
}

export function tanh(x: number): Scaled {
  if (Math.abs(x) < TINY) return scaled(wide(x));
  if (Math.abs(x) > 50) return scaled(wide(Math.sign(x)));
  const q = expm1(2 * x);
  return scaled(divide(q, add(q, wide(2))));
}

export function sigmoid(x: number): Scaled {
  const e = exp(-Math.abs(x));
  const total = add(plain(e), wide(1));
  return x < 0 ? scaled(divide(e, total), e.exponent) : scaled(divide(wide(1), total));
}

export function softplus(x: number): Scaled {
  const e = exp(-Math.abs(x));
  if (e.exponent < -110) return x < 0 ? e : scaled(add(wide(x), plain(e)));
  const t = plain(e);
  const log = t.high < 0.3 ? log1pOfSmall(t) : logOf(scaled(add(t, wide(1))));
  return scaled(x < 0 ? log : add(wide(x), log));
}

/** x^y for finite x > 0, and y with |y log x| < 2^20. */
export function pow(x: number, y: number): Scaled {
  if (y === 0) return scaled(wide(1));
  const base = log(x);
  // A factor so small that its bits would be lost: x^y = 1 + y log x, to 106 bits.
  if (Math.abs(y * base.high) < TINY) return scaled({ high: 1, low: y * base.high });
  return power(multiply(base, wide(y)));
}

const BITS = 1300n;

/** atan(1/n) · 2^BITS by its series. */
function inverseTangent(n: bigint): bigint {
  let total = 0n;
  let power = (1n << BITS) / n;
  for (let i = 1n; power !== 0n; i += 2n) {
    total += i % 4n === 1n ? power / i : -power / i;
    power /= n * n;
  }
  return total;
}

/** π/2 · 2^BITS (J. Machin, 1706). */
const HALF_PI = 2n * (4n * inverseTangent(5n) - inverseTangent(239n));

/** An integer of any size times 2^exponent, to 106 bits. */
function fromInteger(n: bigint, exponent: number): Wide {
  const magnitude = n < 0n ? -n : n;
  const drop = BigInt(Math.max(magnitude.toString(2).length - 110, 0));
  const kept = n >> drop;
  const high = Number(kept);
  return times({ high, low: Number(kept - BigInt(high)) }, 2 ** (exponent + Number(drop)));
}

/** |x| = k π/2 + r, |r| ≤ π/4, and k mod 4: in integers. */
function fold(x: number): { readonly r: Wide; readonly quarter: number } {
  const { m, e } = split(Math.abs(x));
  // 200 bits behind the point remain of the angle, and π/2 has as many more as x is large.
  const behind = 200 + Math.max(e, 0);
  const angle = BigInt(m * 2 ** 52) << BigInt(e - 52 + behind);
  const halfPi = HALF_PI >> (BITS - BigInt(behind));
  const k = (2n * angle + halfPi) / (2n * halfPi);
  return { r: fromInteger(angle - k * halfPi, -behind), quarter: Number(k % 4n) };
}

export const PI = fromInteger(2n * HALF_PI, -Number(BITS));

const alternating = (first: number): Wide[] =>
  INVERSE_FACTORIALS.filter((_, i) => i >= first && (i - first) % 2 === 0).map((c, i) =>
    i % 2 === 0 ? c : negative(c),
  );
const SINE = alternating(1);
const COSINE = alternating(0);

/** sin(|x| + turns π/2) for finite x ≥ 2^-60. */
export function wave(x: number, turns: number): Wide {
  const { r, quarter } = fold(x);
  const z = multiply(r, r);
  const k = (quarter + turns) % 4;
  const y = k % 2 === 0 ? multiply(r, series(SINE, z)) : series(COSINE, z);
  return k < 2 ? y : negative(y);
}

export function sin(x: number): Scaled {
  if (Math.abs(x) < 2 ** -60) return scaled(wide(x));
  return scaled(x < 0 ? negative(wave(x, 0)) : wave(x, 0));
}

export const cos = (x: number): Scaled => scaled(Math.abs(x) < 2 ** -60 ? wide(1) : wave(x, 1));

/** 2/√π: one step of Newton's iteration for the root of 4/π doubles the bits. */
export const TWO_OVER_ROOT_PI = (() => {
  const square = divide(wide(2), fromInteger(HALF_PI, -Number(BITS)));
  const near = wide(Math.sqrt(square.high));
  return times(add(near, divide(square, near)), 0.5);
})();

/** 2/√π e^(-x²) Σ 2^i x^(2i+1) / (1 · 3 · … (2i+1)): all terms are of one sign. */
export function erf(x: number): Scaled {
  const { m, e } = split(x);
  if (e < -60) return scaled(multiply(TWO_OVER_ROOT_PI, wide(m)), e);
  if (Math.abs(x) > 9) return scaled(wide(Math.sign(x)));
  const square = product(x, x);
  const double = times(square, 2);
  let term = wide(x);
  let total = term;
  for (let i = 3; Math.abs(term.high) > Math.abs(total.high) * 2 ** -112; i += 2) {
    term = divide(multiply(term, double), wide(i));
    total = add(total, term);
  }
  return scaled(multiply(multiply(TWO_OVER_ROOT_PI, plain(power(negative(square)))), total));
}
