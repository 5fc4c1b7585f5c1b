/** The line that tells how far a run has come, as an observer of it. */
import type { EpochReport, StepReport } from "../../runtime/index.ts";
import type { Output } from "../output.ts";
import { Progress } from "../terminal/progress.ts";
import type { Observer } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

export class ProgressLine implements Observer {
  readonly #progress: Progress;
  readonly #epochs: number;
  readonly #rows: number;

  constructor({ plan, training }: Prepared, output: Output) {
    const made = plan.run.batch * (plan.firstBatch - 1);
    this.#progress = new Progress(output, training.rows * plan.epochs - made);
    this.#epochs = plan.run.last;
    this.#rows = training.rows;
  }

  step(report: StepReport): void {
    this.#progress.step({ ...report, epochs: this.#epochs }, report.rows);
  }

  epoch({ epoch, loss, seconds, validation }: EpochReport): void {
    const held = validation === undefined ? {} : { validation: validation.loss };
    this.#progress.epoch({ epoch, epochs: this.#epochs, loss, seconds, ...held }, this.#rows);
  }

  clear(): void {
    this.#progress.clear();
  }
}
