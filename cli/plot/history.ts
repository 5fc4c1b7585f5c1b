/** The path that weights took in training, from the file that `train --history` keeps. */
import { ModelError } from "../failures.ts";
import { readHistory } from "../train/history.ts";
import type { Direction, Weights } from "./directions.ts";

export interface Path {
  /** All trained parameters at each point, in the order of `weights`. */
  readonly points: readonly Direction[];
  /** The step that each is from. */
  readonly steps: readonly number[];
}

/** @throws ModelError where the file is none, or of another model, UsageError where there is none */
export async function readPath(file: string, weights: readonly Weights[]): Promise<Path> {
  const { model, points, weights: kept } = await readHistory(file);
  const found = weights.map(({ path, data }) => {
    const tensor = kept.get(path);
    if (tensor?.data.length !== points.length * data.length) {
      throw new ModelError(
        "bad-history",
        `it has no \`${path}\` of ${data.length} numbers: it is of a model ${model}`,
        file,
        "give the history of this model's training",
      );
    }
    return Float64Array.from(tensor.data);
  });
  return {
    steps: points.map(({ step }) => step),
    points: points.map((_, i) =>
      found.map((all, k) => all.subarray(i * weights[k]!.data.length, (i + 1) * weights[k]!.data.length)),
    ),
  };
}
