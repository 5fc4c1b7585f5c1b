/** The two directions in which the points of a path differ most: principal components, by the products of the points. */
import { dot, norm } from "./directions.ts";

export interface Components {
  /** Of length 1 and at right angles: two, or as many as the points span. */
  readonly directions: readonly Float64Array[];
  /** What part of the sum of squares lies along each. */
  readonly shares: readonly number[];
}

/** Turns of the iteration; it has converged long before, unless both are equally good. */
const TURNS = 1000;

/** @param points differences from the point that the plane goes through, which lies in it */
export function principalComponents(points: readonly Float64Array[]): Components {
  // The eigenvectors of the products give those of the much larger matrix of squares.
  const products = points.map((a) => Float64Array.from(points, (b) => dot(a, b)));
  const total = products.reduce((sum, row, i) => sum + row[i]!, 0);
  if (!(total > 0)) return { directions: [], shares: [] };
  // What is left by rounding is no direction.
  const found = twoLargest(products).filter(({ value }) => value > 1e-12 * total);
  return {
    directions: found.map(({ vector }) => {
      const direction = new Float64Array(points[0]!.length);
      points.forEach((point, k) => {
        for (let i = 0; i < direction.length; i++) direction[i]! += vector[k]! * point[i]!;
      });
      return unit(direction);
    }),
    shares: found.map(({ value }) => value / total),
  };
}

/** The part of a vector that is at right angles to another of length 1. */
export function without(vector: Float64Array, other: Float64Array): Float64Array {
  const part = dot(vector, other);
  return vector.map((x, i) => x - part * other[i]!);
}

/** Of length 1, unless it is 0. */
export function unit(vector: Float64Array): Float64Array {
  const length = norm(vector);
  return length === 0 ? vector : vector.map((x) => x / length);
}

interface Eigen {
  readonly value: number;
  readonly vector: Float64Array;
}

/** The two largest eigenvalues of a symmetric matrix without negative ones: two vectors multiplied, and set at right angles. */
function twoLargest(matrix: readonly Float64Array[]): [Eigen, Eigen] {
  const count = matrix.length;
  const times = (vector: Float64Array): Float64Array => Float64Array.from(matrix, (row) => dot(row, vector));
  const distance = (a: Float64Array, b: Float64Array): number => norm(a.map((x, i) => x - b[i]!));
  let u = unit(Float64Array.from({ length: count }, (_, i) => 1 + (i % 3)));
  let v = unit(
    without(
      Float64Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 1 : -1) + i / count),
      u,
    ),
  );
  for (let turn = 0; turn < TURNS; turn++) {
    const next = unit(times(u));
    const done = distance(next, u) < 1e-14;
    u = next;
    const second = unit(without(times(v), u));
    const settled = distance(second, v) < 1e-14;
    v = second;
    if (done && settled) break;
  }
  return [
    { value: dot(u, times(u)), vector: u },
    // Where nothing is left beside u but rounding, v need not be at right angles to it.
    { value: Math.abs(dot(u, v)) > 1e-6 ? 0 : dot(v, times(v)), vector: v },
  ];
}
