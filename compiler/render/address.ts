/** Addresses in generated code. */
import { type Affine, constantOf, isUnit, isZero } from "../ir/size.ts";
import { affineText } from "./affine.ts";

/** An address as instructions take it: an expression, and constant bytes beyond it. */
export interface Location {
  readonly base: string;
  readonly offset: number;
}

/** What the address of a kernel's operand is called. */
export const addressName = (operand: string): string => `${operand}At`;

/** The last argument of a load or a store, with its comma. */
export const immediate = (offset: number): string => (offset === 0 ? "" : `, ${offset}`);

/** `base + index * stride`, without what is idle; `stride` is in elements and `index` in bytes. */
export function advance(base: string, index: string, stride: Affine): string {
  if (isZero(stride)) return base;
  if (isUnit(stride)) return `${base} + ${index}`;
  const by = affineText(stride, 1);
  return `${base} + ${index} * ${/[ +-]/.test(by) ? `(${by})` : by}`;
}

/** `by` times `unit` bytes along a stride: in the instruction, where that is a constant. */
export function further({ base, offset }: Location, stride: Affine, by: number, unit = 1): Location {
  const step = by === 0 ? 0 : constantOf(stride);
  return step !== null && step >= 0
    ? { base, offset: offset + step * by * unit }
    : { base: `${base} + ${by} * (${affineText(stride, unit)})`, offset };
}
