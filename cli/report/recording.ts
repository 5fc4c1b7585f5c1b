/** A run followed from its start to its end, for the pages that show it. */
import type { EpochReport, StepReport } from "../../runtime/index.ts";
import type { Observer, RunResult, TrainingRun } from "../train/observe.ts";
import { factsOf } from "./facts.ts";
import { Recorder } from "./recorder.ts";
import type { RunFacts } from "./run.ts";

export class Recording implements Observer {
  readonly #command: string;
  #run: { readonly run: TrainingRun; readonly recorder: Recorder } | null = null;
  #facts: Promise<RunFacts> | null = null;

  /** @param command what a shell is given to make the run again */
  constructor(command: string) {
    this.#command = command;
  }

  started(run: TrainingRun): void {
    this.#run = { run, recorder: new Recorder(run) };
  }

  step(report: StepReport): void {
    this.recorder.step(report);
  }

  epoch(report: EpochReport): void {
    this.recorder.epoch(report);
  }

  ended(result: RunResult): void {
    this.recorder.ended(result);
  }

  get hasBegun(): boolean {
    return this.#run !== null;
  }

  /** Of the run; it must have started. */
  get recorder(): Recorder {
    return this.#started.recorder;
  }

  get run(): TrainingRun {
    return this.#started.run;
  }

  facts(): Promise<RunFacts> {
    return (this.#facts ??= factsOf(this.run, this.#command));
  }

  get #started() {
    if (this.#run === null) throw new Error("the run has not begun");
    return this.#run;
  }
}
