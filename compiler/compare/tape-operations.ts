/**
 * The operations that the tape records, each with its derivative. The comment beside a `pull` is
 * the textbook's formula. What can be composed of others is composed, and then needs no rule at
 * all.
 */
import type { BinaryAttributes, SliceAxis, TernaryAttributes, UnaryAttributes } from "../ir/node.ts";
import type { Values } from "../ops/op.ts";
import { copyView, count, folded, permuted, rowMajor, walk } from "../ops/strided.ts";
import { errorFunction } from "./error-function.ts";
import { Tape, type Operand, type Variable } from "./tape.ts";

type Pull = (g: Variable) => Variable;

/** One for each elementwise op, by its name. */
type Elementwise = { readonly [K in keyof UnaryAttributes]: (x: Variable) => Variable } & {
  readonly [K in keyof BinaryAttributes]: (a: Variable, b: Variable) => Variable;
} & { readonly [K in keyof TernaryAttributes]: (c: Variable, a: Variable, b: Variable) => Variable };

export class Operations implements Elementwise {
  readonly tape = new Tape();

  // ---------------------------------------------------------------------------------------- elementwise

  #map(x: Variable, apply: (x: number) => number, pull?: (g: Variable, y: Variable) => Variable): Variable {
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

  #like = (x: Variable, value: number): Variable => this.tape.fill(value, x.shape);

