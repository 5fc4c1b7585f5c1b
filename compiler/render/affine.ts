/** Sizes and strides as AssemblyScript expressions in bytes. */
import type { Loop } from "../ir/loop.ts";
import {
  type Affine,
  argumentName,
  argumentOf,
  argumentOfStride,
  atFirstPlaces,
  bySize,
  byTerms,
  isZero,
  known,
  movesOf,
  type Size,
} from "../ir/size.ts";

/** `a` times `unit`, as an expression in `rows`, an argument, and the places of loops. */
export function affineText(a: Affine, unit: number): string {
  const argument = argumentOfStride(a);
  if (argument !== null) return timesText(argumentName(argument), unit);
  const moves = movesOf(a);
  if (moves.length > 0) {
    const first = atFirstPlaces(a);
    const terms = moves.map(({ loop, by }) => `${placeName(loop)} * ${grouped(affineText(by, unit))}`);
    return [...(isZero(first) ? [] : [affineText(first, unit)]), ...terms].join(" + ");
  }
  return byTerms(a, (constant, timesRows) => {
    if (timesRows === 0) return String(constant * unit);
    const scaled = timesText("rows", timesRows * unit);
    return constant === 0 ? scaled : `${scaled} + ${constant * unit}`;
  });
}

/** What generated code calls the place where a loop is. */
export const placeName = ({ id }: Loop): string => `place${id}`;

const grouped = (text: string): string => (/[ ]/.test(text) ? `(${text})` : text);

const timesText = (name: string, times: number): string => (times === 1 ? name : `${name} * ${times}`);

/** The size in bytes, each entry taking `unit`. */
export function sizeText(size: Size, unit: number): string {
  const argument = argumentOf(size);
  if (argument !== null) return timesText(argumentName(argument), unit);
  return bySize(
    size,
    (count) => String(count * unit),
    (count) => timesText("rows", count * unit),
  );
}

/** The size in bytes, rounded up to whole vectors. */
export function paddedText(size: Size, unit: number): string {
  const count = known(size);
  return count === null
    ? `((${sizeText(size, unit)} + 15) & ~15)`
    : String(Math.ceil((count * unit) / 16) * 16);
}
