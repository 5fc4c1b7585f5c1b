/** `nndsl train`: compiles in memory, trains, tells how it goes, keeps the weights. */
import { basename, join } from "node:path";
import { Option, type Command } from "commander";
import type { Manifest } from "../../runtime/manifest.ts";
import type { StepReport } from "../../runtime/index.ts";
import { dataFolders } from "../data/folders.ts";
import { dataHelp } from "../data/help.ts";
import type { Dataset } from "../data/load-data.ts";
import { exitCodes, ModelError, UsageError, type Complaint } from "../failures.ts";
import { expectWritable, isSpecial, writeFiles } from "../write-files.ts";
import type { Kept, Restored } from "../net.ts";
import type { Evaluation } from "../parts.ts";
import {
  addModelOptions,
  addTableOptions,
  dtypeOption,
  finite,
  integer,
  memoryOption,
  memoryOptions,
  pairs,
  simdOption,
  sourceOptions,
  tableOptions,
  takeFile,
  threadsOption,
  type SharedOptions,
  type TableArguments,
} from "../options.ts";
import { renderComplaint, type Output } from "../output.ts";
import { compileProgram, openProgram } from "../program.ts";
import { planRun, usualBatch, type Plan } from "../run.ts";
import { shellWord } from "../shell.ts";
import { didYouMean } from "../suggest.ts";
import { curve } from "../terminal/curve.ts";
import { count, counted, duration, figure } from "../terminal/numbers.ts";
import { priceOf } from "../terminal/price.ts";
import { Progress } from "../terminal/progress.ts";
import { onInterrupt, type Interrupt } from "../terminal/interrupt.ts";
import { Trace } from "../terminal/trace.ts";

interface TrainArguments extends SharedOptions, TableArguments {
  readonly data?: readonly string[];
  readonly test?: readonly string[];
  readonly epochs?: number;
  readonly output?: string;
  readonly checkpoint?: number;
  readonly resume?: string;
  readonly restartEpoch: boolean;
  readonly lr?: number;
  readonly opt: Readonly<Record<string, number>>;
  readonly shuffle: boolean;
  readonly dtype: "f32" | "f64";
  readonly memory?: number;
  readonly simd: "strict" | "relaxed";
  readonly threads: number;
}

