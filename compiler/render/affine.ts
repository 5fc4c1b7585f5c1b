/** Sizes and strides as AssemblyScript expressions in bytes. */
import { type Affine, bySize, byTerms, type Size } from "../ir/size.ts";

/** `a` times `unit`, as an expression in `rows`. */
export const affineText = (a: Affine, unit: number): string =>
  byTerms(a, (constant, timesRows) => {
    if (timesRows === 0) return String(constant * unit);
    const scaled = rowsText(timesRows * unit);
    return constant === 0 ? scaled : `${scaled} + ${constant * unit}`;
  });

const rowsText = (times: number): string => (times === 1 ? "rows" : `rows * ${times}`);

/** The size in bytes, each entry taking `unit`. */
export const sizeText = (size: Size, unit: number): string =>
  bySize(
    size,
    (count) => String(count * unit),
    (count) => rowsText(count * unit),
  );

/** The size in bytes, rounded up to whole vectors. */
export const paddedText = (size: Size, unit: number): string =>
  bySize(
    size,
    (count) => String(Math.ceil((count * unit) / 16) * 16),
    () => `((${sizeText(size, unit)} + 15) & ~15)`,
  );
