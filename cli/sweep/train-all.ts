/** From modules to runs: each combination with each seed, as far as it gets. */
import { availableParallelism } from "node:os";
import type { Compiled } from "../../compiler/index.ts";
import type { Output } from "../output.ts";
import { warmUp } from "../pictures/render.ts";
import { openProgram, ProgramError, renderDiagnostics, type OpenedProgram } from "../program.ts";
import { usualBatch } from "../options.ts";
import { counted } from "../terminal/numbers.ts";
import type { SweepArguments } from "./arguments.ts";
import { readSets, type DataPlan } from "./data.ts";
import type { Grid } from "./grid.ts";
import type { Keeper } from "./keeper.ts";
import { byCombination } from "./measures.ts";
import { compileVariants, hyperFailure, variantsOf, type Made, type Variant } from "./modules.ts";
import { Pool } from "./pool.ts";
import { SweepProgress } from "./progress.ts";
import { expectSame, keptRuns, recipeOf, type Earlier } from "./recipe.ts";
import type { Failure, Run } from "./run.ts";

/** What a sweep is to do. */
export interface Task {
  readonly sources: DataPlan;
  readonly options: SweepArguments;
  readonly grid: Grid;
  /** The runs that it goes on from. */
  readonly earlier: Earlier | null;
  readonly keeper: Keeper;
  readonly output: Output;
}

/**
 * Trains what is not trained yet. Every run that is over is in the keeper.
 * @param signal stops it
 * @returns the model's name; null where it was stopped before that was known
 * @throws ProgramError, ModelError or UsageError where no combination can be trained, DataError
 */
export async function trainAll(task: Task, signal: AbortSignal): Promise<string | null> {
  const program = await openProgram(task.sources.file);
  const trainer = new Trainer(task, program, signal);
  try {
    await compileVariants(
      program,
      trainer.wanted,
      task.options,
      task.output,
      (variant, made) => trainer.take(variant, made),
      () => trainer.stopped,
    );
    return await trainer.done();
  } finally {
    trainer.close();
  }
}

class Trainer {
  readonly #task: Task;
  readonly #program: OpenedProgram;
  readonly #interrupted: AbortSignal;
  /** Aborted with what makes going on senseless, such as a full disk. */
  readonly #failing = new AbortController();
  readonly #kept: readonly Run[];
  readonly #progress: SweepProgress;
  readonly #pool: Pool;
  /** Its name, once the first module and the data are there. */
  #model: string | null = null;
  #firstError: Error | null = null;
  readonly #training: Promise<void>[] = [];

