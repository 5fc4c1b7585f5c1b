import type { ManifestSize } from "./manifest.ts";

/**
 * A shape with at most one free axis, seen as `outer × rows × inner` entries in row-major order:
 * row r is the `outer` runs of `inner` entries at `(o · rows + r) · inner`. Where no axis is free
 * there is one run of `inner`.
 */
export interface Extent {
  readonly sizes: readonly ManifestSize[];
  readonly free: boolean;
  readonly outer: number;
  readonly inner: number;
}

/** How many entries along the axis for each row: 3 for `3·N`. */
const count = (size: ManifestSize): number => (typeof size === "number" ? size : parseInt(size) || 1);

const product = (sizes: readonly ManifestSize[]): number =>
  sizes.reduce<number>((all, size) => all * count(size), 1);

export function extentOf(sizes: readonly ManifestSize[]): Extent {
  const axis = sizes.findIndex((size) => typeof size === "string");
  const split = Math.max(axis, 0);
  return {
    sizes,
    free: axis >= 0,
    outer: product(sizes.slice(0, split)),
    inner: product(sizes.slice(split)),
  };
}

/** Entries for so many rows. */
export const entries = (extent: Extent, rows: number): number =>
  extent.outer * extent.inner * (extent.free ? rows : 1);

export const shapeOf = (extent: Extent, rows: number): number[] =>
  extent.sizes.map((size) => (typeof size === "number" ? size : count(size) * rows));

/** The rows that a shape amounts to (1 where no axis is free), or -1 where it does not fit. */
export function rowsOfShape(extent: Extent, shape: ArrayLike<number>): number {
  if (shape.length !== extent.sizes.length) return -1;
  let rows = 1;
  for (const [axis, size] of extent.sizes.entries()) {
    const given = shape[axis] ?? -1;
    if (typeof size === "string") rows = given / count(size);
    else if (given !== size) return -1;
  }
  return Number.isInteger(rows) ? rows : -1;
}

/**
 * The rows that so many entries amount to (1 where no axis is free), or -1 where they do not fit.
 */
export function rowsOfLength(extent: Extent, length: number): number {
  const one = extent.outer * extent.inner;
  const rows = extent.free ? length / one : length === one ? 1 : -1;
  return Number.isInteger(rows) ? rows : -1;
}

/** `[N, 784]`. No more than the sizes of ten axes: a caller's shape may have any number. */
export const showShape = (sizes: ArrayLike<ManifestSize>): string =>
  `[${Array.from({ length: Math.min(sizes.length, 10) }, (_, axis) => sizes[axis]).join(", ")}]`;
