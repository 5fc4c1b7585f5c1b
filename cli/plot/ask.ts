/** Outputs of a net at rows of features that are computed and not read. */
import type { Manifest, ManifestOutput, Net } from "../../runtime/index.ts";
import { entriesOfRow } from "../data/row-names.ts";
import type { Dataset } from "../data/load-data.ts";
import { predict } from "../parts.ts";
import { taken, type Feature } from "./features.ts";

/** An output with its entries, row after row. */
export interface Asked {
  readonly output: ManifestOutput;
  /** Entries of one row. */
  readonly width: number;
  readonly values: ArrayLike<number>;
}

/** Outputs that have entries for each row, and whose rows do not depend on each other. */
export const outputsByRow = (manifest: Manifest): readonly ManifestOutput[] =>
  manifest.outputs.filter(
    ({ shape, join }) =>
      entriesOfRow(shape, manifest.free) !== null && (manifest.free === null || join === "rows"),
  );

/** @param columns the values of each feature, one for each row */
export function ask(net: Net, features: readonly Feature[], columns: readonly ArrayLike<number>[]): Asked[] {
  const rows = columns[0]?.length ?? 0;
  const asked = outputsByRow(net.manifest).map((output) => ({
    output,
    width: entriesOfRow(output.shape, net.manifest.free)!,
  }));
  const inputs = net.manifest.inputs.filter(({ role }) => role === "input");
  const rowsOf = (from: number, count: number): Dataset["inputs"] =>
    Object.fromEntries(
      inputs.map((input) => {
        const mine = features.flatMap((feature, k) => (feature.input === input ? [{ feature, k }] : []));
        const width = mine.length;
        const whole = input.dtype !== "float";
        const data = whole
          ? new Int32Array(count * width)
          : net.manifest.dtype === "f64"
            ? new Float64Array(count * width)
            : new Float32Array(count * width);
        for (const { feature, k } of mine) {
          for (let row = 0; row < count; row++)
            data[row * width + feature.entry] = taken(feature, columns[k]![from + row]!);
        }
        const shape = input.shape.map((size) => (typeof size === "number" ? size : count));
        return [input.name, { data, shape }];
      }),
    );
  const dataset = (from: number, count: number): Dataset => ({
    rows: count,
    inputs: rowsOf(from, count),
    categories: {},
    columns: {},
    notes: [],
  });
  if (net.manifest.free !== null) {
    const outputs = predict(net, dataset(0, rows));
    return asked.map(({ output, width }) => ({ output, width, values: outputs[output.name]!.data }));
  }
  // A model of one row is asked row by row.
  const values = asked.map(({ width }) => new Float64Array(rows * width));
  for (let row = 0; row < rows; row++) {
    const outputs = net.predict(dataset(row, 1).inputs);
    asked.forEach(({ output, width }, k) => values[k]!.set(outputs[output.name]!.data, row * width));
  }
  return asked.map((one, k) => ({ ...one, values: values[k]! }));
}
