/**
 * Sizes and shapes. A size is an integer, or an integer multiple of the model's one free dimension (`N`, the batch),
 * and nothing more general: everything about a program except `N` is known before a kernel is made.
 */

/** `count`, or `count · N` where `free`. A free size has `count ≥ 1`. */
export interface Size {
  readonly count: number;
  readonly free: boolean;
}

export type Shape = readonly Size[];

export const fixed = (count: number): Size => ({ count, free: false });
export const free = (count = 1): Size => ({ count, free: true });
export const ONE: Size = fixed(1);

export const sameSize = (a: Size, b: Size): boolean => a.count === b.count && a.free === b.free;

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => sameSize(size, b[axis]!));

export const isOne = (size: Size): boolean => size.count === 1 && !size.free;

/** The number of elements, or `null` where the free dimension would be squared. */
export function elements(shape: Shape): Size | null {
  let count = 1;
  let frees = 0;
  for (const size of shape) {
    count *= size.count;
    if (size.free) frees += 1;
  }
  if (frees > 1) return null;
  return { count, free: frees === 1 };
}

/** The size when the free dimension is `n`. */
export const sizeAt = (size: Size, n: number): number => (size.free ? size.count * n : size.count);

export const shapeAt = (shape: Shape, n: number): number[] => shape.map((size) => sizeAt(size, n));

/** `N`, `3·N`, `128`. */
export function showSize(size: Size, freeName = "N"): string {
  if (!size.free) return String(size.count);
  return size.count === 1 ? freeName : `${size.count}·${freeName}`;
}

/** `[N, 128]` */
export const showShape = (shape: Shape, freeName = "N"): string =>
  `[${shape.map((size) => showSize(size, freeName)).join(", ")}]`;

/** `constant + perRow · N`: what strides, offsets and byte addresses are made of. */
export interface Affine {
  readonly constant: number;
  readonly perRow: number;
}

export const affine = (constant: number, perRow = 0): Affine => ({ constant, perRow });
export const affineOf = (size: Size): Affine => (size.free ? affine(0, size.count) : affine(size.count));
export const ZERO: Affine = affine(0);
export const sameAffine = (a: Affine, b: Affine): boolean =>
  a.constant === b.constant && a.perRow === b.perRow;
export const affineAt = (a: Affine, n: number): number => a.constant + a.perRow * n;
