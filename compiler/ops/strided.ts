/** Strided copies, which the f64 definitions of movement, reductions and products are made of. */
import type { Values } from "./op.ts";

export const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Row-major strides, in elements. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/**
 * Calls `visit(linear, offset)` for each index of `shape` in row-major order, `offset` being start
 * + Σ strides · index.
 */
export function walk(
  shape: readonly number[],
  strides: readonly number[],
  start: number,
  visit: (linear: number, offset: number) => void,
): void {
  const total = count(shape);
  const index = shape.map(() => 0);
  let offset = start;
  for (let linear = 0; linear < total; linear++) {
    visit(linear, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      offset += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** The elements of a view, copied in row-major order. */
export function copyView(
  data: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Values {
  const result = new Float64Array(count(shape));
  walk(shape, strides, start, (linear, offset) => {
    result[linear] = data[offset]!;
  });
  return { shape, data: result };
}

/** Axes exchanged: axis i of the result is axis `axes[i]` of the operand. */
export function permuted(x: Values, axes: readonly number[]): Values {
  const strides = rowMajor(x.shape);
  return copyView(
    x.data,
    axes.map((axis) => x.shape[axis]!),
    axes.map((axis) => strides[axis]!),
  );
}

/** Folds each run along `axes` to one number; the axes stay as size 1. */
export function folded(x: Values, axes: readonly number[], fold: (run: Float64Array) => number): Values {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const rows = permuted(x, [...kept, ...axes]).data;
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const length = count(axes.map((axis) => x.shape[axis]!));
  const data = Float64Array.from({ length: count(shape) }, (_, row) =>
    fold(rows.subarray(row * length, (row + 1) * length)),
  );
  return { shape, data };
}
