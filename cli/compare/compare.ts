/**
 * Compiles a program, asks it and others for loss and gradients on the same weights and data, and
 * says how far they are apart.
 */
import { judge } from "../../compiler/compare/judge.ts";
import { askDifferences } from "../../compiler/compare/numeric.ts";
import { Lacking, randomData, type Answer, type Question } from "../../compiler/compare/question.ts";
import { askTape } from "../../compiler/compare/run-tape.ts";
import type { Analysis } from "../../compiler/options.ts";
import { version } from "../../compiler/version.ts";
import { ownedBy, pathOf } from "../../compiler/graph/model.ts";
import type { Values } from "../../compiler/ops/op.ts";
import type { Net, Tensor } from "../../runtime/index.ts";
import { dataFolders } from "../data/folders.ts";
import { loadData } from "../data/load-data.ts";
import { exitCodes, ModelError } from "../failures.ts";
import { sourceOptions, tableOptions } from "../options.ts";
import { blame, loadNet } from "../net.ts";
import { firstRows } from "../parts.ts";
import type { Output } from "../output.ts";
import { compileProgram, type OpenedProgram } from "../program.ts";
import type { Autograd, CompareArguments } from "./arguments.ts";
import { comparisonJson, showComparison, type Asked, type Missing } from "./show.ts";

/** Rows of random data. */
const ROWS = 16;

/**
 * The most that an error may be; TensorFlow.js has f32 alone, and differences of values lose half
 * of the digits.
 */
const tolerances: Record<"f32" | "f64", Record<Autograd, number>> = {
  f32: { tape: 1e-4, numeric: 1e-4, tfjs: 1e-4, torch: 1e-4 },
  f64: { tape: 1e-9, numeric: 1e-6, tfjs: 1e-4, torch: 1e-9 },
};

/**
 * @throws ModelError where the program has no loss, DataError and UsageError where the data are
 * wrong, ProgramError where the program is
 */
export async function compareCommand(
  program: OpenedProgram,
  dataSpec: readonly string[],
  options: CompareArguments,
  output: Output,
): Promise<void> {
  const file = program.path;
  const { dtype, simd, seed } = options;
  const source = sourceOptions(options);
  const { wasm, manifest, analysis } = await compileProgram(program, { ...source, dtype, simd }, output);
  if (!manifest.loss) {
    throw new ModelError(
      "no-loss",
      `${manifest.model} has no loss, so there are no gradients to compare`,
      file,
      "add a line such as `loss mse(p, y)`",
    );
  }
  const net = await loadNet(wasm, seed, file);

  const given = dataSpec.length === 0 ? null : await readData(net, dataSpec, options, file);
  const rows = given?.rows ?? (manifest.free === null ? 1 : (options.batch ?? ROWS));
  let posed: Posed;
  try {
    posed = pose(net, analysis, rows, seed, given?.inputs ?? null);
  } catch (error) {
    throw blame(error, file);
  }
  const { question, ours } = posed;

  const asked: Asked[] = [];
  const missing: Missing[] = [];
  for (const name of options.against) {
    try {
      const { answer, version: theirs } = await ask(name, question, analysis, file);
      const usual = tolerances[dtype][name];
      const verdict = judge(ours, answer, usual);
      asked.push({
        name,
        version: theirs,
        verdict,
        tolerance: options.tolerance ?? usual,
        theirs: answer,
      });
    } catch (error) {
      if (!(error instanceof Lacking)) throw error;
      missing.push({ name, lacks: error.message });
    }
  }
  // A comparison with nobody shows nothing.
  const ok = asked.length > 0 && asked.every(({ verdict, tolerance: most }) => verdict.max <= most);
  if (!ok) process.exitCode = exitCodes.wrong;

  const comparison = { model: analysis.elaborated, ours, asked, missing, ok };
  if (output.json) {
    const about = { model: manifest.model, dtype, batch: rows, seed };
    const allowed = options.tolerance ?? tolerances[dtype].tape;
    output.write(`${JSON.stringify({ ...about, ...comparisonJson(comparison, allowed) }, null, 2)}\n`);
    return;
  }
  const data = `${rows} ${rows === 1 ? "row" : "rows"} of ${given === null ? "random data" : "data"}`;
  output.write(`${manifest.model}, ${dtype}, ${data}, seed ${seed}\n${showComparison(comparison, output)}`);
}

/** The first rows of the data. */
async function readData(
  net: Net,
  spec: readonly string[],
  options: CompareArguments,
  file: string,
): Promise<{ readonly rows: number; readonly inputs: Readonly<Record<string, Tensor | Values>> }> {
  const data = await loadData(spec, net.manifest, {
    option: "--data",
    targets: true,
    ...tableOptions(options),
    folders: dataFolders(file),
  });
  const { rows, inputs } = firstRows(net, data, options.batch ?? ROWS);
  return { rows, inputs: Object.fromEntries(Object.entries(inputs).map(([n, t]) => [n, f64(t)])) };
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

interface Posed {
  readonly question: Question;
  readonly ours: Answer;
}

/**
 * What all are asked, and the module's own answer. Data that give no finite loss are drawn again
 * between 0.1 and 0.9.
 */
function pose(
  net: Net,
  { elaborated }: Analysis,
  rows: number,
  seed: number,
  given: Readonly<Record<string, Values | Tensor>> | null,
): Posed {
  const parameters = new Map(ownedBy(elaborated).map(({ path }, i) => [i, f64(net.get(path))]));
  const wanted = ownedBy(elaborated).flatMap(({ kind }, i) => (kind === "parameter" ? [i] : []));
  const attempt = (inputs: ReadonlyMap<string, Values>): Posed => {
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
        gradients: new Map(wanted.map((i) => [i, { data: gradients[pathOf(elaborated, i)]!.data.slice() }])),
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
      return (await import("./tfjs.ts")).askTensorFlow(question, file);
    case "torch":
      return (await import("./torch.ts")).askTorch(question);
    default:
      return name satisfies never;
  }
}
