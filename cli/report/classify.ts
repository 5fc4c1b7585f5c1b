/** A classifier's rows counted by truth and prediction, and those where it is wrong the most. */
import type { Manifest, Net } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { own } from "../data/own.ts";
import { predict, RowsDoNotFit } from "../parts.ts";
import { classNames, featureNames, isOneHot } from "../data/row-names.ts";
import { largest } from "../data/distribution.ts";
import { isEach, isWithin, perRow, sharesOf } from "./rows.ts";
import type { ClassesSeen, Look, Mistake } from "./run.ts";

const MOST_MISTAKES = 12;
const MOST_VALUES = 8;

/** Numbers of a row that make a square of at least this side are shown as an image. */
const LEAST_SIDE = 8;

/** What a row's truth and the model's answer are. */
interface Answers {
  readonly output: string;
  readonly names: readonly string[];
  readonly truth: (row: number) => number;
  /** Of each class, row by row. */
  readonly shares: Float64Array;
}

/**
 * Null for a model that is no classifier: none whose output has the share of each class of an `int`
 * target, of one-hot rows, or of one class of two.
 * @param of what the rows are: `test data`
 */
export function classify(net: Net, data: Dataset, of: string): ClassesSeen | null {
  const answers = answersOf(net, data);
  if (answers === null) return null;
  const { output, names, truth, shares } = answers;
  const count = names.length;
  const counts = names.map(() => names.map(() => 0));
  const wrong: { readonly row: number; readonly share: number }[] = [];
  for (let row = 0; row < data.rows; row++) {
    const [is, seen] = [truth(row), largest(shares, row * count, count)];
    counts[is]![seen]!++;
    if (is !== seen) wrong.push({ row, share: shares[row * count + is]! });
  }
  const worst = wrong
    .sort((a, b) => a.share - b.share || a.row - b.row)
    .slice(0, MOST_MISTAKES)
    .map(({ row }): Mistake => {
      const [is, seen] = [truth(row), largest(shares, row * count, count)];
      return {
        row: row + 1,
        truth: is,
        predicted: seen,
        truthShare: shares[row * count + is]!,
        predictedShare: shares[row * count + seen]!,
        look: lookOf(net.manifest, data, row),
      };
    });
  return { of, output, names, counts, rows: data.rows, worst };
}

function answersOf(net: Net, data: Dataset): Answers | null {
  const { inputs, outputs } = net.manifest;
  for (const target of inputs.filter(({ role }) => role === "target")) {
    const values = own(data.inputs, target.name)?.data;
    const wide = perRow(target.shape);
    if (values === undefined || wide === null) continue;
    for (const { name, shape } of outputs) {
      const count = perRow(shape);
      if (count === null) continue;
      const labels = target.dtype === "int" && wide === 1 && count > 1;
      const oneHot = wide === count && isOneHot(values, count);
      const binary = wide === 1 && count === 1 && isEach(values, [0, 1]);
      if (!labels && !oneHot && !binary) continue;
      const given = predicted(net, data, name);
      if (given === null) return null;
      if (binary) {
        if (!isWithin(given, 0, 1)) continue;
        const shares = new Float64Array(2 * data.rows);
        for (let row = 0; row < data.rows; row++) shares.set([1 - given[row]!, given[row]!], 2 * row);
        return {
          output: name,
          names: classNames(target.name, 2, data).slice(0, 2),
          truth: (row) => values[row]!,
          shares,
        };
      }
      if (labels && !values.every((label) => label >= 0 && label < count)) continue;
      return {
        output: name,
        names: classNames(target.name, count, data).slice(0, count),
        truth: labels ? (row) => values[row]! : (row) => largest(values, row * count, count),
        shares: sharesOf(given, count),
      };
    }
  }
  return null;
}

function predicted(net: Net, data: Dataset, output: string): ArrayLike<number> | null {
  try {
    const values = predict(net, data)[output]!.data;
    return values.every(Number.isFinite) ? values : null;
  } catch (error) {
    if (error instanceof RowsDoNotFit) return null;
    throw error;
  }
}

// ------------------------------------------------------------------------------------------ what a row is

function lookOf({ inputs }: Manifest, data: Dataset, row: number): Look {
  const given = inputs.filter(({ role }) => role === "input");
  for (const { name, shape } of given) {
    const values = own(data.inputs, name)?.data;
    const size = imageSize(shape);
    const count = perRow(shape);
    if (values === undefined || size === null || count === null) continue;
    return { kind: "image", ...size, pixels: pixelsOf(values.subarray(row * count, (row + 1) * count)) };
  }
  const values = given.flatMap((input): (readonly [string, number])[] => {
    const all = own(data.inputs, input.name)?.data;
    const names = featureNames(input, perRow(input.shape) ?? 0, data);
    return all === undefined ? [] : names.map((name, i) => [name, all[row * names.length + i]!] as const);
  });
  return { kind: "values", values: values.slice(0, MOST_VALUES) };
}

function imageSize(
  shape: Manifest["inputs"][number]["shape"],
): { readonly width: number; readonly height: number; readonly channels: 1 | 3 } | null {
  const [, height, width, channels = 1] = shape;
  if (typeof height !== "number") return null;
  if (shape.length === 2) {
    const side = Math.sqrt(height);
    return Number.isInteger(side) && side >= LEAST_SIDE ? { width: side, height: side, channels: 1 } : null;
  }
  if (typeof width !== "number" || shape.length > 4 || height < 4 || width < 4) return null;
  return channels === 1 || channels === 3 ? { width, height, channels } : null;
}

/** 0 … 1 as it is, others from their least to their largest. */
function pixelsOf(values: ArrayLike<number>): Uint8Array {
  let [low, high] = [0, 1];
  if (!isWithin(values, 0, 1)) {
    [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
  }
  return Uint8Array.from(values, (value) => Math.round((255 * (value - low)) / (high - low || 1)));
}
