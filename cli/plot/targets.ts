/** What the rows of the data are to become: classes with their names, or numbers. */
import type { Manifest, ManifestInput } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { own } from "../data/own.ts";
import { classNames, entriesOfRow, isOneHot } from "../data/row-names.ts";

export interface Targets {
  readonly name: string;
  /** The names of the classes; null where the target is a number. */
  readonly classes: readonly string[] | null;
  /** For each row the number of its class, or the target itself. */
  readonly values: Float64Array;
}

/** More different numbers than this are no classes, unless the model says so. */
const MOST_CLASSES = 10;

/** The model's target that pictures show: the first with one number or one class for each row. */
export function targetsOf(manifest: Manifest, data: Dataset): Targets | null {
  for (const input of manifest.inputs) {
    const tensor = input.role === "target" ? own(data.inputs, input.name) : undefined;
    if (tensor === undefined) continue;
    const width = entriesOfRow(input.shape, manifest.free);
    if (width === 1) {
      const values = Float64Array.from(tensor.data);
      return { name: input.name, classes: classesOf(input, values, data), values };
    }
    if (width !== null && isOneHot(tensor.data, width)) {
      const values = Float64Array.from({ length: data.rows }, (_, row) =>
        tensor.data.subarray(row * width, (row + 1) * width).indexOf(1),
      );
      return { name: input.name, classes: classNames(input.name, width, data), values };
    }
  }
  return null;
}

function classesOf(input: ManifestInput, values: Float64Array, data: Dataset): readonly string[] | null {
  let largest = 0;
  for (const value of values) {
    if (!Number.isInteger(value) || value < 0) return null;
    largest = Math.max(largest, value);
  }
  const texts = Object.values(own(data.categories, input.name) ?? {});
  const isLabel = input.dtype !== "float" || texts.length > 0;
  if (input.dtype === "bool") return ["false", "true"];
  // Whole numbers of a float target are classes where they are 0 and 1 alone.
  if (!isLabel && largest > 1) return null;
  const count = input.classes ?? largest + 1;
  return count > MOST_CLASSES && input.classes === undefined && texts.length === 0
    ? null
    : classNames(input.name, count, data);
}

/** The name of a row's class, or its number. */
export function targetAt(targets: Targets | null, row: number): string | number | null {
  if (targets === null) return null;
  const value = targets.values[row]!;
  return targets.classes === null ? value : (targets.classes[value] ?? String(value));
}
