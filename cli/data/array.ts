/** Arrays as they come out of data files, before they are held against a model's inputs. */
import type { DataPlace } from "../failures.ts";

export type Values =
  Float64Array | Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** Numbers in row-major order, and where each came from. */
export interface DataArray {
  readonly shape: readonly number[];
  readonly values: Values;
  /** The place of an entry in its file, by its position in `values`. */
  readonly place: (position: number) => DataPlace;
  /** Where the array as a whole is. */
  readonly file: string;
  /**
   * Where the numbers stand for text: what each stands for, in order. Only with one entry a row.
   */
  readonly categories?: readonly string[];
  /** The first number that was beyond the range of f32 before it was rounded, if one was. */
  readonly beyond?: { readonly position: number; readonly value: number };
}

export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** `[60000, 28, 28]` */
export const showShape = (shape: readonly (number | string)[]): string => `[${shape.join(", ")}]`;

/** The places of an array in a binary file, where row and column are indices from 0. */
export function arrayPlace(file: string, shape: readonly number[]): (position: number) => DataPlace {
  const perRow = elementCount(shape.slice(1));
  return (position) => ({
    file,
    row: perRow === 0 ? 0 : Math.floor(position / perRow),
    ...(shape.length > 1 ? { column: position % perRow } : {}),
    counting: "counted from 0",
  });
}
