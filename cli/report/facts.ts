/** What the page of a run shows that is known before its first step. */
import { version } from "../../compiler/version.ts";
import { counted, count } from "../terminal/numbers.ts";
import type { TrainingRun } from "../train/observe.ts";
import type { Formulas, Missing, RunFacts } from "./run.ts";
import { graphColors } from "./style.ts";

/** More would be no picture, and no formulas that anybody reads. */
const MOST_BOXES = 250;
const MOST_LINES = 120;

/** @param command what a shell is given to make the run again */
export async function factsOf(run: TrainingRun, command: string): Promise<RunFacts> {
  const { file, options, compiled, plan, validation } = run;
  const { manifest, report } = compiled;
  return {
    model: manifest.model,
    file,
    version,
    command,
    resumed: options.resume ?? null,
    settings: settingsOf(run),
    parameters: report.parameters,
    ...(await written(run)),
    stored: report.stored,
    arena: { fixed: report.arena.fixed, perRow: report.arena.perRow, rows: plan.run.batch },
    metrics: manifest.metrics.map(({ name }) => name),
    epochs: plan.run.last,
    probed: options.probe !== undefined,
    validated: validation !== null,
  };
}

function settingsOf(run: TrainingRun): readonly (readonly [string, string])[] {
  const { options, compiled, net, plan, training, validation, test } = run;
  const { manifest } = compiled;
  const rows = [
    counted(training.rows, "row"),
    ...(validation === null ? [] : [`${count(validation.rows)} to validate`]),
    ...(test === null ? [] : [`${count(test.rows)} to test`]),
  ];
  return [
    ...Object.entries(manifest.settings).map(([name, value]) => [`setting ${name}`, value] as const),
    ["data", rows.join(", ")],
    ["seed", String(net.seed)],
    ["epochs", String(plan.run.epochs)],
    ["rows of a step", count(plan.run.batch)],
    ["order", plan.run.shuffle ? "shuffled each epoch" : "as in the data"],
    ["optimizer", manifest.optimizer?.name ?? "none"],
    ...Object.keys(manifest.optimizer?.hyper ?? {}).map((name) => [name, String(net.hyper[name])] as const),
    ["precision", manifest.dtype],
    ["SIMD", manifest.simd],
    ["threads", String(net.threads.count)],
    ...(options.memory === undefined ? [] : [["memory", `at most ${count(options.memory)} bytes`] as const]),
    ["program", `sha256 ${manifest.source.hash.slice(0, 16)}…`],
  ];
}

/** The program as it was compiled: its words, formulas and graph. The file may be another by now. */
async function written({
  file,
  compiled,
}: TrainingRun): Promise<Pick<RunFacts, "doc" | "formulas" | "graph">> {
  const { formulas: model } = compiled.analysis;
  return {
    doc: model.doc ?? null,
    formulas: await formulasOf(model, file),
    graph: await graphOf(model, file),
  };
}

type Model = TrainingRun["compiled"]["analysis"]["formulas"];

async function formulasOf(model: Model, file: string): Promise<Formulas | Missing> {
  const { derive, DerivationError } = await import("../../compiler/derive/index.ts");
  try {
    const { forward, backward } = derive(model);
    if (forward.length + backward.length > MOST_LINES) {
      return {
        missing: `They are ${count(forward.length + backward.length)} lines: nndsl derive ${file} prints them.`,
      };
    }
    return { forward: forward.map(({ latex }) => latex), backward: backward.map(({ latex }) => latex) };
  } catch (error) {
    if (error instanceof DerivationError) return { missing: `${error.message}.` };
    throw error;
  }
}

async function graphOf(model: Model, file: string): Promise<RunFacts["graph"]> {
  const { diagramSvg, drawDiagram, DiagramError } = await import("../../compiler/diagram/index.ts");
  try {
    const diagram = drawDiagram(model, { what: "joint" });
    if (diagram.boxes.length > MOST_BOXES) {
      return {
        missing: `Its ${count(diagram.boxes.length)} boxes are too many for a page: nndsl graph ${file} -o graph.svg draws them.`,
      };
    }
    return { svg: diagramSvg(diagram, null, { colors: graphColors, scope: ".graph" }) };
  } catch (error) {
    if (error instanceof DiagramError) return { missing: `${error.message}.` };
    throw error;
  }
}
