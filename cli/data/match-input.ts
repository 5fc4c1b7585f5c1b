/**
 * An array from a file, held against one input of the model and brought into the form that the
 * runtime takes.
 */
import { isAmong, labelsOf } from "../../runtime/labels.ts";
import type { Manifest, ManifestInput, ManifestSize } from "../../runtime/manifest.ts";
import { DataError } from "../failures.ts";
import { elementCount, showShape, type DataArray } from "./array.ts";
import type { ColumnKind } from "./columns.ts";
import { cut } from "../terminal/cut.ts";

/** What data is matched with: of an input, all that the manifest says but its place in memory. */
export type WantedInput = Omit<ManifestInput, "place">;
export interface WantedInputs extends Pick<Manifest, "model" | "dtype"> {
  readonly inputs: readonly WantedInput[];
}

export interface Tensor {
  readonly data: Float32Array | Float64Array | Int32Array;
  readonly shape: readonly number[];
}

/**
 * The values for `input`, and how many rows of a batch they are (1 where the input has no free
 * dimension: `rows` is then null).
 *
 * Axes of size 1 may be there or not, and rows may be flat ([N, 784] for [N, 28, 28] and back).
 * Labels from text, or from a named data set, become one-hot rows where the model wants [N, K].
 *
 * @param labels whether the array holds the numbers of classes, which one-hot rows may be made of
 * @throws DataError at the first entry that the model cannot take
 */
export function matchInput(
  array: DataArray,
  input: WantedInput,
  dtype: Manifest["dtype"],
  labels: boolean,
): { readonly tensor: Tensor; readonly rows: number | null } {
  const classes = oneHotClasses(input);
  const source = labels && classes !== null && isOneARow(array) ? oneHot(array, input, classes) : array;
  const { shape, rows } = matchShape(source, input);
  return { tensor: { data: convert(source, input, dtype), shape }, rows };
}

/** What a column of a table may hold beside numbers, for this input. */
export function columnKind(input: WantedInput): ColumnKind | "one-hot" {
  switch (input.dtype) {
    case "int":
      return "labels";
    case "bool":
      return "booleans";
    case "float":
      return input.role === "target" && oneHotClasses(input) !== null ? "one-hot" : "numbers";
    default:
      return input.dtype satisfies never;
  }
}

const isOneARow = (array: DataArray): boolean =>
  elementCount(array.shape.slice(1)) === 1 && array.shape.length > 0;

function oneHotClasses(input: WantedInput): number | null {
  const [rows, classes] = input.shape;
  const fits = input.dtype === "float" && input.shape.length === 2 && typeof rows === "string";
  return fits && typeof classes === "number" && classes > 1 ? classes : null;
}

function oneHot(array: DataArray, input: WantedInput, classes: number): DataArray {
  const rows = array.values.length;
  const values = new Float32Array(rows * classes);
  array.values.forEach((label, row) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw labelError(array, row, input, [0, classes - 1]);
    values[row * classes + label] = 1;
  });
  return {
    shape: [rows, classes],
    values,
    place: (position) => array.place(Math.floor(position / classes)),
    file: array.file,
  };
}

/** `3·N` → 3; null for a fixed size. */
function freeFactor(size: ManifestSize): number | null {
  if (typeof size === "number") return null;
  const factor = /^(\d+)·/.exec(size)?.[1];
  return factor === undefined ? 1 : Number(factor);
}

function matchShape(
  array: DataArray,
  input: WantedInput,
): { readonly shape: readonly number[]; readonly rows: number | null } {
  const wanted = input.shape;
  const freeAxis = wanted.findIndex((size) => typeof size === "string");
  const free = wanted[freeAxis];
  const factor = free === undefined ? null : freeFactor(free);
  // Counting from 0, the free axis as the data has it: rows come first, or stand where the model
  // has them.
  const count = array.shape[freeAxis];
  if (free !== undefined && factor !== null && count !== undefined) {
    if (count === 0) throw new DataError("data-empty", `\`${input.name}\` has no rows`, { file: array.file });
    if (count % factor === 0) {
      const rows = count / factor;
      const shape = wanted.map((size, axis) => (axis === freeAxis ? count : Number(size)));
      if (agrees(array.shape, shape, freeAxis)) return { shape, rows };
    }
  } else if (free === undefined) {
    const shape = wanted.map(Number);
    if (agrees(array.shape, shape, -1)) return { shape, rows: null };
  }
  throw new DataError(
    "data-wrong-shape",
    `\`${input.name}\` is ${showShape(wanted)}, but the data is ${showShape(array.shape)}`,
    { file: array.file },
    shapeAdvice(array, input),
  );
}

/** Equal, but for axes of size 1, or for rows that one of them has flat. */
function agrees(given: readonly number[], wanted: readonly number[], freeAxis: number): boolean {
  if (given.length === wanted.length && given.every((size, axis) => size === wanted[axis])) return true;
  if (freeAxis > 0) return false;
  const skip = freeAxis + 1;
  const [a, b] = [given.slice(skip), wanted.slice(skip)];
  if (elementCount(a) !== elementCount(b)) return false;
  const solid = (shape: readonly number[]): string => shape.filter((size) => size !== 1).join();
  return a.length <= 1 || b.length <= 1 || solid(a) === solid(b);
}

