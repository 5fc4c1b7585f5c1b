/** From what was typed to pictures: computes them, then writes them to files or to the terminal. */
import { extname } from "node:path";
import { UsageError } from "../failures.ts";
import { takeFile } from "../options.ts";
import type { Output } from "../output.ts";
import { expectPicture, pictureFile } from "../pictures/write.ts";
import { colorsOf } from "../pictures/theme.ts";
import { openProgram } from "../program.ts";
import { depthOf } from "../terminal/depth.ts";
import { writeFiles } from "../write-files.ts";
import type { PlotArguments } from "./arguments.ts";
import { drawPlot } from "./draw.ts";
import { plotFunctions, wantedFunctions, type WantedFunctions } from "./functions.ts";
import { plotModel } from "./model.ts";
import type { Plot } from "./plot.ts";
import { showPlot } from "./show.ts";

export async function plotCommand(
  typed: string | undefined,
  options: PlotArguments,
  output: Output,
): Promise<void> {
  if (options.output !== undefined) expectPicture(options.output);
  const functions = typed === undefined ? null : wantedFunctions(typed);
  const plots =
    functions === null
      ? await plotModel(takeFile(typed, options.data), options, output)
      : [await functionsPlot(functions, options)];
  await tell(plots, options, output);
}

/** Options that say nothing of a function. */
const ofModels = [
  "data",
  "weights",
  "image",
  "layers",
  "lossSurface",
  "history",
  "span",
  "points",
  "rows",
  "model",
] as const;

async function functionsPlot(wanted: WantedFunctions, options: PlotArguments): Promise<Plot> {
  const useless = ofModels.find((name) => options[name] !== undefined && options[name] !== false);
  if (useless !== undefined) {
    const option = useless === "lossSurface" ? "loss-surface" : useless;
    throw new UsageError("bad-option", `--${option} is for models, and ${wanted.names[0]} is a function`);
  }
  const { range = [] } = options;
  if (range.length > 1)
    throw new UsageError("bad-option", "a function has one axis", { help: "write --range=a:b" });
  if (wanted.file === null) return plotFunctions(wanted, undefined, range[0]);
  const { text, options: source } = await openProgram(wanted.file);
  return plotFunctions(wanted, { text, ...source }, range[0]);
}

/** `P.svg`, or `P-weights.svg` where there are several. */
function fileOf(plot: Plot, plots: readonly Plot[], path: string): string {
  if (plots.length === 1) return path;
  const ending = extname(path);
  return `${path.slice(0, -ending.length)}-${plot.kind}${ending}`;
}

async function tell(
  plots: readonly Plot[],
  { output: path, theme }: PlotArguments,
  output: Output,
): Promise<void> {
  if (path !== undefined) {
    const files = [];
    for (const plot of plots) {
      const file = fileOf(plot, plots, path);
      const drawn = await pictureFile(file, await drawPlot(plot, colorsOf[theme]), { theme });
      for (const note of drawn.notes) output.say(`note: ${note}`);
      files.push({ ...drawn.file, kind: plot.kind, title: plot.title });
    }
    await writeFiles(files.map(({ path: file, bytes }) => ({ path: file, bytes })));
    const pictures = files.map(({ path: file, kind }) => ({ file, kind }));
    if (output.json) output.write(`${JSON.stringify({ pictures }, null, 2)}\n`);
    else for (const { path: file, title } of files) output.say(`${file}: ${title}`);
    return;
  }
  // The numbers themselves where no file takes them.
  if (output.json) {
    output.write(`${JSON.stringify({ pictures: plots })}\n`);
    return;
  }
  const screen = {
    columns: Number.isFinite(output.dataColumns) ? output.dataColumns : 80,
    unicode: output.unicode,
    depth: depthOf(output.colors),
  };
  output.write(plots.map((plot) => showPlot(plot, screen)).join("\n"));
}