  /**
   * g · slope, where a cotangent of 0 stays 0 even against a slope that is infinite or no number:
   * no signal, no blame. There it is a constant; elsewhere it is its own derivative's rule: (h·s,
   * h·g).
   */
  #flow(g: Variable, slope: Variable): Variable {
    const isSilent = (a: number, b: number): boolean => a === 0 && !Number.isFinite(b);
    const heard = (h: Variable): Variable => this.where(this.#flat(g, slope, isSilent), this.#like(h, 0), h);
    return this.#zip(g, slope, (a, b) => (isSilent(a, b) ? 0 : a * b), [
      (h) => this.#flow(heard(h), slope),
      (h) => this.#flow(heard(h), g),
    ]);
  }

  add = (a: Variable, b: Variable): Variable => this.#zip(a, b, (x, y) => x + y, [(g) => g, (g) => g]);
  couple = this.add;
  sub = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => x - y, [(g) => g, (g) => this.neg(g)]);
  // d(ab) = b da + a db
  mul = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => x * y, [(g) => this.#flow(g, b), (g) => this.#flow(g, a)]);
  // d(a/b) = da/b - a/b² db
  div = (a: Variable, b: Variable): Variable =>
    this.#zip(a, b, (x, y) => x / y, [
      (g) => this.#flow(g, this.reciprocal(b)),
      (g) => this.#flow(g, this.neg(this.div(a, this.mul(b, b)))),
    ]);
  neg = (x: Variable): Variable =>
    this.#map(
      x,
      (v) => -v,
      (g) => this.neg(g),
    );
  // d(1/x) = -1/x² dx
  reciprocal = (x: Variable): Variable =>
    this.#map(
      x,
      (v) => 1 / v,
      (g) => this.neg(this.#flow(g, this.reciprocal(this.mul(x, x)))),
    );
  exp = (x: Variable): Variable => this.#map(x, Math.exp, (g, y) => this.#flow(g, y));
  // d(eˣ - 1) = eˣ dx
  expm1 = (x: Variable): Variable => this.#map(x, Math.expm1, (g) => this.#flow(g, this.exp(x)));
  log = (x: Variable): Variable => this.#map(x, Math.log, (g) => this.#flow(g, this.reciprocal(x)));
  log1p = (x: Variable): Variable =>
    this.#map(x, Math.log1p, (g) => this.#flow(g, this.reciprocal(this.add(this.#like(x, 1), x))));
  // d√x = dx / 2√x
  sqrt = (x: Variable): Variable =>
    this.#map(x, Math.sqrt, (g, y) => this.#flow(g, this.reciprocal(this.add(y, y))));
  abs = (x: Variable): Variable => this.#map(x, Math.abs, (g) => this.mul(g, this.sign(x)));
  sin = (x: Variable): Variable => this.#map(x, Math.sin, (g) => this.#flow(g, this.cos(x)));
  cos = (x: Variable): Variable => this.#map(x, Math.cos, (g) => this.neg(this.#flow(g, this.sin(x))));
  // d tanh x = (1 + tanh x)(1 - tanh x) dx
  tanh(x: Variable): Variable {
    const one = this.#like(x, 1);
    return this.#map(x, Math.tanh, (g, y) => this.#flow(g, this.mul(this.add(one, y), this.sub(one, y))));
  }
  // dσ(x) = σ(x) σ(-x) dx
  sigmoid = (x: Variable): Variable =>
    this.#map(
      x,
      (v) => (v < 0 ? Math.exp(v) / (1 + Math.exp(v)) : 1 / (1 + Math.exp(-v))),
      (g, y) => this.#flow(g, this.mul(y, this.sigmoid(this.neg(x)))),
    );
  // d log(1 + eˣ) = σ(x) dx
  softplus = (x: Variable): Variable =>
    this.#map(
      x,
      (v) => (v > 0 ? v + Math.log1p(Math.exp(-v)) : Math.log1p(Math.exp(v))),
      (g) => this.#flow(g, this.sigmoid(x)),
    );
  // d erf x = 2/√π e^-x² dx
  erf = (x: Variable): Variable =>
    this.#map(x, errorFunction, (g) =>
      this.#flow(g, this.mul(this.#like(x, 2 / Math.sqrt(Math.PI)), this.exp(this.neg(this.mul(x, x))))),
    );
  relu = (x: Variable): Variable =>
    this.#map(
      x,
      (v) => (v <= 0 ? 0 : v),
      (g) => this.where(this.gt(x, this.#like(x, 0)), g, this.#like(x, 0)),
    );

  // d xᵖ = p xᵖ⁻¹ dx + xᵖ log x dp; x⁰ is 1 everywhere, and a power is a function of p for positive
  // x alone
  pow(x: Variable, p: Variable): Variable {
    const [zero, one] = [this.#like(x, 0), this.#like(x, 1)];
    const y: Variable = this.#zip(x, p, power, [
      (g) => this.where(this.eq(p, zero), zero, this.#flow(g, this.mul(p, this.pow(x, this.sub(p, one))))),
      (g) => {
        const positive = this.gt(x, zero);
        const slope = this.mul(y, this.log(this.where(positive, x, one)));
        return this.where(positive, this.#flow(g, slope), zero);
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
      { of: then, pull: (g) => this.where(condition, g, this.#like(g, 0)) },
      { of: otherwise, pull: (g) => this.where(condition, this.#like(g, 0), g) },
    ]);
  }

  // Flat: their slope is 0 wherever they have one, so nothing is recorded of where they come from.
  sign = (x: Variable): Variable => this.#map(x, (v) => Number(v > 0) - Number(v < 0));
  floor = (x: Variable): Variable => this.#map(x, Math.floor);
  round = (x: Variable): Variable => this.#map(x, nearest);
  not = (x: Variable): Variable => this.#map(x, (v) => Number(v === 0));
  cast = (x: Variable): Variable => x;
  stop_gradient = (x: Variable): Variable => this.#map(x, (v) => v);
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

  // ----------------------------------------------------------------------------------------- reductions

  sum = (x: Variable, axes: readonly number[]): Variable =>
    this.tape.record(
      folded(x, axes, (run) => run.reduce((total, value) => total + value, 0)),
      [{ of: x, pull: (g) => this.broadcast(g, x.shape) }],
    );

  /**
   * A product is multiplications, pair by pair, and their rule is enough for zeros and for higher
   * derivatives.
   */
  prod(x: Variable, axes: readonly number[]): Variable {
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const rows = count(kept.map((axis) => x.shape[axis]!));
    let factors = this.reshape(this.permute(x, [...kept, ...axes]), [
      rows,
      count(axes.map((a) => x.shape[a]!)),
    ]);
    const columns = (from: number, to: number): Variable =>
      this.slice(factors, [whole, { start: from, fromEnd: false, step: 1 }], [rows, to - from]);
    if (factors.shape[1] === 0) factors = this.tape.fill(1, [rows, 1]);
    while (factors.shape[1]! > 1) {
      const width = factors.shape[1]!;
      const half = Math.floor(width / 2);
      const pairs = this.mul(columns(0, half), columns(half, 2 * half));
      factors = width % 2 === 0 ? pairs : this.concat([pairs, columns(2 * half, width)], 1);
    }
    return this.reshape(
      factors,
      x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
    );
  }

  /** The largest entry; those that tie share the blame. */
  largest(x: Variable, axes: readonly number[]): Variable {
    const y: Variable = this.tape.record(folded(x, axes, top), [
      {
        of: x,
        pull: (g) => {
          const ties = this.eq(x, this.broadcast(y, x.shape));
          const share = this.div(g, this.sum(ties, axes));
          return this.where(ties, this.broadcast(share, x.shape), this.#like(x, 0));
        },
      },
    ]);
    return y;
  }
  smallest = (x: Variable, axes: readonly number[]): Variable => this.neg(this.largest(this.neg(x), axes));

  argmax = (x: Variable, axes: readonly number[]): Variable =>
    this.tape.record(folded(x, axes, (run) => run.findIndex((v) => v === top(run) || Number.isNaN(v))));

  /** eˣ / Σ eˣ, shifted by the largest entry, which changes nothing and therefore gets no blame. */
  softmax(x: Variable, axis: number): Variable {
    const shift = this.stop_gradient(this.largest(x, [axis]));
    const powers = this.exp(this.sub(x, this.broadcast(shift, x.shape)));
    return this.div(powers, this.broadcast(this.sum(powers, [axis]), x.shape));
  }

  /** log Σ eˣ, shifted likewise; where every x is -∞ it is -∞, and flat. */
  logsumexp(x: Variable, axes: readonly number[]): Variable {
    const shift = this.#map(this.largest(x, axes), (v) => (Number.isFinite(v) ? v : 0));
    const total = this.sum(this.exp(this.sub(x, this.broadcast(shift, x.shape))), axes);
    const isNone = this.eq(total, this.#like(total, 0));
    const logarithm = this.log(this.where(isNone, this.#like(total, 1), total));
    return this.where(isNone, this.#like(total, -Infinity), this.add(logarithm, shift));
  }

  // ------------------------------------------------------------------------------------------- products

  // C = A B: dA = dC Bᵀ, dB = Aᵀ dC
  matmul(a: Variable, b: Variable): Variable {
    return this.tape.record(product(a, b), [
      { of: a, pull: (g) => this.#flowProduct(g, this.transpose(b)) },
      { of: b, pull: (g) => this.transpose(this.#flowProduct(this.transpose(g), a)) },
    ]);
  }

  /**
   * G S as a sum of flows: where S has what is no number, its terms are written out, so that each
   * zero of G can stay one.
   */
  #flowProduct(g: Variable, slope: Variable): Variable {
    if (slope.data.every((x) => Number.isFinite(x))) return this.matmul(g, slope);
    const batch = g.shape.slice(0, -2);
    const [rows, depth] = g.shape.slice(-2) as [number, number];
    const columns = slope.shape.at(-1)!;
    const terms = [...batch, rows, depth, columns];
    const left = this.broadcast(this.reshape(g, [...g.shape, 1]), terms);
    const right = this.broadcast(this.reshape(slope, [...batch, 1, depth, columns]), terms);
    return this.reshape(this.sum(this.#flow(left, right), [batch.length + 1]), [...batch, rows, columns]);
  }

  transpose(x: Variable): Variable {
    const axes = x.shape.map((_, axis) => axis);
    return this.permute(x, [...axes.slice(0, -2), ...axes.slice(-2).toReversed()]);
  }

  // ------------------------------------------------------------------------------------------- movement

  reshape = (x: Variable, shape: readonly number[]): Variable =>
    this.tape.record({ shape, data: x.data }, [{ of: x, pull: (g) => this.reshape(g, x.shape) }]);

  permute = (x: Variable, axes: readonly number[]): Variable =>
    this.tape.record(permuted(x, axes), [
      {
        of: x,
        pull: (g) =>
          this.permute(
            g,
            axes.map((_, axis) => axes.indexOf(axis)),
          ),
      },
    ]);

  /** One entry feeds many, so it is blamed for all of them. */
  broadcast(x: Variable, shape: readonly number[]): Variable {
    const stretched = shape.flatMap((size, axis) => (x.shape[axis] === size ? [] : [axis]));
    const strides = rowMajor(x.shape).map((stride, axis) => (stretched.includes(axis) ? 0 : stride));
    return this.tape.record(copyView(x.data, shape, strides), [
      { of: x, pull: (g) => this.sum(g, stretched) },
    ]);
  }

  slice(x: Variable, axes: readonly SliceAxis[], shape: readonly number[]): Variable {
    const { start, strides } = view(axes, x.shape);
    return this.tape.record(copyView(x.data, shape, strides, start), [
      { of: x, pull: (g) => this.embed(g, axes, x.shape) },
    ]);
  }

  /** Zeros of `shape`, with x where the slice would read. */
  embed(x: Variable, axes: readonly SliceAxis[], shape: readonly number[]): Variable {
    const { start, strides } = view(axes, shape);
    const data = new Float64Array(count(shape));
    walk(x.shape, strides, start, (linear, offset) => (data[offset] = x.data[linear]!));
    return this.tape.record({ shape, data }, [{ of: x, pull: (g) => this.slice(g, axes, x.shape) }]);
  }

  concat(parts: readonly Variable[], axis: number): Variable {
    const first = parts[0]!;
    const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + part.shape[axis]!, 0));
    const length = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    const shape = first.shape.map((size, i) => (i === axis ? length : size));
    const data = new Float64Array(count(shape));
    const places = starts.map((start) =>
      shape.map((_, i) => (i === axis ? { start, fromEnd: false, step: 1 } : whole)),
    );
    parts.forEach((part, i) => {
      const { start, strides } = view(places[i]!, shape);
      walk(part.shape, strides, start, (linear, offset) => (data[offset] = part.data[linear]!));
    });
    return this.tape.record(
      { shape, data },
      parts.map((part, i) => ({ of: part, pull: (g) => this.slice(g, places[i]!, part.shape) })),
    );
  }

  // -------------------------------------------------------------------------------------------- indices

  oneHot(labels: Variable, classes: number): Variable {
    const data = new Float64Array(labels.data.length * classes);
    labels.data.forEach((label, row) => {
      if (label >= 0 && label < classes) data[row * classes + label] = 1;
    });
    return this.tape.record({ shape: [...labels.shape, classes], data });
  }

  /** x[…, label]: the product of a row with the label's one-hot row, which picks without 0 · ∞. */
  gather(x: Variable, labels: Variable): Variable {
    const picks = this.oneHot(labels, x.shape.at(-1)!);
    const picked = this.where(picks, x, this.#like(x, 0));
    return this.reshape(this.sum(picked, [x.shape.length - 1]), labels.shape);
  }

  /** ∂ scalar / ∂ variable, on the tape. */
  gradients = (scalar: Variable, variables: readonly Variable[]): Variable[] =>
    this.tape.gradients(scalar, variables, this.add);
}

const whole: SliceAxis = { start: 0, fromEnd: false, step: 1 };

/** The largest, NaN where there is one; -∞ of none. */
const top = (run: Float64Array): number => run.reduce((a, b) => Math.max(a, b), -Infinity);

/** In IEEE 754, 1ᵖ is 1 for every p, where JavaScript's 1 ** NaN and 1 ** ∞ are NaN. */
const power = (x: number, p: number): number =>
  x === 1 || (x === -1 && Math.abs(p) === Infinity) ? 1 : x ** p;

/** Ties to even. */
function nearest(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function view(
  axes: readonly SliceAxis[],
  shape: readonly number[],
): { readonly start: number; readonly strides: readonly number[] } {
  const steps = rowMajor(shape);
  const firsts = axes.map(({ start, fromEnd }, axis) => (fromEnd ? shape[axis]! - start : start));
  return {
    start: firsts.reduce((sum, first, axis) => sum + first * steps[axis]!, 0),
    strides: axes.map(({ step }, axis) => step * steps[axis]!),
  };
}

/** [..., m, k] · [..., k, n] */
function product(a: Values, b: Values): Values {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  const batch = a.shape.slice(0, -2);
  const data = new Float64Array(count(batch) * m * n);
  for (let at = 0; at < data.length; at++) {
    const column = at % n;
    const row = Math.floor(at / n);
    const block = Math.floor(row / m) * k;
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a.data[row * k + i]! * b.data[(block + i) * n + column]!;
    data[at] = sum;
  }
  return { shape: [...batch, m, n], data };
}
