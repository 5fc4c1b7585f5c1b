/** Slices of products that are made smaller wrongly: values must differ from those before. */
import type * as simplification from "../../compiler/passes/simplify.ts";
import { changesSlices } from "../../test/helpers/slices-of-products.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/passes/rules/slices-of-products.ts": [
    ["slices as if nothing were cut", "start: axis.start - cut.axes[i]!.start,", "start: axis.start,"],
    [
      "to the last slice",
      "Math.max(to[axis]!, start + (countOf(size) - 1) * step + 1)",
      "start + (countOf(size) - 1) * step + 1",
    ],

    ["one entry fewer", "(countOf(size) - 1) * step + 1)", "(countOf(size) - 1) * step)"],

    [
      "rows for the depth",
      "of(left!, rank - 1), of(right!, rank - 2)",
      "of(left!, rank - 2), of(right!, rank - 1)",
    ],
    ["any reshape keeps columns", "if (!isColumns) return null;", ""],
    ["columns from the start", "axis === own ? axes[last]! : ALL", "ALL"],
    ["broadcasts of one entry are cut", "isOne(source.shape[i]!) ? ALL : axis", "axis"],
  ],
};

export const sliceMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof simplification>(mistakes, "compiler/passes/simplify.ts", ({ simplify }) =>
    Promise.resolve(changesSlices(simplify)),
  );
