/** The line that tells how far training has come. */
import type { Output } from "../output.ts";
import { duration, figure, short } from "./numbers.ts";

export interface ProgressState {
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done in this epoch, of how many. */
  readonly batch: number;
  readonly batches: number;
  readonly loss: number;
}

export interface EpochState {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly seconds: number;
  /** The loss on validation data. */
  readonly validation?: number;
}

/** Milliseconds between two drawings. */
const interval = 100;

/** Epochs of which a line stays, at most. */
const lines = 20;

/** Redraws one line where a person watches; elsewhere each finished epoch is a line of its own. */
export class Progress {
  readonly #output: Output;
  /** Rows of all epochs. */
  readonly #totalRows: number;
  #rows = 0;
  #started = performance.now();
  #drawn = performance.now();
  #showing = false;
  /** Of the last epoch, where there is one. */
  #validation: number | null = null;

  constructor(output: Output, totalRows: number) {
    this.#output = output;
    this.#totalRows = totalRows;
  }

  /** Tells of a step on `rows` rows; cheap, most calls draw nothing. */
  step(state: ProgressState, rows: number): void {
    this.#rows += rows;
    if (!this.#output.live) return;
    const now = performance.now();
    if (now - this.#drawn < interval) return;
    this.#drawn = now;
    this.#draw(this.#line(state, now));
  }

  /** Tells of a finished epoch. A line of it stays, unless there are too many. */
  epoch({ epoch, epochs, loss, seconds, validation }: EpochState, rows: number): void {
    this.#validation = validation ?? null;
    if (epoch % Math.ceil(epochs / lines) !== 0 && epoch !== epochs) return;
    this.clear();
    const { dim } = this.#output.messageColors;
    const width = String(epochs).length;
    const rate = seconds > 0 ? `  ${dim(`${short(rows / seconds)} rows/s`)}` : "";
    const held = validation === undefined ? "" : `  validation ${figure(validation)}`;
    this.#output.say(`epoch ${String(epoch).padStart(width)}/${epochs}  loss ${figure(loss)}${held}${rate}`);
  }

  clear(): void {
    if (this.#showing) this.#output.draw("\r\x1b[2K");
    this.#showing = false;
  }

  #line(state: ProgressState, now: number): string {
    const { dim } = this.#output.messageColors;
    const seconds = (now - this.#started) / 1000;
    const rate = this.#rows / seconds;
    const left = (this.#totalRows - this.#rows) / rate;
    const speed = `${short(rate)} rows/s`;
    const parts = [
      `epoch ${state.epoch}/${state.epochs}`,
      bar(state.batch / state.batches, 16, this.#output.unicode),
      `step ${state.batch}/${state.batches}`,
      `loss ${figure(state.loss)}`,
      ...(this.#validation === null ? [] : [`validation ${figure(this.#validation)}`]),
      speed,
      `${duration(left)} left`,
    ];
    let line = parts.join("  ");
    // A line that wraps cannot be redrawn.
    if (line.length >= this.#output.columns) line = line.slice(0, this.#output.columns - 1);
    return line.replace(speed, dim(speed));
  }

  #draw(line: string): void {
    this.#output.draw(`\r\x1b[2K${line}`);
    this.#showing = true;
  }
}

/** `━━━───` */
export function bar(share: number, width: number, unicode: boolean): string {
  const done = Math.round(share * width);
  return unicode
    ? "━".repeat(done) + "─".repeat(width - done)
    : `[${"#".repeat(done)}${".".repeat(width - done)}]`;
}
