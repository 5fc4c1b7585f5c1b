/**
 * The operations that the tape records: those of each element, and reductions, products, movement
 * and indices, each with its derivative. What can be composed of others is composed, and then needs
 * no rule at all.
 */
import type { Attributes, SliceAxis } from "../ir/node.ts";
import type { Values } from "../ops/op.ts";
import { copyView, count, folded, permuted, rowMajor, walk } from "../ops/strided.ts";
import { ElementOperations } from "./tape-elements.ts";
import type { Variable } from "./tape.ts";

export class Operations extends ElementOperations {
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
          return this.where(ties, this.broadcast(share, x.shape), this.like(x, 0));
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
    const shift = this.map(this.largest(x, axes), (v) => (Number.isFinite(v) ? v : 0));
    const total = this.sum(this.exp(this.sub(x, this.broadcast(shift, x.shape))), axes);
    const isNone = this.eq(total, this.like(total, 0));
    const logarithm = this.log(this.where(isNone, this.like(total, 1), total));
    return this.where(isNone, this.like(total, -Infinity), this.add(logarithm, shift));
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
    return this.reshape(this.sum(this.flow(left, right), [batch.length + 1]), [...batch, rows, columns]);
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

  /** The entries `dilation·u` after the begin of each window, side by side for all u. */
  windows(x: Variable, { axis, size, stride, dilation }: Attributes["windows"]): Variable {
    const count = Math.floor((x.shape[axis]! - dilation * (size - 1) - 1) / stride) + 1;
    const shape = x.shape.with(axis, count);
    const columns = Array.from({ length: size }, (_, u) => {
      const at = shape.map((_size, i) =>
        i === axis ? { start: dilation * u, fromEnd: false, step: stride } : whole,
      );
      return this.reshape(this.slice(x, at, shape), [...shape, 1]);
    });
    return this.concat(columns, shape.length);
  }

  /** Each column of the windows, written where the windows have it, and all added up. */
  fold(w: Variable, { axis, length, stride, dilation }: Attributes["fold"]): Variable {
    const last = w.shape.length - 1;
    const part = w.shape.slice(0, -1);
    const columns = Array.from({ length: w.shape[last]! }, (_, u) => {
      const pick = w.shape.map((_size, i) => (i === last ? { start: u, fromEnd: false, step: 1 } : whole));
      const column = this.reshape(this.slice(w, pick, [...part, 1]), part);
      const at = part.map((_size, i) =>
        i === axis ? { start: dilation * u, fromEnd: false, step: stride } : whole,
      );
      return this.embed(column, at, part.with(axis, length));
    });
    return columns.reduce((sum, column) => this.add(sum, column));
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
    const picked = this.where(picks, x, this.like(x, 0));
    return this.reshape(this.sum(picked, [x.shape.length - 1]), labels.shape);
  }

  /** Sums so far, entry after entry as they are said. */
  cumsum = (x: Variable, axis: number): Variable =>
    this.#steps([x], axis, (before, [now]) => this.add(before, now!));
  cumprod = (x: Variable, axis: number): Variable =>
    this.#steps([x], axis, (before, [now]) => this.mul(before, now!));
  recur = (a: Variable, x: Variable, axis: number): Variable =>
    this.#steps([x, a], axis, (before, [now, by]) => this.add(this.mul(by!, before), now!));

