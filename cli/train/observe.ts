/**
 * Whoever watches a training run: the progress line, the weights file, the history, the report and
 * the live page. Training itself knows none of them.
 */
import type { Compiled } from "../../compiler/index.ts";
import type { EpochReport, Net, PastEpoch, StepReport } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import type { Evaluation } from "../parts.ts";
import type { RunPlan } from "../run.ts";
import type { TrainArguments } from "./arguments.ts";
import type { Wrong } from "./wrong.ts";

/** A run that is about to begin. */
export interface TrainingRun {
  /** The program, as the user typed it. */
  readonly file: string;
  readonly options: TrainArguments;
  readonly compiled: Compiled;
  /** As the last step left it; it may be asked for anything but steps. */
  readonly net: Net;
  /** The rows that are trained on. */
  readonly training: Dataset;
  /** Rows that are not, evaluated after each epoch. */
  readonly validation: Dataset | null;
  readonly test: Dataset | null;
  readonly plan: RunPlan;
  /** Sets an argument of the optimizer from the next step on. @throws NndslError as `net.hyper` does */
  readonly setHyper: (name: string, value: number) => void | Promise<void>;
  /** Ends the run after the step that is being made; what is trained is kept. @param by for the message */
  readonly stop: (by: string) => void;
}

/**
 * How a run came to its end: all epochs made (or none better for `--patience`), a signal, an
 * observer, a loss that was not finite.
 */
export type Ending = "done" | "interrupted" | "stopped" | "diverged";

export interface RunResult {
  readonly ending: Ending;
  /** Epochs completed by this process, and its steps. */
  readonly epochs: number;
  readonly steps: number;
  readonly seconds: number;
  readonly history: readonly PastEpoch[];
  /** What the best epoch was, of a run with patience that came to its end. */
  readonly best: { readonly epoch: number; readonly loss: number } | null;
  /** Whether it ended since no epoch was better. */
  readonly isOutOfPatience: boolean;
  /**
   * Of the weights in the net, on the rows trained on, those held out, and `--test`; null where not
   * measured.
   */
  readonly trained: Evaluation | null;
  readonly validated: Evaluation | null;
  readonly tested: Evaluation | null;
  /** Of a run that diverged, else null. */
  readonly wrong: Wrong | null;
  /** The file that holds them; null where none does. */
  readonly weights: string | null;
}

/**
 * Training waits for a promise that a call returns: an observer that pauses a run does not resolve.
 * What a call throws ends the run as an error of the command.
 */
export interface Observer {
  /** Once, before the first step. */
  started?(run: TrainingRun): void | Promise<void>;
  /** After each step; called very often. */
  step?(report: StepReport): void | Promise<void>;
  epoch?(report: EpochReport): void | Promise<void>;
  /** After an argument of the optimizer was set, by `setHyper`. */
  changed?(): void | Promise<void>;
  /** Once, after all is measured and the weights are kept; the net is still there. */
  ended?(result: RunResult): void | Promise<void>;
}

/** All of them as one, told in order; one that returns a promise delays those after it. */
export function together(observers: readonly Observer[]): Required<Observer> {
  const tell = (call: (observer: Observer) => void | Promise<void>): void | Promise<void> => {
    let waiting: Promise<void> | undefined;
    for (const observer of observers) {
      if (waiting) waiting = waiting.then(() => call(observer));
      else {
        const told = call(observer);
        if (told instanceof Promise) waiting = told;
      }
    }
    return waiting;
  };
  return {
    started: (run) => tell((observer) => observer.started?.(run)),
    step: (report) => tell((observer) => observer.step?.(report)),
    epoch: (report) => tell((observer) => observer.epoch?.(report)),
    changed: () => tell((observer) => observer.changed?.()),
    ended: (result) => tell((observer) => observer.ended?.(result)),
  };
}
