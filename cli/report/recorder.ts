/** Follows a run, and keeps of it what its page shows. */
import type { DiagnosticJson } from "../program.ts";
import type { EpochReport, StepReport } from "../../runtime/index.ts";
import { Thinned } from "../pictures/thin.ts";
import { count } from "../terminal/numbers.ts";
import type { Observer, RunResult, TrainingRun } from "../train/observe.ts";
import { classify } from "./classify.ts";
import { takerOf, type FrameTaker } from "./frames.ts";
import { LayerRecorder } from "./layer-recorder.ts";
import type { Change, ClassesSeen, Progress, RunState, Status } from "./run.ts";

/** Points of a curve: more than a screen has across. */
const MOST_POINTS = 1200;

interface MetricSeen {
  readonly training: Thinned;
  readonly validation: Thinned;
}

export class Recorder implements Observer {
  readonly #run: TrainingRun;
  readonly #losses = new Thinned(MOST_POINTS);
  readonly #epochLosses = new Thinned(MOST_POINTS);
  readonly #validationLosses = new Thinned(MOST_POINTS);
  readonly #metrics: ReadonlyMap<string, MetricSeen>;
  readonly #layers = new LayerRecorder();
  readonly #frames: FrameTaker | null;
  readonly #changes: Change[] = [];
  readonly #began = performance.now();
  #step: StepReport | null = null;
  #ended: RunResult | null = null;
  #paused = false;
  #classes: ClassesSeen | null = null;

  constructor(run: TrainingRun) {
    this.#run = run;
    this.#metrics = new Map(
      run.compiled.manifest.metrics.map(({ name }) => [
        name,
        { training: new Thinned(MOST_POINTS), validation: new Thinned(MOST_POINTS) },
      ]),
    );
    this.#frames = takerOf(run.net, run.training);
    this.#frames?.take("before training");
  }

  step(report: StepReport): void {
    this.#step = report;
    this.#losses.add({ x: report.step, y: report.loss });
    if (report.layers !== undefined) this.#layers.add(report.step, report.layers);
  }

  epoch(report: EpochReport): void {
    const x = this.#step?.step ?? 0;
    this.#epochLosses.add({ x, y: report.loss });
    const { metrics, validation, layers } = report;
    if (layers !== undefined) this.#layers.add(x, layers);
    if (validation !== undefined) this.#validationLosses.add({ x, y: validation.loss });
    for (const [name, { training, validation: held }] of this.#metrics) {
      const [own, other] = [metrics?.[name], validation?.metrics[name]];
      if (typeof own === "number") training.add({ x, y: own });
      if (typeof other === "number") held.add({ x, y: other });
    }
    this.#frames?.take(`epoch ${count(report.epoch)}`);
  }

  ended(result: RunResult): void {
    this.#ended = result;
    this.#paused = false;
    if (result.ending === "diverged") return;
    const best = result.best?.epoch;
    if (best !== undefined && best !== this.#step?.epoch)
      this.#frames?.take(`epoch ${count(best)}, the best`, true);
    else if (this.#step !== null) this.#frames?.take(`epoch ${count(this.#step.epoch)}`, true);
    this.classifyNow();
  }

  /** Counts what the model takes its rows for, as it is now. */
  classifyNow(): void {
    const { net, training, validation, test } = this.#run;
    const [data, of] =
      test !== null
        ? [test, "test data"]
        : validation !== null
          ? [validation, "validation data"]
          : [training, "training data"];
    this.#classes = classify(net, data, of);
  }

  noteChange(change: Change): void {
    this.#changes.push(change);
  }

  set paused(paused: boolean) {
    this.#paused = paused;
  }

  progress(): Progress {
    const { compiled, net, plan } = this.#run;
    const step = this.#step;
    const result = this.#ended;
    const hyper = Object.keys(compiled.manifest.optimizer?.hyper ?? {});
    return {
      status: this.#status(),
      note: result === null ? null : noteOf(result, step, plan.run.last),
      epoch: step?.epoch ?? plan.firstEpoch,
      epochs: plan.run.last,
      step: step?.step ?? net.steps,
      seconds: result?.seconds ?? (performance.now() - this.#began) / 1000,
      loss: step?.loss ?? null,
      hyper: Object.fromEntries(hyper.map((name) => [name, net.hyper[name]!])),
    };
  }

  state(): RunState {
    const result = this.#ended;
    return {
      progress: this.progress(),
      losses: this.#losses.points(),
      epochLosses: this.#epochLosses.points(),
      validationLosses: this.#validationLosses.points(),
      metrics: [...this.#metrics].map(([name, { training, validation }]) => ({
        name,
        training: training.points(),
        validation: validation.points(),
      })),
      layers: this.#layers.curves(),
      evaluations: [
        { of: "training data", evaluation: result?.trained ?? null },
        { of: "validation data", evaluation: result?.validated ?? null },
        { of: "test data", evaluation: result?.tested ?? null },
      ].flatMap(({ of, evaluation }) => (evaluation === null ? [] : [{ of, evaluation }])),
      frames: this.#frames?.frames() ?? null,
      classes: this.#classes,
      changes: this.#changes,
    };
  }

  #status(): Status {
    if (this.#ended !== null) return this.#ended.ending;
    return this.#paused ? "paused" : "running";
  }
}

/** What was found out of a divergence: the tensor, its term and row, and what may help. */
function toldOf({ notes, labels, help }: DiagnosticJson): string[] {
  const terms = labels.flatMap(({ text }) => text ?? []);
  const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  const [tensor, ...others] = notes;
  const found = tensor === undefined ? [] : [[tensor, ...terms].join(": "), ...others];
  return [...found, ...(help === undefined ? [] : [help])].map(sentence);
}

/** What happened, where it is not what was asked for. */
function noteOf(
  { ending, isOutOfPatience, best, wrong }: RunResult,
  step: StepReport | null,
  last: number,
): string | null {
  const where =
    step === null ? "before the first step" : `in epoch ${count(step.epoch)}, at step ${count(step.step)}`;
  switch (ending) {
    case "diverged":
      return [
        `The loss stopped being finite ${where}: it is ${step?.loss}. The curves end at the step before.`,
        ...(wrong?.diagnostics ?? []).flatMap(toldOf),
      ].join(" ");
    case "interrupted":
      return `A signal ended the run ${where}.`;
    case "stopped":
      return `The run was stopped ${where}.`;
    case "done":
      return isOutOfPatience && step !== null
        ? `It ended after epoch ${count(step.epoch)} of ${count(last)}, since --patience was out. The weights are those of epoch ${count(best?.epoch ?? step.epoch)}, the best.`
        : null;
    default:
      return ending satisfies never;
  }
}