  /** An axis step by step, from the entry that the first of `xs` has there. */
  #steps(
    xs: readonly Variable[],
    axis: number,
    next: (before: Variable, now: readonly Variable[]) => Variable,
  ): Variable {
    const { shape } = xs[0]!;
    const one = shape.map((size, i) => (i === axis ? 1 : size));
    const entry = (x: Variable, at: number): Variable =>
      this.slice(
        x,
        shape.map((_, i) => (i === axis ? { ...whole, start: at } : whole)),
        one,
      );
    const results: Variable[] = [];
    for (let at = 0; at < shape[axis]!; at++) {
      const now = xs.map((x) => entry(x, at));
      results.push(at === 0 ? now[0]! : next(results[at - 1]!, now));
    }
    return results.length === 0 ? xs[0]! : this.concat(results, axis);
  }

  /** The entry of the first axis. */
  entry(x: Variable, at: number): Variable {
    const rest = x.shape.slice(1);
    const axes = x.shape.map((_, axis) => (axis === 0 ? { ...whole, start: at } : whole));
    return this.reshape(this.slice(x, axes, [1, ...rest]), rest);
  }

  /** Along a new first axis. */
  stack = (parts: readonly Variable[]): Variable =>
    this.concat(
      parts.map((x) => this.reshape(x, [1, ...x.shape])),
      0,
    );

  /** The place of each entry: how many come before it. */
  rank(x: Variable, descending: boolean): Variable {
    const length = x.shape.at(-1)!;
    const key = (value: number): number => (Number.isNaN(value) ? Infinity : value);
    const isBefore = (a: number, b: number): boolean => {
      const [least, most] = descending ? [b, a] : [a, b];
      return key(least) < key(most) || (Number.isNaN(most) && !Number.isNaN(least));
    };
    const data = x.data.map((value, at) => {
      const start = at - (at % length);
      const row = x.data.subarray(start, start + length);
      return row.reduce(
        (places, other, i) =>
          places + Number(isBefore(other, value) || (start + i < at && !isBefore(value, other))),
        0,
      );
    });
    return this.tape.record({ shape: x.shape, data });
  }

  /** Rows of x by labels, and each blamed for what it was taken for. */
  take(x: Variable, labels: Variable, batch: number): Variable {
    const { shape, at, rows } = taken(x.shape, labels, batch);
    const width = count(x.shape.slice(batch + 1));
    const data = new Float64Array(count(shape));
    at.forEach((row, i) => {
      if (row !== null) data.set(x.data.slice(row * width, (row + 1) * width), i * width);
    });
    return this.tape.record({ shape, data }, [{ of: x, pull: (g) => this.scatter(g, labels, rows, batch) }]);
  }

  /** Rows of x added up by labels, and each blamed for the sum it went into. */
  scatter(x: Variable, labels: Variable, rows: number, batch: number): Variable {
    const rest = x.shape.slice(labels.shape.length);
    const table = [...labels.shape.slice(0, batch), rows, ...rest];
    const width = count(rest);
    const data = new Float64Array(count(table));
    taken(table, labels, batch).at.forEach((row, i) => {
      if (row === null) return;
      for (let k = 0; k < width; k++) data[row * width + k]! += x.data[i * width + k]!;
    });
    return this.tape.record({ shape: table, data }, [{ of: x, pull: (g) => this.take(g, labels, batch) }]);
  }

  /** ∂ scalar / ∂ variable, on the tape, where variables in `still` do not move. */
  gradients = (
    scalar: Variable,
    variables: readonly Variable[],
    still: ReadonlySet<Variable> = new Set(),
  ): Variable[] => this.tape.gradients(scalar, variables, this.add, still);
}

/** Which row of a table, the batch's one after another, each label names; null where there is none. */
function taken(
  table: readonly number[],
  labels: Variable,
  batch: number,
): { readonly shape: number[]; readonly rows: number; readonly at: readonly (number | null)[] } {
  const rows = table[batch]!;
  const each = count(labels.shape.slice(batch));
  return {
    shape: [...labels.shape, ...table.slice(batch + 1)],
    rows,
    at: Array.from(labels.data, (label, i) =>
      label >= 0 && label < rows ? Math.floor(i / each) * rows + label : null,
    ),
  };
}

const whole: SliceAxis = { start: 0, fromEnd: false, step: 1 };

/** The largest, NaN where there is one; -∞ of none. */
const top = (run: Float64Array): number => run.reduce((a, b) => Math.max(a, b), -Infinity);

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
