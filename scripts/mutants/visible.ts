/** What is seen of a tensor, told wrongly: of slices, windows and masks. Looking at every entry must tell otherwise. */
import type * as visible from "../../test/helpers/visible.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/passes/visible.ts": [
    ["slices without steps", "first + k * step", "first + k"],
    [
      "slices from the first entry on",
      "const first = fromEnd ? sizes[i]! - start : start;",
      "const first = 0;",
    ],
    ["axes in one another wrongly", "entry * sizes[i]! + k", "entry + k"],
    [
      "one slice is enough",
      "slices.every((slice) => isWhole(slice, axis))",
      "slices.some((slice) => isWhole(slice, axis))",
    ],
    [
      "any part is whole",
      "isFree(some) === isFree(all) && countOf(some) === countOf(all)",
      "isFree(some) === isFree(all)",
    ],
    ["windows without gaps", "stride * i + dilation * u", "stride * i + u"],
    ["windows side by side", "stride * i + dilation * u", "i + dilation * u"],
    ["the other branch", "i === 0 ? 1 : 0", "i === 0 ? 0 : 1"],
    ["rows alone", "row.includes(0) || column.includes(0)", "row.includes(0)"],
    ["columns alone", "row.includes(0) || column.includes(0)", "column.includes(0)"],
    ["any mask", "if (row.includes(0) || column.includes(0)) return false;", ""],
    ["products behind nothing", '["mul", "neg", "add", "sub"]', '["mul"]'],
  ],
};

export const visibleMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof visible>(mistakes, "test/helpers/visible.ts", (loaded) =>
    Promise.resolve(loaded.visibleFault() !== null),
  );