  constructor(task: Task, program: OpenedProgram, interrupted: AbortSignal) {
    const { sources, grid, earlier, options, keeper, output } = task;
    this.#task = task;
    this.#program = program;
    this.#interrupted = interrupted;
    this.#kept = earlier === null ? [] : keptRuns(earlier, grid);
    this.#progress = new SweepProgress(output, grid, options.epochs, this.#kept);
    const { epochs, shuffle, batch = usualBatch } = options;
    const size = Math.max(1, Math.min(options.jobs ?? availableParallelism(), this.#left));
    this.#pool = new Pool({ data: sources, epochs, batch, shuffle }, size, () =>
      this.#progress.show(keeper.count, this.#pool.epochs),
    );
    // They are ready when the first module is.
    if (this.#left > 0) this.#pool.start();
    for (const signal of [interrupted, this.#failing.signal]) {
      signal.addEventListener("abort", () => this.close());
    }
  }

  get #left(): number {
    const { combinations, seeds } = this.#task.grid;
    return combinations.length * seeds.length - this.#kept.length;
  }

  get stopped(): boolean {
    return this.#interrupted.aborted || this.#failing.signal.aborted;
  }

  /**
   * What lacks runs; where nothing does, something that shows that the earlier runs are of the same
   * sweep.
   */
  get wanted(): readonly Variant[] {
    const { grid } = this.#task;
    const variants = variantsOf(grid.combinations);
    const made = byCombination(grid, this.#kept);
    const lacking = variants.filter(({ combinations }) =>
      combinations.some((i) => made[i]!.length < grid.seeds.length),
    );
    if (lacking.length > 0) return lacking;
    const trained = this.#kept.find(({ outcome }) => outcome.kind === "trained")?.combination;
    return variants.filter(({ combinations: own }) => trained === undefined || own.includes(trained));
  }

  /** Has the runs of a module trained. The first one is looked at before anything is. */
  async take(variant: Variant, made: Made): Promise<void> {
    const { grid, keeper, output } = this.#task;
    if (made.kind === "failed") {
      this.#firstError ??= made.error;
      if (made.error instanceof ProgramError && variant.combinations.length < grid.combinations.length) {
        const { isColorSupported } = output.messageColors;
        output.say(await renderDiagnostics(this.#program, made.error.diagnostics, isColorSupported));
      }
      for (const combination of variant.combinations) this.#fail(combination, made.failure);
      return;
    }
    const { compiled } = made;
    for (const combination of variant.combinations) {
      const { hyper } = grid.combinations[combination]!;
      const failure = hyperFailure(compiled, hyper);
      if (failure !== null && this.#model === null) throw failure;
      if (failure !== null) this.#fail(combination, { code: failure.code, message: failure.message });
      this.#model ??= await this.#begin(compiled);
      if (this.stopped) return this.close();
      for (const seed of grid.seeds) {
        if (keeper.has(combination, seed)) continue;
        const job = { module: variant.index, wasm: compiled.wasm, hyper, seed };
        const trained = this.#pool.train(job).then(
          (outcome) => outcome && this.#over({ combination, seed, outcome }),
          (error: unknown) => this.#failing.abort(error),
        );
        this.#training.push(trained.then(() => {}));
      }
    }
  }

  /** Looks at everything that runs have in common. @throws UsageError, DataError */
  async #begin({ manifest }: Compiled): Promise<string> {
    const { sources, options, grid, earlier, keeper, output } = this.#task;
    if (sources.data.length > 0) output.aside(`reading ${sources.data.join(" ")}`);
    const sets = await readSets(sources, manifest);
    for (const note of new Set([sets.data, sets.validation, sets.test].flatMap((set) => set?.notes ?? [])))
      output.say(`note: ${note}`);
    const recipe = recipeOf(this.#program, sources, sets, options);
    if (earlier !== null) expectSame(earlier, recipe, grid.axes);
    keeper.begin(manifest.model, recipe);
    for (const run of this.#kept) keeper.add(run);

    const total = grid.combinations.length * grid.seeds.length;
    const left = this.#left;
    warmUp();
    if (left === 0) {
      output.say(`all ${counted(total, "run")} of ${manifest.model} are there`);
      return manifest.model;
    }
    const parts = [
      `training ${counted(grid.combinations.length, "combination")} of ${manifest.model} with ${counted(grid.seeds.length, "seed")} each`,
      counted(options.epochs, "epoch"),
      `${this.#pool.size} at a time`,
      ...(left === total ? [] : [`${counted(left, "run")} left`]),
    ];
    output.say(parts.join(", "));
    return manifest.model;
  }

  #fail(combination: number, failure: Failure): void {
    for (const seed of this.#task.grid.seeds) {
      if (this.#task.keeper.has(combination, seed)) continue;
      this.#over({ combination, seed, outcome: { kind: "failed", failure, history: { loss: [] } } });
    }
  }

  #over(run: Run): void {
    const { keeper } = this.#task;
    keeper.add(run);
    this.#progress.over(run);
    keeper.saveNowAndThen((error) => this.#failing.abort(error));
  }

  /** Waits for the runs. @returns the model's name */
  async done(): Promise<string | null> {
    await Promise.all(this.#training);
    if (this.#failing.signal.aborted) {
      await this.#task.keeper.save().catch(() => {});
      throw this.#failing.signal.reason;
    }
    if (this.#model === null && this.#firstError !== null) throw this.#firstError;
    return this.#model;
  }

  /** Ends what is being trained. */
  close(): void {
    this.#pool.close();
    this.#progress.clear();
  }
}
