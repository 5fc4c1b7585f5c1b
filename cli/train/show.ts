/** What is said of a run: before it, where it ends, and what came of it. */
import type { EpochReport, PastEpoch } from "../../runtime/index.ts";
import type { Output } from "../output.ts";
import type { Evaluation } from "../parts.ts";
import { curve } from "../terminal/curve.ts";
import { count, counted, duration, figure } from "../terminal/numbers.ts";
import { trainedParameters } from "../trained.ts";
import type { RunResult } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

export function introduction({ compiled: { manifest }, training, validation, plan }: Prepared): string {
  const { firstEpoch, firstBatch, epochs, run } = plan;
  const held = validation === null ? "" : `, ${count(validation.rows)} to validate`;
  const parameters = trainedParameters(manifest).reduce(
    (sum, p) => sum + p.shape.reduce((product, size) => product * size, 1),
    0,
  );
  const rows =
    manifest.free === null ? "" : ` on ${counted(training.rows, "row")}, ${count(run.batch)} a step`;
  const from =
    firstEpoch === 1 && firstBatch === 1
      ? counted(epochs, "epoch")
      : `from epoch ${count(firstEpoch)} of ${count(run.last)} on${firstBatch === 1 ? "" : `, batch ${count(firstBatch)}`}`;
  return `training ${counted(parameters, "parameter")} of ${manifest.model}${rows}${held}, ${from}`;
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

/** An epoch as `--json` prints it. Numbers that JSON has not are null in it. */
export function epochJson(report: EpochReport | PastEpoch): Omit<PastEpoch, "best"> {
  const { best: _, ...rest } = report;
  return rest;
}

/** A run as `--json` prints it. */
export function resultJson(
  { compiled: { manifest } }: Prepared,
  { ending, epochs, steps, seconds, history, best, isOutOfPatience, trained, ...result }: RunResult,
): string {
  const json = {
    model: manifest.model,
    epochs,
    steps,
    seconds,
    loss: trained?.loss ?? history.at(-1)?.loss ?? null,
    metrics: trained?.metrics ?? {},
    history: history.map(epochJson),
    ...(best === null ? {} : { best, stopped: isOutOfPatience ? "patience" : "epochs" }),
    ...(result.validated === null ? {} : { validation: result.validated }),
    ...(result.tested === null ? {} : { test: result.tested }),
    ...(result.weights === null ? {} : { weights: result.weights }),
    ...(ending === "interrupted" || ending === "stopped" ? { interrupted: true } : {}),
    ...result.wrong,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** A run that is done, with the curve of its losses, and that of the losses on validation data. */
export function resultText(
  { options, plan }: Prepared,
  { steps, seconds, history, best, isOutOfPatience, trained, validated, tested }: RunResult,
  losses: readonly number[],
  { columns, unicode }: Output,
): string {
  const validation = history.flatMap((epoch) => epoch.validation?.loss ?? []);
  const draw = (values: readonly number[], height: number): string[] =>
    curve(values, { width: Math.min(columns - 12, 72), height, unicode });
  const drawn =
    validation.length < 2
      ? draw(losses, 8)
      : [
          "loss in training, by step",
          ...draw(losses, 6),
          "validation loss, by epoch",
          ...draw(validation, 6),
        ];
  const chosen =
    best === null
      ? []
      : [
          isOutOfPatience
            ? `epoch ${count(best.epoch)} was the best: none of the ${count(plan.run.watch?.patience ?? 1)} after it had a lower loss`
            : `epoch ${count(best.epoch)} was the best`,
        ];
  return [
    ...drawn,
    `${counted(steps, "step")} in ${duration(seconds)}`,
    ...chosen,
    ...(trained === null ? [] : [`train  ${showEvaluation(trained)}`]),
    ...(validated === null ? [] : [`valid  ${showEvaluation(validated)}`]),
    ...(tested === null ? [] : [`test   ${showEvaluation(tested)}`]),
    ...(options.output === undefined ? [] : [`weights in ${options.output}`]),
    "",
  ].join("\n");
}

const showEvaluation = ({ loss, metrics }: Evaluation): string =>
  [["loss", loss] as const, ...Object.entries(metrics)]
    .map(([name, value]) => `${name} ${value === null ? "not measured" : figure(value)}`)
    .join("  ");
