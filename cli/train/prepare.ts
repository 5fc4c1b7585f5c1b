/** All that a run needs before its first step, or an error before anything is trained. */
import { coolDown, type Compiled } from "../../compiler/index.ts";
import type { Best, Net } from "../../runtime/index.ts";
import { dataFolders } from "../data/folders.ts";
import { loadData, type Dataset } from "../data/load-data.ts";
import { UsageError } from "../failures.ts";
import { loadNet, restoreWeights, threadNotes, type Restored } from "../net.ts";
import { memoryOptions, sourceOptions, tableOptions, takeFile, usualBatch } from "../options.ts";
import type { Output } from "../output.ts";
import { compileProgram, openProgram, type OpenedProgram } from "../program.ts";
import { planRun, planWatch, type RunPlan } from "../run.ts";
import { priceOf } from "../terminal/price.ts";
import type { TrainArguments } from "./arguments.ts";
import { holdOut, readValidate } from "./hold-out.ts";
import {
  checkHyper,
  expectHistoryFile,
  expectOneStart,
  expectSeed,
  expectTrainable,
  expectWeightsFile,
} from "./expect.ts";
import { startFrom } from "./start-from.ts";

export interface Prepared {
  readonly file: string;
  readonly program: OpenedProgram;
  readonly options: TrainArguments;
  readonly compiled: Compiled;
  readonly net: Net;
  /** What the file said that the run goes on from. */
  readonly before: Restored;
  readonly training: Dataset;
  /** Which rows of the data these are; null where they are all. */
  readonly places: Uint32Array | null;
  readonly validation: Dataset | null;
  readonly test: Dataset | null;
  readonly plan: RunPlan;
  /** The best epoch before, of a run with patience. */
  readonly best?: Best;
}

export async function prepare(
  typed: string | undefined,
  options: TrainArguments,
  seedTyped: boolean,
  output: Output,
): Promise<Prepared> {
  const { file, data: dataSpec } = takeFile(typed, options.data);
  if (options.output !== undefined) expectWeightsFile(options.output, file);
  else if (options.checkpoint !== undefined) {
    throw new UsageError("bad-usage", "--checkpoint has no file to write to", {
      help: "add -o W.safetensors",
    });
  }
  expectOneStart(options);
  const validate = readValidate(options.validate);
  if (options.history !== undefined) expectHistoryFile(options, file);
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const compiled = await compiledFor(program, options, output);
  const { manifest } = compiled;
  // Before there are data, which need the memory.
  await coolDown();
  expectTrainable(manifest, file);
  const hyper = checkHyper(manifest, options);

  const net = await loadNet(compiled.wasm, options.seed, file, options.threads);
  let before: Restored = { categories: {}, columns: {}, epochs: 0, run: null, seed: null };
  if (options.resume !== undefined) {
    before = await restoreWeights(net, options.resume);
    if (seedTyped) expectSeed(before.seed, options.seed, options.resume);
  }
  if (options.weights !== undefined) output.say(`note: ${await startFrom(net, options.weights)}`);
  Object.assign(net.hyper, hyper);

  if (dataSpec.length > 0) output.aside(`reading ${dataSpec.join(" ")}`);
  const read = (option: string, spec: readonly string[], known: Parameters<typeof loadData>[2]["known"]) =>
    loadData(spec, manifest, {
      option,
      targets: true,
      ...(known === undefined ? {} : { known }),
      ...tableOptions(options),
      folders: dataFolders(file),
    });
  const data = await read("--data", dataSpec, before);
  const watch = planWatch(before, { validate, patience: options.patience });
  const { training, validation, places } =
    typeof watch.validate === "number"
      ? holdOut(net, data, watch.validate, true)
      : {
          training: data,
          places: null,
          validation: watch.validate === null ? null : await read("--validate", options.validate ?? [], data),
        };
  const test = options.test === undefined ? null : await read("--test", options.test, data);
  const notes = [data, validation, test].flatMap((set) => set?.notes ?? []);
  for (const note of new Set([...notes, ...threadNotes(net)])) output.say(`note: ${note}`);

  const asked = {
    epochs: options.epochs,
    batch: options.batch,
    shuffle: options.shuffle ? undefined : (false as const),
    restartEpoch: options.restartEpoch,
  };
  const { best, ...watched } = watch;
  const isWatched = watched.validate !== null || watched.patience !== null;
  const plan = planRun(before, asked, training.rows, isWatched ? watched : undefined);
  return {
    file,
    program,
    options,
    compiled,
    net,
    before,
    training,
    places,
    validation,
    test,
    plan,
    ...(best === undefined ? {} : { best }),
  };
}

async function compiledFor(
  program: OpenedProgram,
  options: TrainArguments,
  output: Output,
): Promise<Compiled> {
  const { dtype, simd } = options;
  const compiled = await compileProgram(
    program,
    {
      ...sourceOptions(options),
      ...memoryOptions({ ...options, batch: options.batch ?? usualBatch }),
      dtype,
      simd,
      probe: options.probe !== undefined,
    },
    output,
  );
  const { recomputed } = compiled.report;
  if (recomputed !== null) output.say(priceOf(recomputed));
  return compiled;
}
