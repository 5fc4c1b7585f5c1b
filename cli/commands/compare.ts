/** `nndsl compare`: the module's loss and gradients beside those of other autograds, on the same weights and data. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Analysis } from "../../compiler/index.ts";
import { judge, type Verdict } from "../../compiler/compare/judge.ts";
import { askDifferences, SAMPLE } from "../../compiler/compare/numeric.ts";
import { Lacking, randomData, type Answer, type Question } from "../../compiler/compare/question.ts";
import { askTape } from "../../compiler/compare/run-tape.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { version } from "../../compiler/version.ts";
import type { Net, Tensor } from "../../runtime/index.ts";
import { exitCodes, ModelError } from "../failures.ts";
import { addModelOptions, finite, sourceOptions, takeFile, type SharedOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { compileProgram, openProgram } from "../program.ts";
import { figure } from "../terminal/numbers.ts";
import { table } from "../terminal/table.ts";
import { dataFolders, dataHelp } from "./train.ts";

const autograds = ["tape", "numeric", "tfjs", "torch"] as const;
type Autograd = (typeof autograds)[number];

interface CompareArguments extends SharedOptions {
  readonly against: readonly Autograd[];
  readonly data?: readonly string[];
  readonly dtype: "f32" | "f64";
  readonly simd: "strict" | "relaxed";
  readonly tolerance?: number;
}

/** Rows of random data. */
const ROWS = 16;

/** The most that an error may be; TensorFlow.js has f32 alone, and differences of values lose half of the digits. */
const tolerances: Record<"f32" | "f64", Record<Autograd, number>> = {
  f32: { tape: 1e-4, numeric: 1e-4, tfjs: 1e-4, torch: 1e-4 },
  f64: { tape: 1e-9, numeric: 1e-6, tfjs: 1e-4, torch: 1e-9 },
};

