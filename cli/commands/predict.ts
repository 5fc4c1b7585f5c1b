/** `nndsl predict`: runs a trained model on data. */
import type { Command } from "commander";
import type { Net, Tensor } from "../../runtime/index.ts";
import { UsageError } from "../failures.ts";
import type { Kept } from "../net.ts";
import { expectWritable, writeFiles } from "../write-files.ts";
import {
  addModelOptions,
  addTableOptions,
  dtypeOption,
  simdOption,
  sourceOptions,
  tableOptions,
  takeFile,
  threadsOption,
  type SharedOptions,
  type TableArguments,
} from "../options.ts";
import type { Output } from "../output.ts";
import { compileProgram, openProgram } from "../program.ts";
import { counted } from "../terminal/numbers.ts";
import { dataFolders } from "../data/folders.ts";
import { dataHelp } from "../data/help.ts";

interface PredictArguments extends SharedOptions, TableArguments {
  readonly data?: readonly string[];
  readonly weights?: string;
  readonly average?: true;
  readonly output?: string;
  readonly dtype: "f32" | "f64";
  readonly simd: "strict" | "relaxed";
  readonly threads: number;
}

const formats = ["csv", "npy", "npz", "safetensors"] as const;
type Format = (typeof formats)[number];

export function addPredict(program: Command, output: Output): Command {
  return addTableOptions(addModelOptions(program.command("predict")))
    .description("run a trained model on data")
    .usage("<file> --weights <file> --data <what...> [options]")
    .argument("[file]", "a program, FILE.nn")
    .option("--data <what...>", "data to run on, as for train; targets are not needed")
    .option("--weights <file>", "trained weights, W.safetensors")
    .option("--average", "the averages of the weights that an optimizer with `ema` has kept")
    .option(
      "-o, --output <file>",
      "file for the outputs: .csv, .npy (one output), .npz or .safetensors (default: CSV on stdout)",
    )
    .addOption(simdOption())
    .addOption(dtypeOption())
    .addOption(threadsOption())
    .addHelpText(
      "after",
      `
Examples:
  nndsl predict mnist.nn --weights mnist.safetensors --data mnist:test -o probs.npy
  nndsl predict iris.nn --weights iris.safetensors --data x=new.csv -o species.csv
  nndsl predict xor.nn --weights xor.safetensors --data x=points.csv | head
${dataHelp}

In a .csv an output p with three numbers per row becomes columns p.0, p.1, p.2.`,
    )
    .action((file: string | undefined, options: PredictArguments) => predictCommand(file, options, output));
}

async function predictCommand(
  typed: string | undefined,
  options: PredictArguments,
  output: Output,
): Promise<void> {
  const { file, data: dataSpec } = takeFile(typed, options.data);
  const format = options.output === undefined ? "csv" : outputFormat(options.output);
  if (options.output !== undefined) expectWritable(options.output);
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const { dtype, simd } = options;
  const { wasm, manifest } = await compileProgram(
    program,
    { ...sourceOptions(options), dtype, simd },
    output,
  );
  if (manifest.outputs.length === 0) {
    throw new UsageError("no-output", `${manifest.model} has no output`, {
      file,
      help: "add a line such as `output p = …`",
    });
  }
  if (format === "npy" && manifest.outputs.length > 1) {
    const names = manifest.outputs.map(({ name }) => `\`${name}\``).join(", ");
    throw new UsageError(
      "bad-option",
      `a .npy file contains one array, but ${manifest.model} has the outputs ${names}`,
      {
        help: "write a .npz",
      },
    );
  }

  const { blame, loadNet, threadNotes } = await import("../net.ts");
  const { predict } = await import("../parts.ts");
  const { loadData } = await import("../data/load-data.ts");
  const net = await loadNet(wasm, options.seed, file, options.threads);
  const known = await startingWeights(net, options);
  const data = await loadData(dataSpec, manifest, {
    option: "--data",
    targets: false,
    known,
    ...tableOptions(options),
    folders: dataFolders(file),
  });
  for (const note of [...data.notes, ...threadNotes(net)]) output.say(`note: ${note}`);

  let outputs: Record<string, Tensor>;
  try {
    outputs = predict(net, data, {
      ...(options.batch === undefined ? {} : { rows: options.batch }),
      announce: (note) => output.say(`note: ${note}`),
    });
  } catch (error) {
    throw blame(error, file);
  } finally {
    net.dispose();
  }
  const content = await encode(outputs, format);
  if (options.output !== undefined) await writeFiles([{ path: options.output, bytes: content }]);

  if (output.json) {
    const result = {
      rows: data.rows,
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, { shape, data: values }]) => [
          name,
          // The numbers themselves where no file takes them.
          { shape, ...(options.output === undefined ? { data: [...values] } : {}) },
        ]),
      ),
      ...(options.output === undefined ? {} : { file: options.output }),
    };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
  } else if (options.output === undefined) output.write(String(content));
  else output.say(`${counted(data.rows, "row")} in ${options.output}`);
}

