/** Of the oracle in double-double.ts, the inverse and hyperbolic functions, erf⁻¹ and log Γ. */
import { erfinv as nearErfinv } from "../../compiler/ops/numerics.ts";
import {
  add,
  divide,
  erf,
  exp,
  expm1OfSmall,
  LN2,
  log1pOfSmall,
  logOf,
  logOfRatio,
  multiply,
  negative,
  PI,
  plain,
  product,
  scaled,
  split,
  sum,
  times,
  TWO_OVER_ROOT_PI,
  wave,
  wide,
  type Scaled,
  type Wide,
} from "./double-double.ts";

/** Below this, f(x) = x (1 + c x² + …) is x to 106 bits. */
const TINY = 2 ** -56;
/** Beyond this, √(x² ± 1) is x to 106 bits. */
const HUGE = 2 ** 60;

/** √a, by one step of Newton's iteration, which doubles the bits. */
function root(a: Wide): Wide {
  if (a.high === 0) return a;
  const near = Math.sqrt(a.high);
  return add(wide(near), divide(add(a, negative(product(near, near))), wide(2 * near)));
}

/** log(1 + w), w > -1. */
const log1pOf = (w: Wide): Wide =>
  Math.abs(w.high) < 0.3 ? log1pOfSmall(w) : logOf(scaled(add(w, wide(1))));

const withSign = (x: number, y: Wide): Wide => (x < 0 ? negative(y) : y);

/** √(1 - x²) */
const leg = (x: number): Wide => root(multiply(sum(1, -x), sum(1, x)));

/**
 * The angle of the point (x, y), neither of them too large or small to be multiplied: an angle known
 * to 53 bits, whose sine and cosine are known to 106, and by how much the point is beside it.
 */
function angle(y: Wide, x: Wide): Wide {
  const near = Math.atan2(y.high, x.high);
  const turned = Math.abs(near);
  const [sine, cosine] = [withSign(near, wave(turned, 0)), wave(turned, 1)];
  const across = add(multiply(y, cosine), negative(multiply(x, sine)));
  const along = add(multiply(x, cosine), multiply(y, sine));
  return add(wide(near), divide(across, along));
}

/** Of f64's numbers of any size. */
export function atan2(y: number, x: number): Scaled {
  const [of, by] = [split(y), split(x)];
  // Below the smallest of f64 all quotients are alike.
  const exponent = Math.max(of.e - by.e, -1090);
  // arctan q is q (1 - q²/3) there.
  if (exponent < -40) {
    const q = divide(wide(of.m), wide(Math.abs(by.m)));
    const small = scaled(
      add(q, negative(divide(times(multiply(q, multiply(q, q)), 2 ** (2 * exponent)), wide(3)))),
      exponent,
    );
    return x > 0 ? small : scaled(add(withSign(y, PI), negative(plain(small))));
  }
  return scaled(angle(wide(of.m), wide(exponent > 200 ? 0 : by.m * 2 ** -exponent)));
}

export const atan = (x: number): Scaled => atan2(x, 1);
export const asin = (x: number): Scaled =>
  Math.abs(x) < TINY ? scaled(wide(x)) : scaled(angle(wide(x), leg(x)));
export const acos = (x: number): Scaled =>
  Math.abs(x) < 2 ** -112 ? scaled(times(PI, 0.5)) : scaled(angle(leg(x), wide(x)));

export function sinh(x: number): Scaled {
  const a = Math.abs(x);
  if (a < TINY) return scaled(wide(x));
  const e = exp(a);
  if (a > 80) return { ...withSign(x, e), exponent: e.exponent - 1 };
  const q = a < 0.3 ? expm1OfSmall(wide(a)) : add(plain(e), wide(-1));
  return scaled(withSign(x, times(add(q, divide(q, add(q, wide(1)))), 0.5)));
}

export function cosh(x: number): Scaled {
  const e = exp(Math.abs(x));
  if (Math.abs(x) > 80) return { ...e, exponent: e.exponent - 1 };
  return scaled(times(add(plain(e), divide(wide(1), plain(e))), 0.5));
}

/** log 2x, of a large x. */
const logOfTwice = (x: number): Wide => add(logOf(scaled(wide(split(x).m), split(x).e)), LN2);

export function asinh(x: number): Scaled {
  const a = Math.abs(x);
  if (a < TINY) return scaled(wide(x));
  if (a > HUGE) return scaled(withSign(x, logOfTwice(a)));
  const s = product(a, a);
  const w = add(wide(a), divide(s, add(wide(1), root(add(s, wide(1))))));
  return scaled(withSign(x, log1pOf(w)));
}

/** For x > 1. */
export function acosh(x: number): Scaled {
  if (x > HUGE) return scaled(logOfTwice(x));
  const t = sum(x, -1);
  return scaled(log1pOf(add(t, root(multiply(t, add(t, wide(2)))))));
}

/** For |x| < 1. */
export function atanh(x: number): Scaled {
  if (Math.abs(x) < TINY) return scaled(wide(x));
  const log = Math.abs(x) < 0.15 ? logOfRatio(wide(x)) : logOf(scaled(divide(sum(1, x), sum(1, -x))));
  return scaled(times(log, 0.5));
}

/** For |x| < 1: one step of Newton's iteration, from 53 bits. Near ±1 some of the last of them are lost. */
export function erfinv(x: number): Scaled {
  const { m, e } = split(x);
  if (e < -56) return scaled(divide(wide(m), TWO_OVER_ROOT_PI), e);
  const near = nearErfinv(x);
  const value = erf(near);
  const rest = add(wide(x), negative(plain(value)));
  const slope = multiply(TWO_OVER_ROOT_PI, plain(exp(-near * near)));
  return scaled(add(wide(near), divide(rest, slope)));
}

/** Bernoulli's B₂ₖ / (2k (2k - 1)). */
const STIRLING = [
  [1, 6], [-1, 30], [1, 42], [-1, 30], [5, 66], [-691, 2730], [7, 6], [-3617, 510], [43867, 798], [-174611, 330],
  [854513, 138], [-236364091, 2730],
].map(([p, q], i) => divide(wide(p!), wide(q! * (2 * i + 2) * (2 * i + 1)))); // prettier-ignore
const HALF_LOG_TWO_PI = times(add(LN2, logOf(scaled(PI))), 0.5);

/** For x > 0, not too near to 1 and 2, where digits cancel: Γ(x + 1) = x Γ(x) up to 40, and Stirling's series. */
export function lgamma(x: number): Scaled {
  const { m, e } = split(x);
  const log = logOf(scaled(wide(m), e));
  if (e > 110) return scaled(multiply(wide(m), add(log, wide(-1))), e);
  let factors = wide(1);
  let s = wide(x);
  let isFirst = true;
  for (; s.high < 40; s = add(s, wide(1))) {
    if (!isFirst) factors = multiply(factors, s);
    isFirst = false;
  }
  const inverse = divide(wide(1), s);
  const square = multiply(inverse, inverse);
  const tail = multiply(
    inverse,
    STIRLING.reduceRight((total, c) => add(multiply(total, square), c)),
  );
  const logS = isFirst ? log : logOf(scaled(s));
  const far = add(multiply(add(s, wide(-0.5)), logS), add(negative(s), add(HALF_LOG_TWO_PI, tail)));
  const down = isFirst ? wide(0) : add(log, logOf(scaled(factors)));
  return scaled(add(far, negative(down)));
}
