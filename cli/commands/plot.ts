/** `nndsl plot`. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { dataHelp } from "../data/help.ts";
import { addModelOptions, addTableOptions, dtypeOption, finite, integer } from "../options.ts";
import type { Output } from "../output.ts";
import type { PlotArguments, Range } from "../plot/arguments.ts";
import type { ImageSize } from "../plot/plot.ts";

export function addPlot(program: Command, output: Output): Command {
  return addTableOptions(
    addModelOptions(program.command("plot"), {
      batch: "A plot takes as many rows at once as fit into memory.",
    }),
  )
    .description(
      "draw what a model has learned, its loss around the weights, or functions with their derivatives",
    )
    .usage("<what> [options]")
    .argument("[what]", "a program, FILE.nn; or functions: std:NAME,… or FILE.nn:NAME,…")
    .option("-o, --output <file>", "picture to write, .svg or .png (default: characters on stdout)")
    .option("--weights <file>", "trained weights, W.safetensors (default: initial weights, by --seed)")
    .option("--data <what...>", "data to draw, or to evaluate, as for train")
    .addOption(
      new Option("--range <a:b>", "what each axis covers; for two features a:b,c:d").argParser(ranges),
    )
    .addOption(
      new Option("--image <HxW>", "the features are pixels: draw weights and mistakes").argParser(imageSize),
    )
    .option("--loss-surface", "draw the loss on --data along two directions around the weights", false)
    .option("--history <file>", "with --loss-surface: the path of training, as train --history keeps it")
    .option("--layers", "draw gradients, outputs and dead units of each layer, on --data", false)
    .addOption(
      new Option("--span <number>", "with --loss-surface: how far to go from the weights").argParser(
        positive,
      ),
    )
    .addOption(
      new Option(
        "--points <number>",
        "with --loss-surface: points along each direction (default: 31)",
      ).argParser(integer(3, 501)),
    )
    .addOption(
      new Option(
        "--rows <number>",
        "with --loss-surface or --layers: use only the first rows of the data",
      ).argParser(integer(1, 2 ** 31 - 1)),
    )
    .addOption(
      new Option("--theme <theme>", "colors of the picture").choices(["light", "dark"]).default("light"),
    )
    .addOption(dtypeOption())
    .addHelpText(
      "after",
      `
Examples:
  nndsl plot std:gelu,relu,elu                                         functions with their derivatives
  nndsl plot "std:leaky_relu(0.1),z => z^2" --range=-3:3 -o functions.svg
  nndsl plot xor.nn --weights xor.safetensors --data x=xor.csv:a,b y=xor.csv:xor -o xor.svg
  nndsl plot mnist.nn --weights mnist.safetensors --data mnist:test -o mnist.png
  nndsl plot xor.nn --weights xor.safetensors --data x=xor.csv:a,b y=xor.csv:xor --loss-surface --history xor-history.safetensors
  nndsl plot iris.nn --weights iris.safetensors --layers --data x=iris.csv:-species y=iris.csv:species -o layers.svg
${dataHelp}

A program with two features is drawn as a surface (a panel for each output, and a map of classes), one with one feature as a
curve, with the rows of --data on it. Of features that are pixels the first layer's weights are drawn, and of --data the worst
mistakes. If a command draws several pictures, -o P.svg becomes P-weights.svg and P-mistakes.svg.

The loss surface follows Li et al. (2018): two random directions, by --seed, in which every row of a weight matrix is as long as
that of the weights, and biases stay; with --history the two principal components of the path that training took.`,
    )
    .action(async (what: string | undefined, options: PlotArguments) => {
      const { plotCommand } = await import("../plot/command.ts");
      await plotCommand(what, options, output);
    });
}

function ranges(text: string): readonly Range[] {
  const read = text.split(",").map((part): Range => {
    const [from, to, ...more] = part.split(":").map(finite);
    if (
      from === undefined ||
      to === undefined ||
      more.length > 0 ||
      from >= to ||
      !Number.isFinite(to - from)
    )
      throw new InvalidArgumentError("Write a:b with a below b, such as --range=-2:2 or --range=-2:2,0:1.");
    return { from, to };
  });
  if (read.length > 2) throw new InvalidArgumentError("A picture has two axes at most: a:b,c:d.");
  return read;
}

function imageSize(text: string): ImageSize {
  const [, height, width] = /^(\d{1,4})[x×](\d{1,4})$/.exec(text) ?? [];
  if (!(Number(height) > 0 && Number(width) > 0))
    throw new InvalidArgumentError("Write HEIGHTxWIDTH, such as 28x28.");
  return { height: Number(height), width: Number(width) };
}

function positive(text: string): number {
  const value = finite(text);
  if (value <= 0) throw new InvalidArgumentError("It is more than 0.");
  return value;
}
