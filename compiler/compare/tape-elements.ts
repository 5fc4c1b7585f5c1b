/**
 * The operations of each element that the tape records, each with its derivative. The comment
 * beside a `pull` is the textbook's formula.
 */
import type { ElementwiseOf } from "../ir/node.ts";
import { errorFunction, inverseErrorFunction, logGamma } from "./special-functions.ts";
import { Tape, type Operand, type Variable } from "./tape.ts";

type Pull = (g: Variable) => Variable;

export class ElementOperations implements ElementwiseOf<Variable> {
  readonly tape = new Tape();

  protected map(
    x: Variable,
    apply: (x: number) => number,
    pull?: (g: Variable, y: Variable) => Variable,
  ): Variable {
    const y: Variable = this.tape.record(
      { shape: x.shape, data: x.data.map(apply) },
      pull === undefined ? [] : [{ of: x, pull: (g) => pull(g, y) }],
    );
    return y;
  }

  #zip(
    a: Variable,
    b: Variable,
    apply: (a: number, b: number) => number,
    pulls: readonly [Pull, Pull] | null,
  ): Variable {
    const data = a.data.map((value, i) => apply(value, b.data[i]!));
    const operands: Operand[] =
      pulls === null
        ? []
        : [
            { of: a, pull: pulls[0] },
            { of: b, pull: pulls[1] },
          ];
    return this.tape.record({ shape: a.shape, data }, operands);
  }

  protected like = (x: Variable, value: number): Variable => this.tape.fill(value, x.shape);

  /**
   * g · slope, where a cotangent of 0 stays 0 even against a slope that is infinite or no number:
   * no signal, no blame. There it is a constant; elsewhere it is its own derivative's rule: (h·s,
   * h·g).
   */
  protected flow(g: Variable, slope: Variable): Variable {
    const isSilent = (a: number, b: number): boolean => a === 0 && !Number.isFinite(b);
    const heard = (h: Variable): Variable => this.where(this.#flat(g, slope, isSilent), this.like(h, 0), h);
    return this.#zip(g, slope, (a, b) => (isSilent(a, b) ? 0 : a * b), [
      (h) => this.flow(heard(h), slope),
      (h) => this.flow(heard(h), g),
    ]);
  }

  add = (a: Variable, b: Variable): Variable => this.#zip(a, b, (x, y) => x + y, [(g) => g, (g) => g]);
  couple = this.add;
  sub = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => x - y, [(g) => g, (g) => this.neg(g)]);
  // d(ab) = b da + a db
  mul = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => x * y, [(g) => this.flow(g, b), (g) => this.flow(g, a)]);
  // d(a/b) = da/b - a/b² db
  div = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => x / y, [
      (g) => this.flow(g, this.reciprocal(b)),
      (g) => this.flow(g, this.neg(this.div(a, this.mul(b, b)))),
    ]);
  neg = (x: Variable): Variable =>
    this.map(
      x,
      (v) => -v,
      (g) => this.neg(g),
    );
  // d(1/x) = -1/x² dx
  reciprocal = (x: Variable): Variable =>
    this.map(
      x,
      (v) => 1 / v,
      (g) => this.neg(this.flow(g, this.reciprocal(this.mul(x, x)))),
    );
  exp = (x: Variable): Variable => this.map(x, Math.exp, (g, y) => this.flow(g, y));
  // d(eˣ - 1) = eˣ dx
  expm1 = (x: Variable): Variable => this.map(x, Math.expm1, (g) => this.flow(g, this.exp(x)));
  log = (x: Variable): Variable => this.map(x, Math.log, (g) => this.flow(g, this.reciprocal(x)));
  log1p = (x: Variable): Variable =>
    this.map(x, Math.log1p, (g) => this.flow(g, this.reciprocal(this.add(this.like(x, 1), x))));
  // d√x = dx / 2√x
  sqrt = (x: Variable): Variable =>
    this.map(x, Math.sqrt, (g, y) => this.flow(g, this.reciprocal(this.add(y, y))));
  abs = (x: Variable): Variable => this.map(x, Math.abs, (g) => this.mul(g, this.sign(x)));
  sin = (x: Variable): Variable => this.map(x, Math.sin, (g) => this.flow(g, this.cos(x)));
  cos = (x: Variable): Variable => this.map(x, Math.cos, (g) => this.neg(this.flow(g, this.sin(x))));
  // d arcsin x = dx / √(1 - x²), d arccos x = -dx / √(1 - x²)
  asin = (x: Variable): Variable => this.map(x, Math.asin, (g) => this.flow(g, this.#arc(x)));
  acos = (x: Variable): Variable => this.map(x, Math.acos, (g) => this.neg(this.flow(g, this.#arc(x))));
  #arc = (x: Variable): Variable =>
    this.reciprocal(this.sqrt(this.mul(this.sub(this.like(x, 1), x), this.add(this.like(x, 1), x))));
  // d arctan x = dx / (1 + x²)
  atan = (x: Variable): Variable =>
    this.map(x, Math.atan, (g) => this.flow(g, this.reciprocal(this.add(this.like(x, 1), this.mul(x, x)))));
  // d atan2(y, x) = (x dy - y dx) / (x² + y²)
  atan2(y: Variable, x: Variable): Variable {
    const square = (): Variable => this.add(this.mul(x, x), this.mul(y, y));
    return this.#zip(y, x, Math.atan2, [
      (g) => this.flow(g, this.div(x, square())),
      (g) => this.neg(this.flow(g, this.div(y, square()))),
    ]);
  }
  sinh = (x: Variable): Variable => this.map(x, Math.sinh, (g) => this.flow(g, this.cosh(x)));
  cosh = (x: Variable): Variable => this.map(x, Math.cosh, (g) => this.flow(g, this.sinh(x)));
  // d arsinh x = dx / √(x² + 1), d arcosh x = dx / (√(x - 1) √(x + 1))
  asinh = (x: Variable): Variable =>
    this.map(x, Math.asinh, (g) =>
      this.flow(g, this.reciprocal(this.sqrt(this.add(this.mul(x, x), this.like(x, 1))))),
    );
  acosh = (x: Variable): Variable =>
    this.map(x, Math.acosh, (g) => {
      const [below, above] = [this.sub(x, this.like(x, 1)), this.add(x, this.like(x, 1))];
      return this.flow(g, this.reciprocal(this.mul(this.sqrt(below), this.sqrt(above))));
    });
  // d tanh x = (1 + tanh x)(1 - tanh x) dx
  tanh(x: Variable): Variable {
    const one = this.like(x, 1);
    return this.map(x, Math.tanh, (g, y) => this.flow(g, this.mul(this.add(one, y), this.sub(one, y))));
  }
  // dσ(x) = σ(x) σ(-x) dx
  sigmoid = (x: Variable): Variable =>
    this.map(
      x,
      (v) => (v < 0 ? Math.exp(v) / (1 + Math.exp(v)) : 1 / (1 + Math.exp(-v))),
      (g, y) => this.flow(g, this.mul(y, this.sigmoid(this.neg(x)))),
    );
  // d log(1 + eˣ) = σ(x) dx
  softplus = (x: Variable): Variable =>
    this.map(
      x,
      (v) => (v > 0 ? v + Math.log1p(Math.exp(-v)) : Math.log1p(Math.exp(v))),
      (g) => this.flow(g, this.sigmoid(x)),
    );
  // d erf x = 2/√π e^-x² dx
  erf = (x: Variable): Variable =>
    this.map(x, errorFunction, (g) =>
      this.flow(g, this.mul(this.like(x, 2 / Math.sqrt(Math.PI)), this.exp(this.neg(this.mul(x, x))))),
    );
  // d erf⁻¹ x = √π/2 e^(y²) dx
  erfinv = (x: Variable): Variable =>
    this.map(x, inverseErrorFunction, (g, y) =>
      this.flow(g, this.mul(this.like(x, Math.sqrt(Math.PI) / 2), this.exp(this.mul(y, y)))),
    );
  // d log |Γ(x)| = ψ(x) dx
  lgamma = (x: Variable): Variable => this.map(x, logGamma, (g) => this.flow(g, this.#digamma(x)));
  /** ψ(x) = ψ(x + 1) - 1/x up to beyond 12, and there Stirling's series; ψ(1 - x) - π cot πx below 0. */
  #digamma(x: Variable): Variable {
    const isNegative = this.lt(x, this.like(x, 0));
    const u = this.where(isNegative, this.sub(this.like(x, 1), x), x);
    let total = this.like(x, 0);
    let s = u;
    for (let i = 0; i < 12; i++) {
      total = this.sub(total, this.reciprocal(s));
      s = this.add(s, this.like(x, 1));
    }
    const z = this.reciprocal(this.mul(s, s));
    const tail = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760].reduceRight(
      (sum, c) => this.mul(z, this.add(sum, this.like(x, c))),
      this.like(x, 0),
    );
    const far = this.sub(this.sub(this.log(s), this.reciprocal(this.add(s, s))), tail);
    const angle = this.mul(this.where(isNegative, x, this.like(x, 0.25)), this.like(x, Math.PI));
    const cotangent = this.mul(this.like(x, Math.PI), this.div(this.cos(angle), this.sin(angle)));
    return this.sub(this.add(far, total), this.where(isNegative, cotangent, this.like(x, 0)));
  }
  relu = (x: Variable): Variable =>
    this.map(
      x,
      (v) => (v <= 0 ? 0 : v),
      (g) => this.where(this.gt(x, this.like(x, 0)), g, this.like(x, 0)),
    );

  // d xᵖ = p xᵖ⁻¹ dx + xᵖ log x dp; x⁰ is 1 everywhere, and a power is a function of p for positive
  // x alone
  pow(x: Variable, p: Variable): Variable {
    const [zero, one] = [this.like(x, 0), this.like(x, 1)];
    const y: Variable = this.#zip(x, p, power, [
      (g) => this.where(this.eq(p, zero), zero, this.flow(g, this.mul(p, this.pow(x, this.sub(p, one))))),
      (g) => {
        const positive = this.gt(x, zero);
        const slope = this.mul(y, this.log(this.where(positive, x, one)));
        return this.where(positive, this.flow(g, slope), zero);
      },
    ]);
    return y;
  }

  /** The greater; at a tie half of the blame for each. */
  max(a: Variable, b: Variable): Variable {
    const share = (g: Variable, self: Variable, other: Variable): Variable =>
      this.mul(g, this.#greater(self, other));
    return this.#zip(a, b, Math.max, [(g) => share(g, a, b), (g) => share(g, b, a)]);
  }
  min = (a: Variable, b: Variable): Variable => this.neg(this.max(this.neg(a), this.neg(b)));
  /** 1 where a > b, ½ where a = b, else 0. */
  #greater = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => (x > y ? 1 : x === y ? 0.5 : 0), null);

  where(condition: Variable, then: Variable, otherwise: Variable): Variable {
    const data = condition.data.map((c, i) => (c === 0 ? otherwise.data[i]! : then.data[i]!));
    return this.tape.record({ shape: then.shape, data }, [
      { of: then, pull: (g) => this.where(condition, g, this.like(g, 0)) },
      { of: otherwise, pull: (g) => this.where(condition, this.like(g, 0), g) },
    ]);
  }

  // Flat: their slope is 0 wherever they have one, so nothing is recorded of where they come from.
  sign = (x: Variable): Variable => this.map(x, (v) => Number(v > 0) - Number(v < 0));
  floor = (x: Variable): Variable => this.map(x, Math.floor);
  round = (x: Variable): Variable => this.map(x, nearest);
  not = (x: Variable): Variable => this.map(x, (v) => Number(v === 0));
  cast = (x: Variable): Variable => x;
  stop_gradient = (x: Variable): Variable => this.map(x, (v) => v);
  lt = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x < y);
  le = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x <= y);
  gt = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x > y);
  ge = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x >= y);
  eq = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x === y);
  ne = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x !== y);
  and = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x !== 0 && y !== 0);
  or = (a: Variable, b: Variable): Variable => this.#flat(a, b, (x, y) => x !== 0 || y !== 0);
  #flat = (a: Variable, b: Variable, holds: (a: number, b: number) => boolean): Variable =>
    this.#zip(a, b, (x, y) => Number(holds(x, y)), null);
}

/** In IEEE 754, 1ᵖ is 1 for every p, where JavaScript's 1 ** NaN and 1 ** ∞ are NaN. */
const power = (x: number, p: number): number =>
  x === 1 || (x === -1 && Math.abs(p) === Infinity) ? 1 : x ** p;

/** Ties to even. */
function nearest(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
