/** Sizes and strides as AssemblyScript expressions in bytes. */
import type { Affine, Size } from "../ir/size.ts";

/** `a` times `unit`, as an expression in `rows`. */
export function affineText(a: Affine, unit: number): string {
  const constant = a.constant * unit;
  const perRow = a.perRow * unit;
  if (perRow === 0) return String(constant);
  const scaled = perRow === 1 ? "rows" : `rows * ${perRow}`;
  return constant === 0 ? scaled : `${scaled} + ${constant}`;
}

export const isZero = (a: Affine): boolean => a.constant === 0 && a.perRow === 0;
export const isUnit = (a: Affine): boolean => a.constant === 1 && a.perRow === 0;

/** The size in bytes, each entry taking `unit`. */
export const sizeText = (size: Size, unit: number): string =>
  !size.free ? String(size.count * unit) : size.count * unit === 1 ? "rows" : `rows * ${size.count * unit}`;

/** `base + index * stride`, without what is idle; `stride` is in elements and `index` in bytes. */
export function advance(base: string, index: string, stride: Affine): string {
  if (isZero(stride)) return base;
  if (isUnit(stride)) return `${base} + ${index}`;
  const by = affineText(stride, 1);
  return `${base} + ${index} * ${/[ +-]/.test(by) ? `(${by})` : by}`;
}

/** The size in bytes, rounded up to whole vectors. */
export const paddedText = (size: Size, unit: number): string =>
  size.free ? `((${sizeText(size, unit)} + 15) & ~15)` : String(Math.ceil((size.count * unit) / 16) * 16);
