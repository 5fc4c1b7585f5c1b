/** Keeps the runs of a sweep: in memory, and in its folder as it goes on. */
import { join } from "node:path";
import { expectWritable, writeFiles, type FileToWrite } from "../write-files.ts";
import { runsCsv, runsJson, type PictureFile } from "./files.ts";
import type { Grid } from "./grid.ts";
import type { Recipe } from "./recipe.ts";
import type { Run } from "./run.ts";

/** Milliseconds between two savings of what is done. */
const interval = 10_000;

export class Keeper {
  readonly #folder: string;
  readonly #grid: Grid;
  /** By combination and seed. */
  readonly #runs = new Map<string, Run>();
  #about: { readonly model: string; readonly recipe: Recipe } | null = null;
  #saved = performance.now();
  #saving: Promise<void> = Promise.resolve();

  /** @throws UsageError where the folder cannot be written to */
  constructor(folder: string, grid: Grid) {
    this.#folder = folder;
    this.#grid = grid;
    for (const name of ["runs.csv", "runs.json"]) expectWritable(join(folder, name));
  }

  /** Of what model the runs are, and what they have in common. */
  begin(model: string, recipe: Recipe): void {
    this.#about = { model, recipe };
  }

  add(run: Run): void {
    this.#runs.set(`${run.combination} ${run.seed}`, run);
  }

  has(combination: number, seed: number): boolean {
    return this.#runs.has(`${combination} ${seed}`);
  }

  get count(): number {
    return this.#runs.size;
  }

  /** In the order of the grid, in whichever they were trained. */
  get runs(): readonly Run[] {
    return [...this.#runs.values()].sort((a, b) => a.combination - b.combination || a.seed - b.seed);
  }

  /** Saves the runs so far if that was long ago. @param failed told where they cannot be saved */
  saveNowAndThen(failed: (error: unknown) => void): void {
    if (performance.now() - this.#saved < interval) return;
    this.#saved = performance.now();
    this.#saving = this.#saving.then(() => this.#write([], [], [])).catch(failed);
  }

  /**
   * Saves all runs, with their pictures, and removes `stale` pictures.
   * @throws UsageError where the disk is full or the folder may not be written to; its files are then
   * as they were
   */
  async save(
    pictures: readonly PictureFile[] = [],
    files: readonly FileToWrite[] = [],
    stale: readonly string[] = [],
  ): Promise<void> {
    await this.#saving;
    await this.#write(pictures, files, stale);
  }

  async #write(
    pictures: readonly PictureFile[],
    files: readonly FileToWrite[],
    stale: readonly string[],
  ): Promise<void> {
    if (this.#about === null) return;
    const { model, recipe } = this.#about;
    const { runs } = this;
    await writeFiles(
      [
        ...files,
        { path: join(this.#folder, "runs.csv"), bytes: runsCsv(this.#grid, runs) },
        {
          path: join(this.#folder, "runs.json"),
          bytes: runsJson(model, recipe, this.#grid, runs, pictures),
        },
      ],
      stale.map((name) => join(this.#folder, name)),
    );
  }
}
