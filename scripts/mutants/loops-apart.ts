/** Loops at several places of a nest that are set apart wrongly. Values or slopes must differ from the formulas as typed. */
import type * as apart from "../../test/helpers/loops-apart.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/passes/loops-apart.ts": [
    ["none", "places.size > 1", "places.size > 9"],
    [
      "numbers of what is carried as they were",
      "this.#carried.indexOf(node.attributes.index);",
      "node.attributes.index;",
    ],
    ["the first carried alone goes on", "stack.push(next[node.attributes.index]!);", "stack.push(next[0]!);"],
    ["nothing goes on", "stack.push(next[node.attributes.index]!);", ""],
    ["the other way", "this.#graph.loop(length, reverse)", "this.#graph.loop(length, !reverse)"],
    ["first values go on", "next: pick(next)", "next: pick(first)"],
    [
      "bodies end at inner loops",
      "scans) if (isIn(scan, inside)) inside.add(scan",
      "scans) if (isIn(scan, new Set())) inside.add(scan",
    ],
  ],
};

export const loopsApartMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof apart>(mistakes, "test/helpers/loops-apart.ts", async (loaded) => {
    for (const source of Object.values(loaded.programs))
      if ((await loaded.faultOfPasses(source)) !== null) return true;
    return false;
  });
