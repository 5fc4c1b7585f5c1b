/**
 * `nndsl compare`: the module's loss and gradients beside those of other autodiff systems, on the
 * same weights and data.
 */
import { InvalidArgumentError, Option, type Command } from "commander";
import { autograds, type Autograd, type CompareArguments } from "../compare/arguments.ts";
import { addModelOptions, addTableOptions, dtypeOption, finite, simdOption, takeFile } from "../options.ts";
import type { Output } from "../output.ts";
import { openProgram } from "../program.ts";
import { dataHelp } from "../data/help.ts";

export function addCompare(program: Command, output: Output): Command {
  return addTableOptions(addModelOptions(program.command("compare")))
    .description("compare loss and gradients with other autodiff systems")
    .usage("<file> [--against <list>] [options]")
    .argument("[file]", "a program, FILE.nn")
    .addOption(
      new Option("--against <list>", `some of ${autograds.join(",")}`)
        .argParser(readAutograds)
        .default(["tape", "numeric"], "tape,numeric"),
    )
    .option("--data <what...>", "data as for train (default: random)")
    .addOption(
      new Option(
        "--tolerance <error>",
        "largest error allowed (default: 1e-4; with --dtype f64, 1e-9 for tape and torch, 1e-6 for numeric)",
      ).argParser(tolerance),
    )
    .addOption(simdOption())
    .addOption(dtypeOption())
    .addHelpText(
      "after",
      `
  tape     nndsl's own eager autodiff in f64, sharing no derivative rule with the compiler
  numeric  central differences of the loss in f64
  tfjs     TensorFlow.js in f32, if @tensorflow/tfjs is installed
  torch    PyTorch in f64, from the Python on the path or in NNDSL_PYTHON

The error of a tensor is max |a - b| / (max |b| + 1e-8). For gradients the denominator is at least a hundredth of the largest entry
of all gradients, since a gradient that is exactly 0 in theory, e.g. of a bias before a normalization, consists of rounding errors.
Exit code 1 if an error exceeds the tolerance.

Examples:
  nndsl compare xor.nn
  nndsl compare mnist.nn --against tape,torch --data mnist:train --batch 32
  nndsl compare xor.nn --dtype f64 --against tape,numeric,tfjs,torch --json
${dataHelp}`,
    )
    .action(async (typed: string | undefined, options: CompareArguments) => {
      const { file, data } = takeFile(typed, options.data);
      const opened = await openProgram(file);
      output.aside(`compiling ${file}`);
      const { compareCommand } = await import("../compare/compare.ts");
      await compareCommand(opened, data, options, output);
    });
}

function readAutograds(text: string): readonly Autograd[] {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names)].map((name) => {
    const found = autograds.find((known) => known === name);
    if (found === undefined) throw new InvalidArgumentError(`It is some of ${autograds.join(",")}.`);
    return found;
  });
}

function tolerance(text: string): number {
  const value = finite(text);
  if (value < 0) throw new InvalidArgumentError("It is at least 0.");
  return value;
}
