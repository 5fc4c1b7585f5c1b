/**
 * The thread that `sources.ts` watches: one damaged program after another through `check` or
 * `compile`.
 */
import { parentPort, workerData } from "node:worker_threads";
import { check, compile, DiagnosticError } from "../../compiler/index.ts";
import { corpus, mutant, randomNumbers } from "./mutate-source.ts";
import type { Outcome, Task } from "./sources.ts";

const { door, seed, from, to } = workerData as Task;
const programs = corpus();

for (let index = from; index < to; index++) {
  parentPort!.postMessage({ index, begins: true });
  const source = mutant(programs, randomNumbers(seed + index));
  const started = performance.now();
  parentPort!.postMessage({ index, ...(await outcomeOf(source)), took: performance.now() - started });
}

async function outcomeOf(source: string): Promise<Outcome> {
  try {
    if (door === "compile") {
      await compile(source);
      return { kind: "right" };
    }
    const found = await check(source);
    return { kind: found.some((d) => d.severity === "error") ? "refused" : "right" };
  } catch (error) {
    if (door === "compile" && error instanceof DiagnosticError) return { kind: "refused" };
    return {
      kind: "fault",
      source,
      why: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}
