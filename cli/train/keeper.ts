/** The weights file of a run: checkpoints, and the weights at its end. */
import type { Best, EpochReport, FitReport, StepReport } from "../../runtime/index.ts";
import { checkWeights, weightBytes, type Kept } from "../net.ts";
import { writeFiles } from "../write-files.ts";
import type { Observer } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

/** Knows the place in the run, and writes it beside the weights. */
export class Keeper implements Observer {
  readonly #prepared: Prepared;
  /** Epochs completed; of the next, batches made and the sum of losses over their rows. */
  #place: { readonly epochs: number; readonly batches: number; readonly loss: number };
  #best: Best | undefined;
  #isOver = false;
  /** The epoch after which the file was last written. */
  checkpoint: number | null = null;

  constructor(prepared: Prepared) {
    const { before, plan } = prepared;
    this.#prepared = prepared;
    this.#best = prepared.options.epochs === 0 ? before.best : prepared.best;
    this.#place = { epochs: before.epochs, batches: plan.firstBatch - 1, loss: plan.lossBefore };
  }

  /** The epoch that has begun; null where all are made. */
  get unfinished(): number | null {
    const { epochs } = this.#place;
    return epochs < this.#prepared.plan.run.last && !this.#isOver ? epochs + 1 : null;
  }

  step({ epoch, batch, batches, loss, rows }: StepReport): void {
    const { epochs, loss: sum } = this.#place;
    // The epoch is over with its last batch, whatever is still to be measured.
    if (batch === batches) this.#place = { epochs: epoch, batches: 0, loss: 0 };
    else this.#place = { epochs, batches: batch, loss: sum + loss * rows };
  }

  epoch({ epoch, best }: EpochReport): void {
    this.#place = { epochs: epoch, batches: 0, loss: 0 };
    this.#best = best;
  }

  /** Writes the file where `--checkpoint` wants it; told after `epoch`. */
  async saveCheckpoint({ epoch }: EpochReport): Promise<void> {
    const { output, checkpoint } = this.#prepared.options;
    if (output === undefined || checkpoint === undefined) return;
    if (this.unfinished === null || epoch % checkpoint !== 0) return;
    await this.save(output);
    this.checkpoint = epoch;
  }

  /** Of a run that came to its end: with patience the net is then as the best epoch left it. */
  finish({ best, stopped }: FitReport): void {
    this.#isOver = stopped === "patience" || best !== undefined;
    if (best !== undefined) this.#place = { epochs: best.epoch, batches: 0, loss: 0 };
  }

  /** Writes the file, whole or not at all. */
  async save(path: string): Promise<void> {
    const { net, training, plan } = this.#prepared;
    const { categories, columns } = training;
    const { epochs, batches, loss } = this.#place;
    // After the last epoch the best is still to be put back.
    const goesOn = batches > 0 || this.unfinished !== null || this.#best !== undefined;
    const run = goesOn && !this.#isOver ? { ...plan.run, batches, loss } : null;
    const best = run === null ? undefined : this.#best;
    const kept: Kept = { categories, columns, epochs, run, ...(best === undefined ? {} : { best }) };
    const check = (written: Uint8Array): void => checkWeights(net, kept, written);
    await writeFiles([{ path, bytes: weightBytes(net, kept), check }]);
  }
}
