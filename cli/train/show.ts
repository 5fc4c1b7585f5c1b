/** What is said of a run: before it, where it ends, and what came of it. */
import type { StepReport } from "../../runtime/index.ts";
import type { Complaint } from "../failures.ts";
import type { Output } from "../output.ts";
import type { Evaluation } from "../parts.ts";
import { curve } from "../terminal/curve.ts";
import { count, counted, duration, figure } from "../terminal/numbers.ts";
import type { RunResult } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

export function introduction({ compiled: { manifest }, training, plan }: Prepared): string {
  const { firstEpoch, firstBatch, epochs, run } = plan;
  const parameters = manifest.parameters
    .filter((p) => !p.frozen)
    .reduce((sum, p) => sum + p.shape.reduce((product, size) => product * size, 1), 0);
  const rows =
    manifest.free === null ? "" : ` on ${counted(training.rows, "row")}, ${count(run.batch)} a step`;
  const from =
    firstEpoch === 1 && firstBatch === 1
      ? counted(epochs, "epoch")
      : `from epoch ${count(firstEpoch)} of ${count(run.last)} on${firstBatch === 1 ? "" : `, batch ${count(firstBatch)}`}`;
  return `training ${counted(parameters, "parameter")} of ${manifest.model}${rows}, ${from}`;
}

/** What is said of a run that was ended before its time. @param unfinished the epoch that has begun */
export function stopping(
  by: string,
  steps: number,
  unfinished: number | null,
  { to, keeps }: { readonly to: string | undefined; readonly keeps: boolean },
): string {
  const kept = keeps
    ? `the weights so far are in ${to}${unfinished === null ? "" : "; --resume continues from there"}`
    : steps === 0
      ? "nothing was trained"
      : "nothing saved: no -o was given";
  const where = unfinished === null ? "after the last epoch" : `in epoch ${unfinished}`;
  return `stopped ${where} by ${by}, after ${counted(steps, "step")}; ${kept}`;
}

const placeOf = ({ epoch, batch, step }: StepReport) => ({ epoch, batch, step });

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

/** A run as `--json` prints it. */
export function resultJson(
  { compiled: { manifest } }: Prepared,
  { ending, epochs, steps, seconds, history, trained, tested, weights }: RunResult,
  wrong: { readonly diverged: StepReport; readonly complaint: Complaint | null } | null,
): string {
  const result = {
    model: manifest.model,
    epochs,
    steps,
    seconds,
    loss: trained?.loss ?? history.at(-1)?.loss ?? null,
    metrics: trained?.metrics ?? {},
    history: history.map(({ epoch, loss, seconds: spent }) => ({ epoch, loss, seconds: spent })),
    ...(tested === null ? {} : { test: tested }),
    ...(weights === null ? {} : { weights }),
    ...(ending === "interrupted" || ending === "stopped" ? { interrupted: true } : {}),
    ...(wrong === null ? {} : { diverged: placeOf(wrong.diverged), diagnostics: [wrong.complaint] }),
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}

/** A run that is done, with the curve of its losses. */
export function resultText(
  { steps, seconds, trained, tested }: RunResult,
  to: string | undefined,
  losses: readonly number[],
  { columns, unicode }: Output,
): string {
  return [
    ...curve(losses, { width: Math.min(columns - 12, 72), height: 8, unicode }),
    `${counted(steps, "step")} in ${duration(seconds)}`,
    ...(trained === null ? [] : [`train  ${showEvaluation(trained)}`]),
    ...(tested === null ? [] : [`test   ${showEvaluation(tested)}`]),
    ...(to === undefined ? [] : [`weights in ${to}`]),
    "",
  ].join("\n");
}

const showEvaluation = ({ loss, metrics }: Evaluation): string =>
  [["loss", loss] as const, ...Object.entries(metrics)]
    .map(([name, value]) => `${name} ${value === null ? "not measured" : figure(value)}`)
    .join("  ");
