/** The line that tells how far a sweep has come. */
import type { Output } from "../output.ts";
import { bar } from "../terminal/progress.ts";
import { counted, duration, figure } from "../terminal/numbers.ts";
import type { Grid } from "./grid.ts";
import { byCombination, cellOf, quartiles } from "./measures.ts";
import type { Run } from "./run.ts";

/** Milliseconds between two drawings. */
const interval = 100;

/** The share of the work after which the time that is left can be told. */
const SOME = 0.03;

/** Combinations of which a line stays, at most. */
const LINES = 40;

export class SweepProgress {
  readonly #output: Output;
  readonly #grid: Grid;
  readonly #total: number;
  readonly #epochs: number;
  /** Runs that were there before. */
  readonly #before: number;
  /** When the first epoch was told of. */
  #started: number | null = null;
  /** By combination. */
  readonly #runs: Run[][];
  #drawn = 0;
  #showing = false;

  constructor(output: Output, grid: Grid, epochs: number, before: readonly Run[]) {
    this.#output = output;
    this.#grid = grid;
    this.#total = grid.combinations.length * grid.seeds.length;
    this.#epochs = epochs;
    this.#before = before.length;
    this.#runs = byCombination(grid, before);
  }

  /** @param epochs made of runs that are not done */
  show(done: number, epochs: number): void {
    if (!this.#output.live) return;
    const now = performance.now();
    if (now - this.#drawn < interval) return;
    this.#drawn = now;
    const made = done + epochs / Math.max(1, this.#epochs);
    this.#started ??= now;
    const seconds = (now - this.#started) / 1000;
    const share = (made - this.#before) / (this.#total - this.#before);
    const parts = [
      `${done}/${this.#total} runs`,
      bar(made / this.#total, 24, this.#output.unicode),
      ...(share > SOME ? [`${duration(seconds / share - seconds)} left`] : []),
    ];
    this.#output.draw(`\r\x1b[2K${parts.join("  ").slice(0, this.#output.columns - 1)}`);
    this.#showing = true;
  }

  /** Tells of a run that is over; a line stays of the last one of a combination. */
  over(run: Run): void {
    const { combinations, seeds } = this.#grid;
    const own = this.#runs[run.combination]!;
    own.push(run);
    if (own.length < seeds.length || combinations.length > LINES) return;
    const { combination, trained, failed } = cellOf(combinations[run.combination]!, own);
    const losses = trained.flatMap(({ own }) => own.loss ?? []);
    const median = quartiles(losses)?.median;
    const parts = [
      counted(trained.length + failed, "run"),
      ...(failed === 0 ? [] : [`${failed} failed`]),
      ...(median === undefined ? [] : [`median loss ${figure(median)}`]),
    ];
    this.clear();
    this.#output.say(`${combination.label === "" ? "" : `${combination.label}: `}${parts.join(", ")}`);
  }

  clear(): void {
    if (this.#showing) this.#output.draw("\r\x1b[2K");
    this.#showing = false;
  }
}
