/** Trains a model in many ways, each several times, and compares them. */
import { join } from "node:path";
import { exitCodes, type Complaint } from "../failures.ts";
import { takeFile } from "../options.ts";
import { renderComplaint, type Output } from "../output.ts";
import { pictureFile } from "../pictures/write.ts";
import type { Interrupt } from "../terminal/interrupt.ts";
import { counted, duration } from "../terminal/numbers.ts";
import type { FileToWrite } from "../write-files.ts";
import type { SweepArguments } from "./arguments.ts";
import { drawSweep } from "./draw.ts";
import { sweepJson } from "./files.ts";
import { gridOf } from "./grid.ts";
import { Keeper } from "./keeper.ts";
import { expectAll, expectSame, readEarlier, typedRecipe } from "./recipe.ts";
import { reasons, summary } from "./summary.ts";
import { readValidate } from "../train/hold-out.ts";
import { trainAll, type Task } from "./train-all.ts";

export async function sweepCommand(
  typed: string | undefined,
  options: SweepArguments,
  interrupt: Interrupt,
  output: Output,
): Promise<void> {
  const { file, data } = takeFile(typed, options.data);
  const grid = gridOf([...options.set, ...options.opt], options.seed, options.seeds);
  const earlier = await readEarlier(options.output, options.resume);
  if (earlier !== null) {
    expectSame(earlier, typedRecipe(options), grid.axes);
    expectAll(earlier, grid);
  }
  const keeper = new Keeper(options.output, grid);
  const share = readValidate(options.validate);
  const validate = share === "data" ? options.validate! : (share ?? null);
  const sources = { ...options, file, data, validate, test: options.test ?? null };
  const task: Task = { sources, options, grid, earlier, keeper, output };
  const started = performance.now();
  const model = await trainAll(task, interrupt.signal);

  const signal = interrupt.received();
  if (signal !== null && keeper.count > 0) await keeper.save();
  interrupt.release();
  if (signal === null) {
    await finish(task, model ?? "", (performance.now() - started) / 1000);
    return;
  }
  process.exitCode = signal.code;
  const total = grid.combinations.length * grid.seeds.length;
  const kept =
    keeper.count === 0
      ? "nothing was trained"
      : `the runs so far are in ${join(options.output, "runs.json")}; --resume continues from there`;
  output.say(`stopped by ${signal.by}, after ${keeper.count} of ${counted(total, "run")}; ${kept}`);
  if (output.json) output.write(sweepJson(model, grid, keeper.runs, [], { interrupted: true }));
}

/** Writes everything, and says what came of it. */
async function finish(
  { options, grid, earlier, keeper, output }: Task,
  model: string,
  seconds: number,
): Promise<void> {
  const { runs } = keeper;
  const drawn = drawSweep(model, grid, runs);
  const files: FileToWrite[] = [];
  for (const { file, picture } of drawn) {
    files.push((await pictureFile(join(options.output, file), picture)).file);
  }
  const pictures = drawn.map(({ file, kind }) => ({ file, kind }));
  const stale = (earlier?.pictures ?? []).filter((name) => drawn.every(({ file }) => file !== name));
  try {
    await keeper.save(pictures, files, stale);
  } catch (error) {
    // There may be room for the runs, which are dear, without pictures, which are not.
    await keeper.save().then(
      () => output.say(`the runs are kept in ${options.output}; --resume draws the pictures`),
      () => {},
    );
    throw error;
  }

  const failed = runs.filter(({ outcome }) => outcome.kind === "failed");
  for (const reason of reasons(grid, failed)) output.say(`failed: ${reason}`);
  const complaint: Complaint | null =
    failed.length < runs.length
      ? null
      : {
          code: "all-runs-failed",
          severity: "error",
          message: `all ${counted(runs.length, "run")} failed`,
          help: "look at one of them with `nndsl train`",
        };
  if (complaint !== null) {
    process.exitCode = exitCodes.wrong;
    output.say(renderComplaint(complaint, undefined, output.messageColors));
  }
  if (output.json) {
    const diagnostics = complaint === null ? {} : { diagnostics: [complaint] };
    output.write(sweepJson(model, grid, runs, pictures, diagnostics));
    return;
  }
  const names = ["runs.csv", "runs.json", ...drawn.map(({ file }) => file)];
  output.write(
    [
      summary(grid, runs, output),
      "",
      `${counted(runs.length, "run")} in ${duration(seconds)}`,
      `in ${options.output}: ${names.join(", ")}`,
      "",
    ].join("\n"),
  );
}
