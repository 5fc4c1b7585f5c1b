/** The weights file of a run: checkpoints, and the weights at its end. */
import type { EpochReport, StepReport } from "../../runtime/index.ts";
import { checkWeights, weightBytes, type Kept } from "../net.ts";
import { writeFiles } from "../write-files.ts";
import type { Observer } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

/** Knows the place in the run, and writes it beside the weights. */
export class Keeper implements Observer {
  readonly #prepared: Prepared;
  /** Epochs completed; of the next, batches made and the sum of losses over their rows. */
  #place: { readonly epochs: number; readonly batches: number; readonly loss: number };
  /** The epoch after which the file was last written. */
  checkpoint: number | null = null;

  constructor(prepared: Prepared) {
    const { before, plan } = prepared;
    this.#prepared = prepared;
    this.#place = { epochs: before.epochs, batches: plan.firstBatch - 1, loss: plan.lossBefore };
  }

  /** The epoch that has begun; null where all are made. */
  get unfinished(): number | null {
    const { epochs } = this.#place;
    return epochs < this.#prepared.plan.run.last ? epochs + 1 : null;
  }

  step({ batch, loss, rows }: StepReport): void {
    const { epochs, loss: sum } = this.#place;
    this.#place = { epochs, batches: batch, loss: sum + loss * rows };
  }

  async epoch({ epoch }: EpochReport): Promise<void> {
    this.#place = { epochs: epoch, batches: 0, loss: 0 };
    const { output, checkpoint } = this.#prepared.options;
    if (output === undefined || checkpoint === undefined) return;
    if (this.unfinished === null || epoch % checkpoint !== 0) return;
    await this.save(output);
    this.checkpoint = epoch;
  }

  /** Writes the file, whole or not at all. */
  async save(path: string): Promise<void> {
    const { net, training, plan } = this.#prepared;
    const { categories, columns } = training;
    const { epochs, batches, loss } = this.#place;
    const run = batches > 0 || this.unfinished !== null ? { ...plan.run, batches, loss } : null;
    const kept: Kept = { categories, columns, epochs, run };
    const check = (written: Uint8Array): void => checkWeights(net, kept, written);
    await writeFiles([{ path, bytes: weightBytes(net, kept), check }]);
  }
}
