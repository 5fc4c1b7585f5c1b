/** Which pictures show a model, and the numbers for them. */
import type { Manifest, Net } from "../../runtime/index.ts";
import { entriesOfRow } from "../data/row-names.ts";
import { dataFolders } from "../data/folders.ts";
import { loadData, type Dataset, type KnownTables } from "../data/load-data.ts";
import { DataError, ModelError, UsageError } from "../failures.ts";
import { blame, loadNet, restoreWeights } from "../net.ts";
import { sourceOptions, tableOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { compileProgram, openProgram } from "../program.ts";
import { counted } from "../terminal/numbers.ts";
import type { PlotArguments, Range } from "./arguments.ts";
import { outputsByRow } from "./ask.ts";
import { countFeatures, featuresOf, usualRange } from "./features.ts";
import { plotCurve } from "./fit-curve.ts";
import { firstWeights, imageOf, plotMistakes, plotWeights } from "./images.ts";
import { plotLayers } from "./layers.ts";
import { lossPlot } from "./loss-plot.ts";
import type { ImageSize, Plot } from "./plot.ts";
import type { Prepared } from "./prepared.ts";
import { plotSurface, type Drawn } from "./surface.ts";

/** What is drawn where neither data nor `--range` say it: the corners of truth tables, and what is around 0. */
const USUAL = { surface: { from: -0.5, to: 1.5 }, curve: { from: -2, to: 2 } } as const;

export async function plotModel(
  typed: { readonly file: string; readonly data: readonly string[] },
  options: PlotArguments,
  output: Output,
): Promise<Plot[]> {
  const { file } = typed;
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const { wasm, manifest } = await compileProgram(
    program,
    { ...sourceOptions(options), dtype: options.dtype, probe: options.layers },
    output,
  );
  const kind = kindOf(manifest, options, file);
  expectUseful(kind, options);
  const net = await loadNet(wasm, options.seed, file);
  try {
    const { known, title } = await startOf(net, options);
    const data = typed.data.length === 0 ? null : await readData(typed.data, manifest, known, options, file);
    for (const note of data?.notes ?? []) output.say(`note: ${note}`);
    const prepared: Prepared = { net, file, title, data, known: data ?? known };
    if (kind === "layers") return [plotLayers(prepared, options)];
    if (kind === "loss-surface") return [await lossPlot(prepared, options, output)];
    if (kind === "image") return imagePlots(prepared, options, output);
    const drawn = drawnOf(prepared, options, kind);
    return [kind === "surface" ? plotSurface(net, drawn) : plotCurve(net, drawn)];
  } catch (error) {
    throw blame(error, file);
  } finally {
    net.dispose();
  }
}

type Kind = "surface" | "curve" | "image" | "loss-surface" | "layers";

/** @throws ModelError for a model that there is no picture of */
function kindOf(manifest: Manifest, options: PlotArguments, file: string): Kind {
  if (options.layers) return "layers";
  if (options.lossSurface) {
    if (!manifest.loss)
      throw new ModelError(
        "no-loss",
        `${manifest.model} has no loss`,
        file,
        "add a line such as `loss mse(z, y)`",
      );
    return "loss-surface";
  }
  const features = countFeatures(manifest);
  if (options.image === undefined && (features === 1 || features === 2)) {
    expectOutput(manifest, file);
    return features === 2 ? "surface" : "curve";
  }
  if (options.image !== undefined || imageOf(manifest) !== null) return "image";
  const has =
    features === null
      ? "features that cannot be counted, since rows are not first"
      : counted(features, "feature");
  throw new ModelError(
    "no-picture",
    `${manifest.model} has ${has}; a curve needs 1, a surface 2`,
    file,
    "--layers and --loss-surface draw any model on --data; --image HxW draws features that are pixels",
  );
}

/** What each option is for. */
const usefulFor = {
  range: ["surface", "curve"],
  image: ["image"],
  history: ["loss-surface"],
  span: ["loss-surface"],
  points: ["loss-surface"],
  rows: ["loss-surface", "layers"],
} as const satisfies Partial<Record<keyof PlotArguments, readonly Kind[]>>;

const called: Readonly<Record<Kind, string>> = {
  surface: "the surface of a model with two features",
  curve: "the curve of a model with one feature",
  image: "images",
  "loss-surface": "a loss surface",
  layers: "layers",
};

/** @throws UsageError for an option that says nothing of this picture */
function expectUseful(kind: Kind, options: PlotArguments): void {
  for (const [name, kinds] of Object.entries(usefulFor)) {
    // The names are those of the table.
    if (options[name as keyof typeof usefulFor] === undefined || kinds.some((other) => other === kind))
      continue;
    throw new UsageError("bad-option", `--${name} says nothing of ${called[kind]}`, {
      help: `it is for ${kinds.map((other) => called[other]).join(" and ")}${name === "history" ? ": add --loss-surface" : ""}`,
    });
  }
}

/** @throws ModelError where no output has entries for each row that do not depend on the other rows */
function expectOutput(manifest: Manifest, file: string): void {
  if (outputsByRow(manifest).length > 0) return;
  const coupled = manifest.outputs.filter(({ join }) => join === "coupled").map(({ name }) => `\`${name}\``);
  throw new ModelError(
    "no-picture",
    coupled.length > 0
      ? `${coupled.join(", ")} of ${manifest.model} in one row depends on the other rows, so there is nothing to draw for a row alone`
      : `${manifest.model} has no output to draw for each row`,
    file,
    "add a line such as `output p = …` with an entry for each row",
  );
}

/** The weights that are drawn, and how they are called. */
async function startOf(
  net: Net,
  { weights, seed }: PlotArguments,
): Promise<{ readonly known: KnownTables; readonly title: string }> {
  const { model, parameters } = net.manifest;
  if (weights !== undefined) {
    const known = await restoreWeights(net, weights);
    return { known, title: net.steps > 0 ? `${model} after ${counted(net.steps, "step")}` : model };
  }
  const isDrawn = parameters.some(({ init }) => !init.startsWith("="));
  return {
    known: { categories: {}, columns: {} },
    title: isDrawn ? `${model} as it starts from seed ${seed}` : model,
  };
}

/** The data with its targets; without them where it has none and no loss is asked for. */
async function readData(
  spec: readonly string[],
  manifest: Manifest,
  known: KnownTables,
  options: PlotArguments,
  file: string,
): Promise<Dataset> {
  const read = (targets: boolean): Promise<Dataset> =>
    loadData(spec, manifest, {
      option: "--data",
      targets,
      known,
      ...tableOptions(options),
      folders: dataFolders(file),
    });
  try {
    return await read(true);
  } catch (error) {
    const isMissing =
      error instanceof DataError && ["data-missing-input", "data-which-input"].includes(error.code);
    if (!isMissing || options.lossSurface) throw error;
    return read(false);
  }
}

function drawnOf(
  { net, title, data, known }: Prepared,
  options: PlotArguments,
  kind: "surface" | "curve",
): Drawn {
  const features = featuresOf(net.manifest, known);
  const given: readonly Range[] = options.range ?? [];
  if (given.length > 0 && given.length !== features.length) {
    const names = features.map(({ name }) => `\`${name}\``).join(" and ");
    throw new UsageError("bad-option", `--range needs a range for each of ${names}`, {
      help: features.length === 1 ? "write --range=a:b" : "write --range=a:b,c:d",
    });
  }
  const ranges = features.map((feature, k) => given[k] ?? usualRange(feature, data, USUAL[kind]));
  return { title, features, ranges, data, known };
}

function imagePlots(
  { net, file, title, data, known }: Prepared,
  options: PlotArguments,
  output: Output,
): Plot[] {
  const { manifest } = net;
  const size: ImageSize = options.image ?? imageOf(manifest)!;
  if (options.image === undefined)
    output.say(`note: a row is taken for ${size.height}x${size.width} pixels; --image HxW says otherwise`);
  const input = manifest.inputs.find(({ role }) => role === "input");
  const entries = input === undefined ? 0 : (entriesOfRow(input.shape, manifest.free) ?? 0);
  const pixels = size.height * size.width;
  if (entries === 0 || entries % pixels !== 0)
    throw new UsageError(
      "bad-option",
      `--image ${size.height}x${size.width} is ${counted(pixels, "pixel")}, and a row of \`${input?.name}\` has ${counted(entries, "number")}`,
      { help: "height times width, times channels, is the size of a row" },
    );
  const weights = firstWeights(manifest, size);
  const plots: Plot[] = weights === null ? [] : [plotWeights(net, title, weights)];
  if (weights === null)
    output.say(`note: no parameter of ${manifest.model} reads the pixels of \`${input!.name}\` row by row`);
  if (data === null) output.say("note: the worst mistakes are drawn of --data");
  else {
    const mistakes = plotMistakes(net, title, size, data, known);
    if (mistakes.kind === "plot") plots.push(mistakes.plot);
    else output.say(`note: ${mistakes.why}`);
  }
  if (plots.length === 0)
    throw new ModelError(
      "no-picture",
      `there is nothing to draw of ${manifest.model}`,
      file,
      "give --data for its mistakes",
    );
  return plots;
}
