/** What is said of a run: before it, where it ends, and what came of it. */
import type { StepReport } from "../../runtime/index.ts";
import type { Manifest } from "../../runtime/manifest.ts";
import type { Dataset } from "../data/load-data.ts";
import type { Complaint } from "../failures.ts";
import type { Evaluation } from "../parts.ts";
import type { RunPlan } from "../run.ts";
import { count, counted, figure } from "../terminal/numbers.ts";

export function introduction(
  manifest: Manifest,
  data: Dataset,
  { firstEpoch, firstBatch, epochs, run }: RunPlan,
): string {
  const parameters = manifest.parameters
    .filter((p) => !p.frozen)
    .reduce((sum, p) => sum + p.shape.reduce((product, size) => product * size, 1), 0);
  const rows = manifest.free === null ? "" : ` on ${counted(data.rows, "row")}, ${count(run.batch)} a step`;
  const from =
    firstEpoch === 1 && firstBatch === 1
      ? counted(epochs, "epoch")
      : `from epoch ${count(firstEpoch)} of ${count(run.last)} on${firstBatch === 1 ? "" : `, batch ${count(firstBatch)}`}`;
  return `training ${counted(parameters, "parameter")} of ${manifest.model}${rows}, ${from}`;
}

export const placeOf = ({ epoch, batch, step }: StepReport) => ({ epoch, batch, step });

/** What is said of a run whose loss is not a finite number any more. */
export function divergence(
  { epoch, step, loss }: StepReport,
  steps: number,
  file: string,
  to: string | undefined,
  checkpoint: number | null,
): Complaint {
  const kept =
    to === undefined ? [] : [`${to} is as ${checkpoint === null ? "it was" : `epoch ${checkpoint} left it`}`];
  return {
    code: "diverged",
    severity: "error",
    message: `the loss stopped being finite at step ${count(step)}, in epoch ${count(epoch)}: it is ${loss}`,
    file,
    notes: kept,
    help:
      steps === 1
        ? "it was not finite before training: look for very large inputs, and for log, sqrt and division at 0 in the formulas"
        : "try a smaller --lr, scale the inputs to about 1, or look for log and division near 0 in the loss",
  };
}

export const showEvaluation = ({ loss, metrics }: Evaluation): string =>
  [["loss", loss] as const, ...Object.entries(metrics)]
    .map(([name, value]) => `${name} ${value === null ? "not measured" : figure(value)}`)
    .join("  ");
