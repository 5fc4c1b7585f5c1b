/** Copies of a run's state on its way: from them steps are made again, to see what happened in one. */
import { NndslError, type Net } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import type { RunPlan } from "../run.ts";
import type { Observer, TrainingRun } from "./observe.ts";

/** A copy takes no more than this share of the time, and so many milliseconds lie between two. */
const share = 0.01;
const least = 100;

/** Bytes of a state that is copied. */
const mostBytes = 2 ** 28;

interface Copy {
  /** Steps made. */
  readonly step: number;
  readonly bytes: Uint8Array;
}

export class Rewind implements Observer {
  readonly #net: Net;
  readonly #training: Dataset;
  readonly #plan: RunPlan;
  /** Steps made before the run. */
  readonly #before: number;
  /** The last and the one before, since the last may be of the very step that is asked about. */
  #copies: readonly Copy[] = [];
  #next = 0;

  constructor({ net, training, plan }: Pick<TrainingRun, "net" | "training" | "plan">) {
    this.#net = net;
    this.#training = training;
    this.#plan = plan;
    this.#before = net.steps;
  }

  started(): void {
    this.#copy();
  }

  step(): void {
    if (performance.now() >= this.#next) this.#copy();
  }

  /** Steps before would not come out the same again. */
  changed(): void {
    this.#copies = [];
    this.#copy();
  }

  #copy(): void {
    const begun = performance.now();
    const bytes = this.#net.save();
    const now = performance.now();
    this.#next = bytes.length > mostBytes ? Infinity : now + Math.max(least, (now - begun) / share);
    if (bytes.length <= mostBytes)
      this.#copies = [...this.#copies.slice(-1), { step: this.#net.steps, bytes }];
  }

  /** The steps after which the net can be as it was. */
  get earliest(): number {
    return this.#copies[0]?.step ?? Infinity;
  }

  /** Makes the net what it was after so many steps. @returns whether it is */
  async to(step: number): Promise<boolean> {
    const copy = this.#copies.findLast((one) => one.step <= step);
    if (copy === undefined) return false;
    const stopping = new AbortController();
    try {
      this.#net.restore(copy.bytes);
      if (copy.step === step) return true;
      const [from, till] = [this.#placeOf(copy.step + 1), this.#placeOf(step)];
      await this.#net.fit(this.#training.inputs, {
        epochs: till.epoch - from.epoch + 1,
        batch: this.#plan.run.batch,
        shuffle: this.#plan.run.shuffle,
        firstEpoch: from.epoch,
        firstBatch: from.batch,
        signal: stopping.signal,
        onStep: (made) => {
          if (made.step === step) stopping.abort();
        },
      });
    } catch (error) {
      if (!(error instanceof NndslError)) throw error;
    }
    return this.#net.steps === step;
  }

  /** The rows that a step takes. */
  rowsOf(step: number): Uint32Array {
    const { batch, shuffle } = this.#plan.run;
    const { rows } = this.#training;
    const place = this.#placeOf(step);
    const order = shuffle
      ? this.#net.order(rows, place.epoch)
      : Uint32Array.from({ length: rows }, (_, i) => i);
    return order.subarray((place.batch - 1) * batch, place.batch * batch);
  }

  /** Epoch and batch of a step, both from 1. */
  #placeOf(step: number): { readonly epoch: number; readonly batch: number } {
    const { firstEpoch, firstBatch, run } = this.#plan;
    const batches = Math.ceil(this.#training.rows / run.batch);
    const at = firstBatch - 1 + step - this.#before - 1;
    return { epoch: firstEpoch + Math.floor(at / batches), batch: (at % batches) + 1 };
  }
}