export function addCompare(program: Command, output: Output): Command {
  return addModelOptions(program.command("compare"))
    .description("hold the module's loss and gradients against other autograds")
    .usage("<file> [--against <list>] [options]")
    .argument("[file]", "a program, FILE.nn")
    .addOption(
      new Option("--against <list>", `some of ${autograds.join(",")}`)
        .argParser(readAutograds)
        .default(["tape", "numeric"], "tape,numeric"),
    )
    .option("--data <what...>", "data as for train; random without it")
    .addOption(
      new Option(
        "--tolerance <error>",
        "the most that an error may be (default: 1e-4; with --dtype f64, 1e-9)",
      ).argParser(tolerance),
    )
    .addOption(new Option("--simd <mode>", "as in compile").choices(["strict", "relaxed"]).default("strict"))
    .addOption(new Option("--dtype <type>", "as in compile").choices(["f32", "f64"]).default("f32"))
    .addHelpText(
      "after",
      `
  tape     nndsl's own eager autograd in f64, which shares no derivative rule with the compiler
  numeric  central differences of the loss in f64
  tfjs     TensorFlow.js in f32, where @tensorflow/tfjs is installed
  torch    PyTorch in f64, in a Python on the path or the one that NNDSL_PYTHON names

An error is max |a - b| / (max |b| + 1e-8) over a tensor. Exit code 1 where one passes the tolerance.

Examples:
  nndsl compare xor.nn
  nndsl compare mnist.nn --against tape,torch --data mnist:train --batch 32
  nndsl compare xor.nn --dtype f64 --against tape,numeric,tfjs,torch --json
${dataHelp}`,
    )
    .action((file: string | undefined, options: CompareArguments) => compareCommand(file, options, output));
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

interface Asked {
  readonly name: Autograd;
  readonly version: string;
  readonly verdict: Verdict;
  readonly tolerance: number;
  readonly theirs: Answer;
}

interface Missing {
  readonly name: Autograd;
  readonly lacks: string;
}

async function compareCommand(
  typed: string | undefined,
  options: CompareArguments,
  output: Output,
): Promise<void> {
  const { file, data: dataSpec } = takeFile(typed, options.data);
  const program = await openProgram(file);
  output.say(output.messageColors.dim(`compiling ${file}`));
  const { dtype, simd, seed } = options;
  const source = sourceOptions(options);
  const { wasm, manifest } = await compileProgram(program, { ...source, dtype, simd }, output);
  if (!manifest.loss) {
    throw new ModelError(
      "no-loss",
      `${manifest.model} has no loss, so there are no gradients to compare`,
      file,
      "add a line such as `loss mse(p, y)`",
    );
  }
  const { analyse } = await import("../../compiler/index.ts");
  const analysis = await analyse(program.text, { ...program.options, ...source });
  const { blame, loadNet } = await import("../net.ts");
  const net = await loadNet(wasm, seed, file);

  const given = dataSpec.length === 0 ? null : await readData(net, dataSpec, options.batch, file);
  const rows = given?.rows ?? (manifest.free === null ? 1 : (options.batch ?? ROWS));
  const { question, ours } = (() => {
    try {
      return pose(net, analysis, rows, seed, given?.inputs ?? null);
    } catch (error) {
      throw blame(error, file);
    }
  })();

  const asked: Asked[] = [];
  const missing: Missing[] = [];
  for (const name of options.against) {
    try {
      const { answer, version: theirs } = await ask(name, question, analysis, file);
      const allowed = options.tolerance ?? tolerances[dtype][name];
      asked.push({ name, version: theirs, verdict: judge(ours, answer), tolerance: allowed, theirs: answer });
    } catch (error) {
      if (!(error instanceof Lacking)) throw error;
      missing.push({ name, lacks: error.message });
    }
  }
  // A comparison with nobody shows nothing.
  const ok = asked.length > 0 && asked.every(({ verdict, tolerance: most }) => verdict.max <= most);
  if (!ok) process.exitCode = exitCodes.wrong;

  if (output.json) {
    const paths = (verdict: Verdict): Record<string, number> =>
      Object.fromEntries(
        [...verdict.gradients].map(([i, { error }]) => [analysis.elaborated.parameters[i]!.path, error]),
      );
    const result = {
      model: manifest.model,
      dtype,
      batch: rows,
      seed,
      loss: ours.loss,
      against: Object.fromEntries(
        asked.map(({ name, version: theirs, verdict, tolerance: most }) => [
          name,
          {
            version: theirs,
            loss: verdict.loss,
            gradients: paths(verdict),
            max: verdict.max,
            tolerance: most,
          },
        ]),
      ),
      missing: Object.fromEntries(missing.map(({ name, lacks }) => [name, lacks])),
      tolerance: options.tolerance ?? tolerances[dtype].tape,
      ok,
    };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  output.write(
    report(analysis, question, ours, asked, missing, output, {
      head: `${manifest.model}, ${dtype}, ${rows} ${rows === 1 ? "row" : "rows"} of ${given === null ? "random data" : "data"}, seed ${seed}`,
      ok,
    }),
  );
}

/** The first rows of the data. */
async function readData(
  net: Net,
  spec: readonly string[],
  batch: number | undefined,
  file: string,
): Promise<{ readonly rows: number; readonly inputs: Readonly<Record<string, Tensor | Values>> }> {
  const { loadData } = await import("../data/load-data.ts");
  const { slice } = await import("../net.ts");
  const data = await loadData(spec, net.manifest, {
    option: "--data",
    targets: true,
    folders: dataFolders(file),
  });
  const rows = Math.min(data.rows, batch ?? ROWS);
  return {
    rows,
    inputs: Object.fromEntries(Object.entries(slice(net, data, 0, rows)).map(([n, t]) => [n, f64(t)])),
  };
}

const f64 = ({
  data,
  shape,
}: {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}): Values => ({
  shape,
  data: Float64Array.from(data),
});

/** What all are asked, and the module's own answer. Data that give no finite loss are drawn again between 0.1 and 0.9. */
function pose(
  net: Net,
  { elaborated }: Analysis,
  rows: number,
  seed: number,
  given: Readonly<Record<string, Values | Tensor>> | null,
): { readonly question: Question; readonly ours: Answer } {
  const parameters = new Map(elaborated.parameters.map(({ path }, i) => [i, f64(net.get(path))]));
  const wanted = elaborated.parameters.flatMap(({ frozen }, i) => (frozen ? [] : [i]));
  const attempt = (inputs: ReadonlyMap<string, Values>): { question: Question; ours: Answer } => {
    const environment = {
      n: rows,
      inputs,
      parameters,
      states: new Map(),
      hyper: new Map(),
      step: net.steps,
      seed,
    };
    const { loss, gradients } = net.gradients(Object.fromEntries(inputs));
    return {
      question: { model: elaborated, environment, wanted },
      ours: {
        loss,
        gradients: new Map(
          wanted.map((i) => [i, { data: gradients[elaborated.parameters[i]!.path]!.data.slice() }]),
        ),
      },
    };
  };
  if (given !== null) return attempt(new Map(Object.entries(given).map(([name, t]) => [name, f64(t)])));
  const first = attempt(randomData(elaborated, rows, seed, "normal"));
  return Number.isFinite(first.ours.loss) ? first : attempt(randomData(elaborated, rows, seed, "bounded"));
}

async function ask(
  name: Autograd,
  question: Question,
  { joint }: Analysis,
  file: string,
): Promise<{ readonly answer: Answer; readonly version: string }> {
  switch (name) {
    case "tape":
      return { answer: askTape(question), version };
    case "numeric":
      return { answer: askDifferences(question, joint), version };
    case "tfjs":
      return (await import("../compare/tfjs.ts")).askTensorFlow(question, file);
    case "torch":
      return (await import("../compare/torch.ts")).askTorch(question);
    default:
      return name satisfies never;
  }
}

function report(
  { elaborated }: Analysis,
  { environment, wanted }: Question,
  ours: Answer,
  asked: readonly Asked[],
  missing: readonly Missing[],
  output: Output,
  { head, ok }: { readonly head: string; readonly ok: boolean },
): string {
  const { green, red, dim } = output.colors;
  const error = (value: number): string => (value === 0 ? "0" : value.toExponential(1));
  const rows = [
    ["loss", ...asked.map(({ verdict }) => error(verdict.loss))],
    ...wanted.map((i) => [
      elaborated.parameters[i]!.path,
      ...asked.map(({ verdict }) => error(verdict.gradients.get(i)!.error)),
    ]),
    ["largest", ...asked.map(({ verdict }) => error(verdict.max))],
  ];
  const lines = asked.map(({ name, version: theirs, verdict, tolerance: most, theirs: answer }) => {
    const isClose = verdict.max <= most;
    const where = worstPlace(verdict);
    const place = where === null ? "the loss" : entry(where, answer, ours);
    const mark = isClose ? green("agrees") : red("differs");
    const notes = [...answer.gradients.values()];
    const sampled = notes.some((g) => g.sampled !== undefined)
      ? dim(`; ${SAMPLE} entries of each larger parameter`)
      : "";
    const kinks = notes.reduce((sum, g) => sum + (g.kinks?.length ?? 0), 0);
    const left = kinks === 0 ? "" : dim(`; ${kinks} entries at a kink left out`);
    return `${name} ${theirs} ${mark} within ${most}: largest error ${error(verdict.max)}${verdict.max === 0 ? "" : ` at ${place}`}${sampled}${left}`;
  });
  function worstPlace(verdict: Verdict): number | null {
    const worst = [...verdict.gradients].reduce<readonly [number, number] | null>(
      (best, [i, d]) => (d.error > (best?.[1] ?? verdict.loss) ? [i, d.error] : best),
      null,
    );
    return worst === null ? null : worst[0];
  }
  function entry(i: number, answer: Answer, own: Answer): string {
    const { at } = asked.find(({ theirs }) => theirs === answer)!.verdict.gradients.get(i)!;
    const { path } = elaborated.parameters[i]!;
    const { shape } = environment.parameters.get(i)!;
    const { data, sampled } = answer.gradients.get(i)!;
    const theirs = data[sampled === undefined ? at : sampled.indexOf(at)]!;
    const index = shape.length === 0 ? "" : `[${indexOf(at, shape).join(", ")}]`;
    return `${path}${index} (${figure(own.gradients.get(i)!.data[at]!)} here, ${figure(theirs)} there)`;
  }
  return [
    head,
    `loss ${figure(ours.loss)}`,
    "",
    ...(asked.length === 0
      ? []
      : [table(["", ...asked.map(({ name }) => name)], rows, output.colors, Infinity), ""]),
    ...lines,
    ...missing.map(({ name, lacks }) => `${name} did not run: it lacks ${lacks}`),
    ...(asked.length === 0 ? [red("nothing was compared")] : ok ? [] : [red("the gradients differ")]),
    "",
  ].join("\n");
}

/** A row-major position as an index for each axis. */
function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of shape.toReversed()) {
    index.unshift(position % size);
    position = Math.floor(position / size);
  }
  return index;
}
