/**
 * Entries that have kernels in common, put together wrongly: what one of them wants is left out or done in
 * the other too. What their calls leave in planned memory must differ from what the evaluator says, or the
 * program must be refused.
 */
import { analyze } from "../../compiler/analyze.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { faultOfSchedule, type Scheduling } from "../../test/helpers/scheduled.ts";
import { stepModules } from "../../test/helpers/step-modules.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/schedule/fuse.ts": [
    ["what one entry wants is not made", "fusion.place((node) => nodes.has(node) && !isCommon(node));", ""],
    ["what both want is not made", "common.place(isCommon);", ""],
  ],
  "compiler/schedule/cluster.ts": [
    ["copies wait for nothing", "for (const pred of cluster.preds) copy.preds.add(copies.get(pred)!);", ""],
    ["copies read nothing", "[this.#readers, made.#readers],", ""],
    ["copies write nothing", "[this.#writers, made.#writers],", ""],
  ],
  "compiler/schedule/storage.ts": [
    [
      "what lies elsewhere is not copied",
      "for (const root of others) this.#copyRoot(root, this.last[entry]!);",
      "",
    ],
    [
      "what the last entry reads of a stack is all",
      "new Set(this.entries.flat().map(({ node }) => node))",
      "new Set(roots.map(({ node }) => node))",
    ],
  ],
};

export async function entryMutants(): Promise<Tried[]> {
  const models = await Promise.all(
    Object.values(stepModules).map(async (text) =>
      runPasses((await analyze(text)).joint, "lower", "simplify-lowered"),
    ),
  );
  return tryMistakesIn<Scheduling>(mistakes, "test/helpers/interpreted.ts", (loaded) =>
    Promise.resolve(models.some((model) => faultOfSchedule(model, ROWS, loaded) !== null)),
  );
}

const ROWS = 3;
