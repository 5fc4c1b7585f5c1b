/** `nndsl train`. */
import { Option, type Command } from "commander";
import { dataHelp } from "../data/help.ts";
import {
  addModelOptions,
  addTableOptions,
  dtypeOption,
  finite,
  integer,
  memoryOption,
  pairs,
  simdOption,
  threadsOption,
  usualBatch,
} from "../options.ts";
import type { Live } from "../live/live.ts";
import type { Output } from "../output.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import type { TrainArguments } from "../train/arguments.ts";
import type { Observer } from "../train/observe.ts";

export function addTrain(program: Command, output: Output): Command {
  return addTableOptions(addModelOptions(program.command("train")))
    .description("train a model on data and save its weights")
    .usage("<file> --data <what...> [options]")
    .argument("[file]", "a program, FILE.nn")
    .option("--data <what...>", "training data: a file, or NAME=FILE for each input")
    .option("--test <what...>", "test data, evaluated at the end; written like --data")
    .option(
      "--validate <what...>",
      "data evaluated after each epoch, written like --data; or the share of the rows to hold out, 0.1",
    )
    .addOption(
      new Option("--epochs <number>", "passes over the data (default: 10)").argParser(integer(0, 1e9)),
    )
    .option("-o, --output <file>", "file for the weights, W.safetensors")
    .addOption(
      new Option("--checkpoint <epochs>", "also write the weights every so many epochs").argParser(
        integer(1, 1e9),
      ),
    )
    .addOption(
      new Option(
        "--patience <epochs>",
        "stop after so many epochs without a lower loss (validation loss with --validate), and keep the best weights",
      ).argParser(integer(1, 1e9)),
    )
    .option("--history <file>", "file for the figures of each epoch and weights along the way, H.safetensors")
    .option("--resume <file>", "weights to continue from, with optimizer state and seed")
    .option(
      "--weights <file>",
      "weights that a new run starts from: every tensor with the same path and shape; the others are drawn",
    )
    .option("--restart-epoch", "with --resume: restart the interrupted epoch from its beginning", false)
    .addOption(new Option("--lr <number>", "learning rate, overriding the model's").argParser(finite))
    .addOption(
      new Option("--opt <name=value>", "any argument of the optimizer; repeatable")
        .argParser(pairs(finite))
        .default({}, "none"),
    )
    .option("--no-shuffle", "keep the rows in order")
    .addOption(
      new Option("--probe [every]", "tell what each step, or every EVERYth, does to each layer")
        .argParser(integer(1, 1e9))
        .preset("1"),
    )
    .addOption(simdOption())
    .addOption(dtypeOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .option("--report <file>", "page about the run, FILE.html: curves, formulas, graph, mistakes, settings")
    .addOption(
      new Option(
        "--live [port]",
        "serve that page on this machine while training: pause, stop, learning rate",
      ).argParser(integer(1, 65535)),
    )
    .addHelpText(
      "after",
      `
Examples:
  nndsl train mnist.nn --data mnist:train --test mnist:test --epochs 5 --batch 128 --threads 2 -o mnist.safetensors
  nndsl train iris.nn --data x=iris.csv:-species y=iris.csv:species --lr 0.01 --opt beta1=0.8
  nndsl train mnist.nn --data mnist:train --resume mnist.safetensors --epochs 1 -o mnist.safetensors
  nndsl train mnist.nn --data mnist:train --epochs 50 --checkpoint 5 -o mnist.safetensors
  nndsl train iris.nn --data x=iris.csv:-species y=iris.csv:species --epochs 200 --validate 0.2 --patience 10 -o iris.safetensors
  nndsl train mnist.nn --data mnist:train --probe 100 --json      each epoch with its layers: dead units, gradients, updates
  nndsl train iris.nn --data x=iris.csv:-species y=iris.csv:species --epochs 100 --report iris.html
  nndsl train iris.nn --data x=iris.csv:-species y=iris.csv:species --weights iris.safetensors     a new run from these weights
${dataHelp}

Ctrl-C stops after the current step and saves the weights if -o is given; a second Ctrl-C stops immediately. SIGTERM and SIGHUP
do the same; the exit codes are 130, 143 and 129. The file at -o is replaced atomically, after the new contents have been read
back. With --checkpoint K this happens every K epochs too, so that a killed run loses less.

The file of an interrupted run records its position, and --resume continues exactly there: on the same data the final weights
equal those of an uninterrupted run, to the byte. Without --epochs, or with the same number as before, the run continues to its
original end; another number means that many more epochs, the interrupted one included. --batch and --no-shuffle keep their
values unless given. A file of a finished run starts another: --epochs more.

--weights W.safetensors is for fine-tuning: a new run, with a new optimizer, in which every parameter whose path and shape are in the file
starts from there. The others, such as a new head, start from their initializers, and are listed.

--validate 0.1 holds out a tenth of the rows, drawn by the seed; fit({ validate: 0.1 }) holds out the same. --patience K stops after
K epochs without a lower loss, that of --validate if given, and the file at -o then holds the best epoch's weights. A resumed run
keeps both unless they are given, but needs files of --validate again.

--history keeps loss, metrics, validation and the optimizer's arguments of each epoch, and up to 200 points of the weights' path,
for \`nndsl plot --loss-surface\`; with --resume it is continued.

--report writes one page that needs no network, also for a run that was interrupted or diverged. --live prints the page's address; the
page pauses, stops and changes the learning rate, and after the run it stays until it is closed, or for a minute if it was not opened.

If the loss stops being finite, the run ends at that step with exit code 1, and the file at -o is left unchanged. The message
names the first tensor that was not finite, its layer and its place in the source. With --json the result then has \`diverged\`:
{"epoch", "batch", "step", "tensor": {"step", "layer", "pass", "formula", "op", "entry", "value", "row"}}.
A step takes ${usualBatch} rows unless --batch is given.`,
    )
    .action(async (file: string | undefined, options: TrainArguments, command: Command) => {
      const stop = onInterrupt(output);
      try {
        const { trainCommand } = await import("../train/train.ts");
        const { observers, live } = await watchersOf(options, command, output);
        try {
          stop.signal.addEventListener("abort", () => live?.resume());
          await trainCommand(
            file,
            options,
            command.getOptionValueSource("seed") === "cli",
            stop,
            output,
            observers,
          );
          if (stop.received() === null) await live?.linger();
        } finally {
          await live?.close();
        }
      } finally {
        stop.release();
      }
    });
}

/** Those that show the run as a page, in a file and live. */
async function watchersOf(
  { report, live: port, resume }: TrainArguments,
  command: Command,
  output: Output,
): Promise<{ readonly observers: readonly Observer[]; readonly live: Live | null }> {
  if (report === undefined && port === undefined) return { observers: [], live: null };
  const { commandAgain } = await import("../again.ts");
  const { Recording } = await import("../report/recording.ts");
  const { expectReportFile, reportWriter } = await import("../report/report.ts");
  if (report !== undefined) expectReportFile(report);
  // A run that goes on has the seed of its file.
  const always = resume === undefined ? ["seed"] : [];
  const recording = new Recording(commandAgain(command, always, ["live", "json", "color"]));
  const live =
    port === undefined
      ? null
      : await (await import("../live/live.ts")).Live.open(port === true ? 0 : port, recording, output);
  return {
    observers: [
      recording,
      ...(live === null ? [] : [live]),
      ...(report === undefined ? [] : [reportWriter(recording, report, output)]),
    ],
    live,
  };
}