function outputFormat(path: string): Format {
  const extension = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase();
  const format = formats.find((known) => known === extension);
  if (format !== undefined) return format;
  throw new UsageError("bad-option", `${path} has no known file extension`, {
    help: `give it a name that ends in ${formats.map((known) => `.${known}`).join(", ")}`,
  });
}

/**
 * Those of the file; without one, the values that the program gives, where it draws none at random.
 */
async function startingWeights(net: Net, { weights, average }: PredictArguments): Promise<Kept> {
  if (weights !== undefined) return (await import("../net.ts")).restoreWeights(net, weights, average);
  if (average) {
    throw new UsageError("bad-usage", "--weights is missing", {
      help: "--average takes averages from a file that `nndsl train` has written",
    });
  }
  const drawn = net.manifest.parameters.find(({ init }) => !init.startsWith("="));
  if (drawn === undefined) return { categories: {}, columns: {}, epochs: 0, run: null };
  throw new UsageError("bad-usage", "--weights is missing", {
    help: `\`${drawn.path}\` starts at random: train the model with \`nndsl train\` before predicting`,
  });
}

async function encode(
  outputs: Readonly<Record<string, Tensor>>,
  format: Format,
): Promise<Uint8Array | string> {
  switch (format) {
    case "csv":
      return toCsv(outputs);
    case "npy": {
      const { writeNpy } = await import("../data/npy.ts");
      const [only] = Object.values(outputs);
      return writeNpy(only!.data, only!.shape);
    }
    case "npz": {
      const { writeNpz } = await import("../data/npz.ts");
      return writeNpz(outputs);
    }
    case "safetensors": {
      const { writeSafetensors } = await import("../../runtime/safetensors.ts");
      return writeSafetensors(Object.entries(outputs));
    }
    default:
      return format satisfies never;
  }
}

/** One line a row; all outputs must have as many rows. */
async function toCsv(outputs: Readonly<Record<string, Tensor>>): Promise<string> {
  const { columnNames, shortest, writeCsv } = await import("../data/write-csv.ts");
  const columns = Object.entries(outputs).map(([name, { data, shape }]) => {
    const rows = shape[0] ?? 1;
    return { name, data, rows, perRow: rows === 0 ? 0 : data.length / rows, rest: shape.slice(1) };
  });
  const rows = columns[0]?.rows ?? 0;
  const odd = columns.find((column) => column.rows !== rows);
  if (odd !== undefined) {
    throw new UsageError(
      "bad-option",
      `a .csv has one row for all outputs, and \`${columns[0]!.name}\` has ${rows} rows where \`${odd.name}\` has ${odd.rows}`,
      { help: "write a .npz" },
    );
  }
  return writeCsv(
    columns.flatMap(({ name, rest }) => columnNames(name, rest)),
    (function* () {
      for (let row = 0; row < rows; row++) {
        yield columns.flatMap(({ data, perRow }) =>
          Array.from(data.subarray(row * perRow, (row + 1) * perRow), (value) =>
            shortest(value, data instanceof Float64Array ? "f64" : "f32"),
          ),
        );
      }
    })(),
  );
}