function shapeAdvice(array: DataArray, input: WantedInput): { readonly help?: string } {
  const perRow = elementCount(array.shape.slice(1));
  const wanted = input.shape.slice(1);
  if (array.categories !== undefined && typeof input.shape[0] === "string") {
    return { help: `\`${input.name}: int[N]\` takes labels` };
  }
  if (typeof input.shape[0] === "string" && wanted.every((size) => typeof size === "number")) {
    const expected = elementCount(wanted);
    if (expected !== perRow) return { help: `each row needs ${expected} numbers, but has ${perRow}` };
  }
  return {};
}

/** Whether data of this type can be what the runtime takes as they are. */
const isOwn = (
  values: DataArray["values"],
  input: WantedInput,
  dtype: Manifest["dtype"],
): values is Tensor["data"] =>
  input.dtype === "int"
    ? values instanceof Int32Array
    : dtype === "f64"
      ? values instanceof Float64Array
      : values instanceof Float32Array;

/** Numbers in the type of the input: those of the array itself where they are of that type. */
function convert(array: DataArray, input: WantedInput, dtype: Manifest["dtype"]): Tensor["data"] {
  const { values } = array;
  const count = values.length;
  switch (input.dtype) {
    case "int": {
      const result = isOwn(values, input, dtype) ? values : new Int32Array(count);
      const range = labelsOf(input, Infinity);
      for (let i = 0; i < count; i++) {
        const value = values[i]!;
        result[i] = value;
        if (result[i] !== value) {
          throw new DataError(
            "data-not-an-integer",
            `\`${input.name}\` takes integers, but this is ${value}`,
            array.place(i),
          );
        }
        if (!isAmong(range, value)) throw labelError(array, i, input, range);
      }
      return result;
    }
    case "bool":
    case "float": {
      const isSame = isOwn(values, input, dtype);
      const result = isSame ? values : dtype === "f64" ? new Float64Array(count) : new Float32Array(count);
      const at = isSame ? firstNotFinite(values) : copyFinite(values, result);
      if (input.dtype === "bool") {
        const before = at < 0 ? count : at;
        for (let i = 0; i < before; i++)
          if (values[i] !== 0 && values[i] !== 1) throw noBoolean(array, input, i);
      }
      if (at >= 0) throw notFinite(array, at);
      return result;
    }
    default:
      return input.dtype satisfies never;
  }
}

/** The index of the first number that is not finite, -1 where all are. */
function firstNotFinite(values: Float32Array | Float64Array | Int32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/** Copies numbers up to the first that is not finite then. @returns its index, -1 where all are */
function copyFinite(values: DataArray["values"], to: Float32Array | Float64Array | Int32Array): number {
  for (let i = 0; i < values.length; i++) {
    to[i] = values[i]!;
    if (!Number.isFinite(to[i])) return i;
  }
  return -1;
}

const noBoolean = (array: DataArray, input: WantedInput, position: number): DataError =>
  new DataError(
    "data-not-a-boolean",
    `\`${input.name}\` takes 0 and 1, but this is ${array.values[position]}`,
    array.place(position),
  );

function notFinite(array: DataArray, position: number): DataError {
  const value = array.beyond?.position === position ? array.beyond.value : array.values[position]!;
  return Number.isFinite(value)
    ? new DataError(
        "data-too-large-number",
        `${value} is beyond the range of f32, about ±3.4e38`,
        array.place(position),
        {
          help: "scale the data, or compile with --dtype f64",
        },
      )
    : new DataError("data-not-finite", `${value} is not a finite number`, array.place(position), {
        help: "fill it in, or leave the row out; nndsl does not guess missing values",
      });
}

function labelError(
  array: DataArray,
  position: number,
  input: WantedInput,
  range: readonly number[],
): DataError {
  const [least, most, ...others] = range as readonly [number, number, ...number[]];
  const label = array.values[position]!;
  const text = array.categories?.[label];
  return new DataError(
    "data-label-out-of-range",
    `label ${label}${text === undefined ? "" : ` (\`${cut(text)}\`)`} of \`${input.name}\` is not one of ${[`${least} … ${most}`, ...others].join(", ")}`,
    array.place(position),
    {
      ...(array.categories === undefined
        ? {}
        : {
            notes: [
              `the column has ${array.categories.length} different texts, and the model ${most - least + 1} classes`,
            ],
          }),
      help:
        array.categories === undefined && label === most + 1
          ? `labels begin at ${least}`
          : label < 0 && least === 0
            ? `where rows without a label have ${label}, \`cross_entropy(…, ignore = ${label})\` leaves them out`
            : "look at the data, or give the model more classes",
    },
  );
}
