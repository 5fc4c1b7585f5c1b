/** `nndsl graph`: the forward and the backward graph as a picture. */
import { extname } from "node:path";
import { Option, type Command } from "commander";
import type { Diagram, Numbers, What } from "../../compiler/diagram/index.ts";
import { saidOf } from "../../compiler/graph/labels.ts";
import { ownedBy, type Model } from "../../compiler/graph/model.ts";
import { ModelError, UsageError } from "../failures.ts";
import { expectWritable, writeFiles } from "../write-files.ts";
import {
  addModelOptions,
  addTableOptions,
  sourceOptions,
  tableOptions,
  takeFile,
  type SharedOptions,
  type TableArguments,
} from "../options.ts";
import type { Output } from "../output.ts";
import { analyzeProgram, openProgram } from "../program.ts";
import { dataFolders } from "../data/folders.ts";
import { dataHelp } from "../data/help.ts";
import { countOf, writtenShape } from "../../compiler/ir/size.ts";

interface GraphArguments extends SharedOptions, TableArguments {
  readonly output: string;
  readonly what?: What;
  readonly fold?: boolean;
  readonly data?: readonly string[];
  readonly weights?: string;
}

const formats = [".svg", ".dot", ".mmd"] as const;
type Format = (typeof formats)[number];

/** Rows that are computed where `--batch` does not say. */
const usualRows = 4;

export function addGraph(program: Command, output: Output): Command {
  return addTableOptions(addModelOptions(program.command("graph")))
    .description("draw the forward and backward graphs")
    .argument("[file]", "a program, FILE.nn")
    .usage("<file> -o <file> [options]")
    .requiredOption("-o, --output <file>", "output file: .svg, .dot (Graphviz) or .mmd (Mermaid)")
    .addOption(
      new Option(
        "--what <pass>",
        "forward: values, with cotangents on the same edges; backward: the derived graph; joint: both",
      ).choices(["forward", "backward", "joint"]),
    )
    .option("--fold", "draw each layer as one box")
    .option("--no-fold", "draw all operations (default: fold layers if the picture would be large)")
    .option("--data <what...>", "rows to compute, as for train: puts values and gradients on the edges")
    .option("--weights <file>", "trained weights, W.safetensors (default: initial weights, by --seed)")
    .addHelpText(
      "after",
      `
Examples:
  nndsl graph graph.nn -o graph.svg                              values and gradients: it has no inputs
  nndsl graph xor.nn --data x=xor.csv:a,b y=xor.csv:xor -o xor.svg --no-fold
  nndsl graph mnist.nn -o mnist.svg --what joint
${dataHelp}

Without --what: the forward graph if numbers are shown, else both. The first ${usualRows} rows of the data are computed, or --batch rows.`,
    )
    .action((file: string | undefined, options: GraphArguments) => graphCommand(file, options, output));
}

async function graphCommand(
  typed: string | undefined,
  options: GraphArguments,
  output: Output,
): Promise<void> {
  const format = formatOf(options.output);
  const { file, data } = takeFile(typed, options.data);
  expectWritable(options.output);
  const program = await openProgram(file);
  output.aside(`drawing ${file}`);
  const { formulas } = await analyzeProgram(program, sourceOptions(options), output);

  const { DiagramError, diagramDot, diagramMermaid, diagramSvg, drawDiagram } =
    await import("../../compiler/diagram/index.ts");
  const hasNumbers = data.length > 0 || formulas.inputs.length === 0;
  const hasLoss = formulas.roots.trainingLoss !== null;
  const what = options.what ?? (hasNumbers || !hasLoss ? "forward" : "joint");
  let diagram: Diagram;
  try {
    diagram = drawDiagram(formulas, { what, ...(options.fold === undefined ? {} : { fold: options.fold }) });
  } catch (error) {
    throw error instanceof DiagramError ? new ModelError(error.code, error.message, file, error.help) : error;
  }
  const numbers = hasNumbers ? await computed(diagram, formulas, data, file, options) : null;
  const draw: Record<Format, (diagram: Diagram, numbers: Numbers | null) => string> = {
    ".svg": diagramSvg,
    ".dot": diagramDot,
    ".mmd": diagramMermaid,
  };
  await writeFiles([{ path: options.output, bytes: draw[format](diagram, numbers) }]);
  if (output.json) {
    const { boxes, arrows } = diagram;
    const result = { file: options.output, what, boxes: boxes.length, arrows: arrows.length };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
  } else output.say(`${options.output}: the ${what} graph of ${diagram.title}`);
}

function formatOf(path: string): Format {
  const format = formats.find((f) => f === extname(path).toLowerCase());
  if (format !== undefined) return format;
  throw new UsageError("bad-option", `${path} does not end in ${formats.join(", ")}`, {
    help: "name the file graph.svg, graph.dot or graph.mmd",
  });
}

async function computed(
  diagram: Diagram,
  model: Model,
  spec: readonly string[],
  file: string,
  options: GraphArguments,
): Promise<Numbers> {
  const { computeNumbers } = await import("../../compiler/diagram/index.ts");
  const { loadData } = await import("../data/load-data.ts");
  const wanted = {
    model: model.name,
    dtype: "f64",
    inputs: model.inputs.map(({ name, role, type, shape, labels }) => ({
      name,
      role,
      dtype: type,
      shape: writtenShape(shape, model.freeName ?? "N"),
      ...saidOf(labels, "f64"),
    })),
  } as const;
  const data = await loadData(spec, wanted, {
    option: "--data",
    targets: diagram.hasLoss,
    ...tableOptions(options),
    folders: dataFolders(file),
  });
  const rows = Math.min(data.rows, options.batch ?? usualRows);
  const inputs = new Map(
    wanted.inputs.flatMap(({ name, shape }) => {
      const tensor = data.inputs[name];
      if (tensor === undefined) return [];
      // The batch stands first, or not at all.
      const isFree = typeof shape[0] === "string";
      const kept = isFree ? [(tensor.shape[0]! / data.rows) * rows, ...tensor.shape.slice(1)] : tensor.shape;
      const count = kept.reduce((a, b) => a * b, 1);
      return [[name, { shape: kept, data: Float64Array.from(tensor.data.subarray(0, count)) }] as const];
    }),
  );
  const weights = options.weights === undefined ? null : await readWeights(options.weights, model);
  return computeNumbers(diagram, model, {
    rows,
    inputs,
    seed: options.seed,
    ...(weights === null ? {} : { weights }),
  });
}

/** @throws ModelError where the file is not one of this model's */
async function readWeights(path: string, model: Model): Promise<ReadonlyMap<string, Float64Array>> {
  const { readSafetensors } = await import("../../runtime/safetensors.ts");
  const { blame, readWeights: read } = await import("../net.ts");
  const numbers = ownedBy(model).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * countOf(size), 1),
    0,
  );
  const bytes = await read(path, numbers);
  try {
    const { tensors } = readSafetensors(bytes);
    return new Map(
      ownedBy(model).map(({ path: name, shape }) => {
        const count = shape.reduce((product, size) => product * countOf(size), 1);
        const data = tensors.get(name)?.data;
        if (data?.length !== count) {
          throw new ModelError(
            "bad-weights",
            `it has no \`${name}\` of ${count} numbers`,
            path,
            "give weights of this model",
          );
        }
        return [name, Float64Array.from(data)];
      }),
    );
  } catch (error) {
    throw blame(error, path);
  }
}