export function addTrain(program: Command, output: Output): Command {
  return addTableOptions(addModelOptions(program.command("train")))
    .description("train a model on data and save its weights")
    .usage("<file> --data <what...> [options]")
    .argument("[file]", "a program, FILE.nn")
    .option("--data <what...>", "training data: a file, or NAME=FILE for each input")
    .option("--test <what...>", "test data, evaluated at the end; written like --data")
    .addOption(
      new Option("--epochs <number>", "passes over the data (default: 10)").argParser(integer(0, 1e9)),
    )
    .option("-o, --output <file>", "file for the weights, W.safetensors")
    .addOption(
      new Option("--checkpoint <epochs>", "also write the weights every so many epochs").argParser(
        integer(1, 1e9),
      ),
    )
    .option("--resume <file>", "weights to continue from, with optimizer state and seed")
    .option("--restart-epoch", "with --resume: restart the interrupted epoch from its beginning", false)
    .addOption(new Option("--lr <number>", "learning rate, overriding the model's").argParser(finite))
    .addOption(
      new Option("--opt <name=value>", "any argument of the optimizer; repeatable")
        .argParser(pairs(finite))
        .default({}, "none"),
    )
    .option("--no-shuffle", "keep the rows in order")
    .addOption(simdOption())
    .addOption(dtypeOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addHelpText(
      "after",
      `
Examples:
  nndsl train mnist.nn --data mnist:train --test mnist:test --epochs 5 --batch 128 --threads 2 -o mnist.safetensors
  nndsl train iris.nn --data x=iris.csv:-species y=iris.csv:species --lr 0.01 --opt beta1=0.8
  nndsl train mnist.nn --data mnist:train --resume mnist.safetensors --epochs 1 -o mnist.safetensors
  nndsl train mnist.nn --data mnist:train --epochs 50 --checkpoint 5 -o mnist.safetensors
${dataHelp}

Ctrl-C stops after the current step and saves the weights if -o is given; a second Ctrl-C stops immediately. SIGTERM and SIGHUP
do the same; the exit codes are 130, 143 and 129. The file at -o is replaced atomically, after the new contents have been read
back. With --checkpoint K this happens every K epochs too, so that a killed run loses less.

The file of an interrupted run records its position, and --resume continues exactly there: on the same data the final weights
equal those of an uninterrupted run, to the byte. Without --epochs, or with the same number as before, the run continues to its
original end; another number means that many more epochs, the interrupted one included. --batch and --no-shuffle keep their
values unless given. A file of a finished run starts another: --epochs more.

If the loss stops being finite, the run ends at that step with exit code 1, and the file at -o is left unchanged. With --json the
result then has \`diverged\`: {"epoch", "batch", "step"}.
A step takes ${usualBatch} rows unless --batch is given.`,
    )
    .action(async (file: string | undefined, options: TrainArguments, command: Command) => {
      const stop = onInterrupt(output);
      try {
        await trainCommand(file, options, command.getOptionValueSource("seed") === "cli", stop, output);
      } finally {
        stop.release();
      }
    });
}

async function trainCommand(
  typed: string | undefined,
  options: TrainArguments,
  seedTyped: boolean,
  stop: Interrupt,
  output: Output,
): Promise<void> {
  const { file, data: dataSpec } = takeFile(typed, options.data);
  const to = options.output;
  if (to !== undefined) expectWeightsFile(to, file);
  else if (options.checkpoint !== undefined) {
    throw new UsageError("bad-usage", "--checkpoint has no file to write to", {
      help: "add -o W.safetensors",
    });
  }
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const { dtype, simd } = options;
  const { wasm, manifest, report } = await compileProgram(
    program,
    {
      ...sourceOptions(options),
      ...memoryOptions({ ...options, batch: options.batch ?? usualBatch }),
      dtype,
      simd,
    },
    output,
  );
  if (report.recomputed !== null) output.say(priceOf(report.recomputed));
  expectTrainable(manifest, file);
  const hyper = checkHyper(manifest, options);

  const { blame, checkWeights, loadNet, restoreWeights, threadNotes, weightBytes } =
    await import("../net.ts");
  const { evaluate } = await import("../parts.ts");
  const { loadData } = await import("../data/load-data.ts");
  const { NndslError } = await import("../../runtime/index.ts");
  const net = await loadNet(wasm, options.seed, file, options.threads);
  let before: Restored = { categories: {}, columns: {}, epochs: 0, run: null, seed: null };
  if (options.resume !== undefined) {
    before = await restoreWeights(net, options.resume);
    if (seedTyped) expectSeed(before.seed, options.seed, options.resume);
  }
  Object.assign(net.hyper, hyper);

  if (dataSpec.length > 0) output.aside(`reading ${dataSpec.join(" ")}`);
  const folders = dataFolders(file);
  const data = await loadData(dataSpec, manifest, {
    option: "--data",
    targets: true,
    known: before,
    ...tableOptions(options),
    folders,
  });
  const { categories, columns } = data;
  const test =
    options.test === undefined
      ? null
      : await loadData(options.test, manifest, {
          option: "--test",
          targets: true,
          known: data,
          ...tableOptions(options),
          folders,
        });
  for (const note of new Set([...data.notes, ...(test?.notes ?? []), ...threadNotes(net)]))
    output.say(`note: ${note}`);

  const plan = planRun(
    before,
    {
      epochs: options.epochs,
      batch: options.batch,
      shuffle: options.shuffle ? undefined : false,
      restartEpoch: options.restartEpoch,
    },
    data.rows,
  );
  const { batch, shuffle, last } = plan.run;
  output.say(introduction(manifest, data, plan));
  const progress = new Progress(output, data.rows * plan.epochs - batch * (plan.firstBatch - 1));
  const losses = new Trace();
  const history: { readonly epoch: number; readonly loss: number; readonly seconds: number }[] = [];
  const stepsBefore = net.steps;
  const started = performance.now();

  // The place in the run, and what goes into the weights file there.
  const place = { epochs: before.epochs, batches: plan.firstBatch - 1, loss: plan.lossBefore };
  const latest: { step: StepReport | null; checkpoint: number | null } = { step: null, checkpoint: null };
  const save = async (path: string): Promise<void> => {
    const { epochs, batches, loss } = place;
    const run = batches > 0 || epochs < last ? { ...plan.run, batches, loss } : null;
    const kept: Kept = { categories, columns, epochs, run };
    const check = (written: Uint8Array): void => checkWeights(net, kept, written);
    await writeFiles([{ path, bytes: weightBytes(net, kept), check }]);
  };
  let ending: "done" | "interrupted" | "diverged" = "done";
  try {
    await net.fit(data.inputs, {
      epochs: plan.epochs,
      batch,
      shuffle,
      firstEpoch: plan.firstEpoch,
      firstBatch: plan.firstBatch,
      lossBefore: plan.lossBefore,
      signal: stop.signal,
      onStep: (made) => {
        latest.step = made;
        losses.add(made.loss);
        place.batches = made.batch;
        place.loss += made.loss * made.rows;
        progress.step({ ...made, epochs: last }, made.rows);
      },
      onEpoch: async ({ epoch, loss, seconds }) => {
        history.push({ epoch, loss, seconds });
        Object.assign(place, { epochs: epoch, batches: 0, loss: 0 });
        progress.epoch({ epoch, epochs: last, loss, seconds }, data.rows);
        if (to === undefined || options.checkpoint === undefined) return;
        if (epoch === last || epoch % options.checkpoint !== 0) return;
        await save(to);
        latest.checkpoint = epoch;
      },
    });
  } catch (error) {
    if (!(error instanceof NndslError)) throw error;
    if (error.code === "diverged") ending = "diverged";
    else if (error.code === "aborted") ending = "interrupted";
    else throw blame(error, file);
  } finally {
    progress.clear();
  }
  const seconds = (performance.now() - started) / 1000;
  const steps = net.steps - stepsBefore;

  // The weights are safe before anything else can go wrong.
  const keeps = to !== undefined && ending !== "diverged" && (steps > 0 || ending === "done");
  if (keeps) await save(to);
  const signal = stop.received();
  if (signal !== null && ending === "done") ending = "interrupted";
  stop.release();
  if (ending === "interrupted") {
    process.exitCode = signal?.code ?? exitCodes.interrupted;
    const kept = keeps
      ? `what is trained is in ${to}${place.epochs < last ? ", from which --resume goes on" : ""}`
      : steps === 0
        ? "nothing was trained"
        : "nothing saved: no -o was given";
    const where = place.epochs < last ? `in epoch ${place.epochs + 1}` : "after the last epoch";
    output.say(`stopped ${where} by ${signal?.by}, after ${counted(steps, "step")}; ${kept}`);
  }
  const diverged = ending === "diverged" ? latest.step : null;
  const complaint = diverged && divergence(diverged, steps, file, to, latest.checkpoint);
  if (complaint !== null) {
    process.exitCode = exitCodes.wrong;
    output.say(renderComplaint(complaint, file, output.messageColors));
  }

  const measure = (set: Dataset): Evaluation | null => {
    const measured = evaluate(net, set, { announce: (note) => output.say(`note: ${note}`) });
    // The weights are made and kept, so it is no failure of the command.
    if (measured?.missing) {
      output.say(renderComplaint(measured.missing.complaint("warning"), file, output.messageColors));
    }
    return measured?.evaluation ?? null;
  };
  let own: Evaluation | null = null;
  let tested: Evaluation | null = null;
  try {
    if (ending === "done") own = measure(data);
    if (ending === "done" && test !== null) tested = measure(test);
  } catch (error) {
    throw blame(error, file);
  } finally {
    net.dispose();
  }
  if (output.json) {
    const result = {
      model: manifest.model,
      epochs: history.length,
      steps,
      seconds,
      loss: own?.loss ?? history.at(-1)?.loss ?? null,
      metrics: own?.metrics ?? {},
      history,
      ...(tested === null ? {} : { test: tested }),
      ...(keeps ? { weights: to } : {}),
      ...(ending === "interrupted" ? { interrupted: true } : {}),
      ...(diverged === null ? {} : { diverged: placeOf(diverged), diagnostics: [complaint] }),
    };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  if (ending !== "done") return;
  const drawn = curve(losses.values(), {
    width: Math.min(output.columns - 12, 72),
    height: 8,
    unicode: output.unicode,
  });
  output.write(
    [
      ...drawn,
      `${counted(steps, "step")} in ${duration(seconds)}`,
      ...(own === null ? [] : [`train  ${showEvaluation(own)}`]),
      ...(tested === null ? [] : [`test   ${showEvaluation(tested)}`]),
      ...(to === undefined ? [] : [`weights in ${to}`]),
      "",
    ].join("\n"),
  );
}

const placeOf = ({ epoch, batch, step }: StepReport) => ({ epoch, batch, step });

/** What is said of a run whose loss is no finite number any more. */
function divergence(
  { epoch, step, loss }: StepReport,
  steps: number,
  file: string,
  to: string | undefined,
  checkpoint: number | null,
): Complaint {
  const kept =
    to === undefined ? [] : [`${to} is as ${checkpoint === null ? "it was" : `epoch ${checkpoint} left it`}`];
  return {
    code: "diverged",
    severity: "error",
    message: `the loss stopped being finite at step ${count(step)}, in epoch ${count(epoch)}: it is ${loss}`,
    file,
    notes: kept,
    help:
      steps === 1
        ? "it was so before anything was trained: look for very large inputs, and for log, sqrt and division at 0 in the formulas"
        : "try a smaller --lr, scale the inputs to about 1, or look for log and division near 0 in the loss",
  };
}

/** Other formats' endings, in place of which ours is proposed. */
const otherEndings =
  /\.(pth?|bin|ckpt|h5|hdf5|keras|pkl|pickle|joblib|onnx|tflite|pb|np[yz]|msgpack|gguf|safetensor|st|csv|json|wasm|nn)$/i;

/**
 * Weights are written as safetensors, and under that name alone: no other program is misled by the
 * ending.
 * @throws UsageError, also where the file cannot be written
 */
function expectWeightsFile(path: string, program: string): void {
  expectWritable(path);
  if (/\.safetensors$/i.test(path) || isSpecial(path)) return;
  const named = /[/\\]$/.test(path) ? join(path, basename(program, ".nn")) : path.replace(otherEndings, "");
  throw new UsageError("bad-option", `weights are written as safetensors, and ${path} is named otherwise`, {
    file: path,
    help: `write -o ${shellWord(`${named}.safetensors`)}; PyTorch, JAX and others read it`,
  });
}

/** A file goes on with the seed in it. @throws UsageError where another is asked for */
function expectSeed(saved: number | null, asked: number, path: string): void {
  if (saved === null || saved === asked) return;
  throw new UsageError(
    "cannot-resume",
    `${path} goes on with its own seed, ${saved}, and not with --seed ${asked}`,
    {
      file: path,
      help: "leave --seed out",
    },
  );
}

function expectTrainable(manifest: Manifest, file: string): void {
  if (!manifest.loss) {
    throw new ModelError(
      "no-loss",
      `${manifest.model} has no loss, so there is nothing to train for`,
      file,
      "add a line such as `loss mse(p, y)`",
    );
  }
  if (manifest.optimizer === null) {
    throw new ModelError(
      "no-optimizer",
      `${manifest.model} has no optimizer`,
      file,
      "add a line such as `optimizer adam(lr = 1e-3)`",
    );
  }
}

/** `--lr` and `--opt` as one record of arguments that this optimizer has. */
function checkHyper(manifest: Manifest, { lr, opt }: TrainArguments): Record<string, number> {
  const given = { ...(lr === undefined ? {} : { lr }), ...opt };
  const names = Object.keys(manifest.optimizer?.hyper ?? {});
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const help = didYouMean(name, names) ?? "it has none";
    throw new UsageError(
      "unknown-hyper",
      `the optimizer ${manifest.optimizer?.name} has no argument \`${name}\` to set`,
      {
        help: `${help}; what shapes the formula itself is set in the model`,
      },
    );
  }
  return given;
}

function introduction(
  manifest: Manifest,
  data: Dataset,
  { firstEpoch, firstBatch, epochs, run }: Plan,
): string {
  const parameters = manifest.parameters
    .filter((p) => !p.frozen)
    .reduce((sum, p) => sum + p.shape.reduce((product, size) => product * size, 1), 0);
  const rows = manifest.free === null ? "" : ` on ${counted(data.rows, "row")}, ${count(run.batch)} a step`;
  const from =
    firstEpoch === 1 && firstBatch === 1
      ? counted(epochs, "epoch")
      : `from epoch ${count(firstEpoch)} of ${count(run.last)} on${firstBatch === 1 ? "" : `, batch ${count(firstBatch)}`}`;
  return `training ${counted(parameters, "parameter")} of ${manifest.model}${rows}, ${from}`;
}

const showEvaluation = ({ loss, metrics }: Evaluation): string =>
  [["loss", loss] as const, ...Object.entries(metrics)]
    .map(([name, value]) => `${name} ${value === null ? "not measured" : figure(value)}`)
    .join("  ");
