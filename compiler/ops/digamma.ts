/** ψ, the derivative of log Γ, as a formula of other ops: so it has derivatives of every order. */
import type { Formulas } from "../ir/formulas.ts";
import type { Node } from "../ir/node.ts";

/** B₂ₖ / 2k of k = 1, 2 …, B₂ₖ being Bernoulli's numbers. */
const SERIES = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160];

/**
 * ψ(x) = log s - 1/2s - Σ B₂ₖ / (2k s²ᵏ) - Σ 1/(x + i) with s = x + 10 and i = 0 … 9, and where x < 0, ψ(1 - x) - π cot πx. The
 * addends of i and 9 - i are one quotient.
 */
export function digamma(b: Formulas, x: Node): Node {
  const isNegative = b.lt(x, 0);
  const u = b.where(isNegative, b.sub(1, x), x);
  const s = b.add(u, 10);
  const square = b.reciprocal(b.mul(s, s));
  const [last, ...others] = SERIES.toReversed();
  const sum = others.reduce((total, c) => b.add(b.mul(total, square), c), b.constant(last!, x.shape));
  const series = b.mul(sum, square);
  const far = b.sub(b.sub(b.log(s), b.div(0.5, s)), series);
  const product = b.mul(u, b.add(u, 9));
  const doubled = b.add(b.mul(u, 2), 9);
  const near = [0, 1, 2, 3, 4]
    .map((i) => b.div(doubled, b.add(product, i * (9 - i))))
    .reduceRight((sum, term) => b.add(sum, term));
  // The angle is a quarter of π where it is not wanted, and no number at the poles.
  const rest = b.where(isNegative, b.sub(x, b.round(x)), 0.25);
  const angle = b.mul(b.where(b.eq(rest, 0), NaN, rest), Math.PI);
  const cotangent = b.mul(b.div(b.cos(angle), b.sin(angle)), Math.PI);
  return b.sub(b.sub(far, near), b.where(isNegative, cotangent, 0));
}
