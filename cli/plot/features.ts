/** The numbers that go into a model, one by one, whichever inputs they belong to. */
import type { Manifest, ManifestInput } from "../../runtime/index.ts";
import type { Dataset, KnownTables } from "../data/load-data.ts";
import { own } from "../data/own.ts";
import { entriesOfRow, featureNames } from "../data/row-names.ts";

export interface Feature {
  /** The column's name where the data or the weights tell it; else `x`, or `x[0]` of several. */
  readonly name: string;
  readonly input: ManifestInput;
  /** Which entry of a row. */
  readonly entry: number;
}

/** How many numbers a row of all inputs has; null where that cannot be said. */
export function countFeatures({ inputs, free }: Manifest): number | null {
  let count = 0;
  for (const { role, shape } of inputs) {
    if (role === "target") continue;
    const entries = entriesOfRow(shape, free);
    if (entries === null) return null;
    count += entries;
  }
  return count;
}

/** All features of a model whose inputs have rows of numbers. */
export function featuresOf({ inputs, free }: Manifest, known: Partial<KnownTables>): Feature[] {
  return inputs
    .filter(({ role }) => role === "input")
    .flatMap((input) => {
      const entries = entriesOfRow(input.shape, free) ?? 0;
      return featureNames(input, entries, known).map((name, entry) => ({ name, input, entry }));
    });
}

/** The values of a feature in all rows. */
export function featureValues({ input, entry }: Feature, data: Dataset): Float64Array {
  const tensor = own(data.inputs, input.name);
  const count = tensor === undefined ? 0 : tensor.data.length / data.rows;
  return Float64Array.from({ length: tensor === undefined ? 0 : data.rows }, (_, row) =>
    Number(tensor!.data[row * count + entry]),
  );
}

/** Whether it takes whole numbers alone. */
export const isWhole = ({ input }: Feature): boolean => input.dtype !== "float";

/** The nearest number that the feature takes. */
export function taken({ input }: Feature, value: number): number {
  if (input.dtype === "float") return value;
  const most = input.dtype === "bool" ? 1 : (input.classes ?? Infinity) - 1;
  return (
    Math.min(
      Math.max(Math.round(value), input.dtype === "bool" || input.classes !== undefined ? 0 : -Infinity),
      most,
    ) + 0
  );
}

/**
 * Where a feature is drawn: over what the data has, with a margin of a tenth; over the numbers that it takes, if these are
 * few; else over what `usual` says.
 */
export function usualRange(
  feature: Feature,
  data: Dataset | null,
  usual: { readonly from: number; readonly to: number },
): { readonly from: number; readonly to: number } {
  if (data !== null) {
    const [low, high] = extent(featureValues(feature, data));
    if (low <= high) {
      const margin = isWhole(feature) ? 0.5 : low === high ? 1 : (high - low) / 10;
      return { from: low - margin, to: high + margin };
    }
  }
  if (feature.input.dtype === "bool") return { from: -0.5, to: 1.5 };
  if (feature.input.classes !== undefined) return { from: -0.5, to: feature.input.classes - 0.5 };
  return usual;
}

/** The least and the largest of the finite numbers; `[Infinity, -Infinity]` of none. */
export function extent(values: Iterable<number>): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
