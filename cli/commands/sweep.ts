/** `nndsl sweep`: a model trained in many ways, and the distributions of what comes of it. */
import { Option, type Command } from "commander";
import { dataHelp } from "../data/help.ts";
import {
  addModelOptions,
  addTableOptions,
  dtypeOption,
  integer,
  simdOption,
  usualBatch,
} from "../options.ts";
import type { Output } from "../output.ts";
import type { SweepArguments } from "../sweep/arguments.ts";
import { readAxis } from "../sweep/grid.ts";
import { onInterrupt } from "../terminal/interrupt.ts";

const axisOption = (kind: "set" | "opt", description: string): Option =>
  new Option(`--${kind} <name=values>`, description).argParser(readAxis(kind)).default([], "none");

export function addSweep(program: Command, output: Output): Command {
  const set = axisOption(
    "set",
    "a setting of the model and the values to try, as in units=2,4,8; repeatable",
  );
  return addTableOptions(addModelOptions(program.command("sweep"), {}, set))
    .description("train every combination of settings with several seeds and compare them")
    .usage("<file> --set <name=values> --data <what...> -o <folder> [options]")
    .argument("[file]", "a program, FILE.nn")
    .requiredOption("-o, --output <folder>", "folder for runs.csv, runs.json and the pictures")
    .addOption(
      axisOption("opt", "an argument of the optimizer and its values, as in lr=0.1,0.01; repeatable"),
    )
    .addOption(
      new Option("--seeds <number>", "seeds for each combination: --seed and those after it")
        .argParser(integer(1, 1e6))
        .default(10),
    )
    .option("--data <what...>", "training data: a file, or NAME=FILE for each input")
    .option(
      "--validate <what...>",
      "data evaluated after each epoch, written like --data; or the share of the rows to hold out, 0.1",
    )
    .option("--test <what...>", "test data, evaluated after each run; written like --data")
    .addOption(new Option("--epochs <number>", "passes over the data").argParser(integer(1, 1e9)).default(10))
    .option("--no-shuffle", "keep the rows in order")
    .addOption(
      new Option("--jobs <number>", "processes that train at a time (default: one for each core)").argParser(
        integer(1, 1024),
      ),
    )
    .option("--resume", "go on with the runs in the folder", false)
    .addOption(simdOption())
    .addOption(dtypeOption())
    .addHelpText(
      "after",
      `
Examples:
  nndsl sweep square.nn --set units=2,4,8 --seeds 20 --data x=square.csv:x y=square.csv:y --epochs 100 --batch 100 -o out/square
  nndsl sweep iris.nn --opt lr=0.1,0.01,0.001 --data x=iris.csv:-species y=iris.csv:species -o out/iris
  nndsl sweep mnist.nn --set sizes=[4],[16],[64] --data mnist:train --test mnist:test --epochs 2 --batch 128 -o out/widths
  nndsl sweep mnist.nn --set sizes=[32] --set act=sigmoid,tanh,relu,elu,gelu,swish --data mnist:train --test mnist:test -o out/act
${dataHelp}

Every combination of the values is trained with every seed, and compiled once. Values are separated by commas outside of brackets:
--set sizes=[8,8],[16] are two. A single value holds for all runs. Runs give the numbers of \`nndsl train --seed\` with the same
settings, in however many processes.

The folder gets runs.csv and runs.json, with a row for each run; and pictures: of each loss and metric its distribution by
setting, the loss over epochs, and a heat map of each two settings that are numbers. A run that failed has the reason in its row.

Ctrl-C keeps the runs that are done, and --resume with the same command makes the others: all files are then the same, to the
byte, as those of an uninterrupted sweep. --resume may also add values and seeds. A step takes ${usualBatch} rows unless --batch is given.`,
    )
    .action(async (file: string | undefined, options: SweepArguments) => {
      const stop = onInterrupt(output);
      try {
        const { sweepCommand } = await import("../sweep/sweep.ts");
        await sweepCommand(file, options, stop, output);
      } finally {
        stop.release();
      }
    });
}
