/** Compiles in memory, trains, tells how it goes, keeps the weights. */
import { NndslError, type StepReport } from "../../runtime/index.ts";
import { dataFolders } from "../data/folders.ts";
import { loadData, type Dataset } from "../data/load-data.ts";
import { exitCodes, UsageError } from "../failures.ts";
import {
  blame,
  checkWeights,
  loadNet,
  restoreWeights,
  threadNotes,
  weightBytes,
  type Kept,
  type Restored,
} from "../net.ts";
import { memoryOptions, sourceOptions, tableOptions, takeFile } from "../options.ts";
import { renderComplaint, type Output } from "../output.ts";
import { evaluate, type Evaluation } from "../parts.ts";
import { compileProgram, openProgram } from "../program.ts";
import { planRun, usualBatch } from "../run.ts";
import { curve } from "../terminal/curve.ts";
import type { Interrupt } from "../terminal/interrupt.ts";
import { counted, duration } from "../terminal/numbers.ts";
import { priceOf } from "../terminal/price.ts";
import { Progress } from "../terminal/progress.ts";
import { Trace } from "../terminal/trace.ts";
import { writeFiles } from "../write-files.ts";
import type { TrainArguments } from "./arguments.ts";
import { checkHyper, expectSeed, expectTrainable, expectWeightsFile } from "./expect.ts";
import { divergence, introduction, placeOf, showEvaluation } from "./show.ts";

export async function trainCommand(
  typed: string | undefined,
  options: TrainArguments,
  seedTyped: boolean,
  stop: Interrupt,
  output: Output,
): Promise<void> {
  const { file, data: dataSpec } = takeFile(typed, options.data);
  const to = options.output;
  if (to !== undefined) expectWeightsFile(to, file);
  else if (options.checkpoint !== undefined) {
    throw new UsageError("bad-usage", "--checkpoint has no file to write to", {
      help: "add -o W.safetensors",
    });
  }
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const { dtype, simd } = options;
  const { wasm, manifest, report } = await compileProgram(
    program,
    {
      ...sourceOptions(options),
      ...memoryOptions({ ...options, batch: options.batch ?? usualBatch }),
      dtype,
      simd,
    },
    output,
  );
  if (report.recomputed !== null) output.say(priceOf(report.recomputed));
  expectTrainable(manifest, file);
  const hyper = checkHyper(manifest, options);

  const net = await loadNet(wasm, options.seed, file, options.threads);
  let before: Restored = { categories: {}, columns: {}, epochs: 0, run: null, seed: null };
  if (options.resume !== undefined) {
    before = await restoreWeights(net, options.resume);
    if (seedTyped) expectSeed(before.seed, options.seed, options.resume);
  }
  Object.assign(net.hyper, hyper);

  if (dataSpec.length > 0) output.aside(`reading ${dataSpec.join(" ")}`);
  const folders = dataFolders(file);
  const data = await loadData(dataSpec, manifest, {
    option: "--data",
    targets: true,
    known: before,
    ...tableOptions(options),
    folders,
  });
  const { categories, columns } = data;
  const test =
    options.test === undefined
      ? null
      : await loadData(options.test, manifest, {
          option: "--test",
          targets: true,
          known: data,
          ...tableOptions(options),
          folders,
        });
  for (const note of new Set([...data.notes, ...(test?.notes ?? []), ...threadNotes(net)]))
    output.say(`note: ${note}`);

  const plan = planRun(
    before,
    {
      epochs: options.epochs,
      batch: options.batch,
      shuffle: options.shuffle ? undefined : false,
      restartEpoch: options.restartEpoch,
    },
    data.rows,
  );
  const { batch, shuffle, last } = plan.run;
  output.say(introduction(manifest, data, plan));
  const progress = new Progress(output, data.rows * plan.epochs - batch * (plan.firstBatch - 1));
  const losses = new Trace();
  const history: { readonly epoch: number; readonly loss: number; readonly seconds: number }[] = [];
  const stepsBefore = net.steps;
  const started = performance.now();

  // The place in the run, and what goes into the weights file there.
  const place = { epochs: before.epochs, batches: plan.firstBatch - 1, loss: plan.lossBefore };
  const latest: { step: StepReport | null; checkpoint: number | null } = { step: null, checkpoint: null };
  const save = async (path: string): Promise<void> => {
    const { epochs, batches, loss } = place;
    const run = batches > 0 || epochs < last ? { ...plan.run, batches, loss } : null;
    const kept: Kept = { categories, columns, epochs, run };
    const check = (written: Uint8Array): void => checkWeights(net, kept, written);
    await writeFiles([{ path, bytes: weightBytes(net, kept), check }]);
  };
  let ending: "done" | "interrupted" | "diverged" = "done";
  try {
    await net.fit(data.inputs, {
      epochs: plan.epochs,
      batch,
      shuffle,
      firstEpoch: plan.firstEpoch,
      firstBatch: plan.firstBatch,
      lossBefore: plan.lossBefore,
      signal: stop.signal,
      onStep: (made) => {
        latest.step = made;
        losses.add(made.loss);
        place.batches = made.batch;
        place.loss += made.loss * made.rows;
        progress.step({ ...made, epochs: last }, made.rows);
      },
      onEpoch: async ({ epoch, loss, seconds }) => {
        history.push({ epoch, loss, seconds });
        Object.assign(place, { epochs: epoch, batches: 0, loss: 0 });
        progress.epoch({ epoch, epochs: last, loss, seconds }, data.rows);
        if (to === undefined || options.checkpoint === undefined) return;
        if (epoch === last || epoch % options.checkpoint !== 0) return;
        await save(to);
        latest.checkpoint = epoch;
      },
    });
  } catch (error) {
    if (!(error instanceof NndslError)) throw error;
    if (error.code === "diverged") ending = "diverged";
    else if (error.code === "aborted") ending = "interrupted";
    else throw blame(error, file);
  } finally {
    progress.clear();
  }
  const seconds = (performance.now() - started) / 1000;
  const steps = net.steps - stepsBefore;

  // The weights are safe before anything else can go wrong.
  const keeps = to !== undefined && ending !== "diverged" && (steps > 0 || ending === "done");
  if (keeps) await save(to);
  const signal = stop.received();
  if (signal !== null && ending === "done") ending = "interrupted";
  stop.release();
  if (ending === "interrupted") {
    process.exitCode = signal?.code ?? exitCodes.interrupted;
    const kept = keeps
      ? `the weights so far are in ${to}${place.epochs < last ? "; --resume continues from there" : ""}`
      : steps === 0
        ? "nothing was trained"
        : "nothing saved: no -o was given";
    const where = place.epochs < last ? `in epoch ${place.epochs + 1}` : "after the last epoch";
    output.say(`stopped ${where} by ${signal?.by}, after ${counted(steps, "step")}; ${kept}`);
  }
  const diverged = ending === "diverged" ? latest.step : null;
  const complaint = diverged && divergence(diverged, steps, file, to, latest.checkpoint);
  if (complaint !== null) {
    process.exitCode = exitCodes.wrong;
    output.say(renderComplaint(complaint, file, output.messageColors));
  }

  const measure = (set: Dataset): Evaluation | null => {
    const measured = evaluate(net, set, { announce: (note) => output.say(`note: ${note}`) });
    // The weights are made and kept, so it is no failure of the command.
    if (measured?.missing) {
      output.say(renderComplaint(measured.missing.complaint("warning"), file, output.messageColors));
    }
    return measured?.evaluation ?? null;
  };
  let own: Evaluation | null = null;
  let tested: Evaluation | null = null;
  try {
    if (ending === "done") own = measure(data);
    if (ending === "done" && test !== null) tested = measure(test);
  } catch (error) {
    throw blame(error, file);
  } finally {
    net.dispose();
  }
  if (output.json) {
    const result = {
      model: manifest.model,
      epochs: history.length,
      steps,
      seconds,
      loss: own?.loss ?? history.at(-1)?.loss ?? null,
      metrics: own?.metrics ?? {},
      history,
      ...(tested === null ? {} : { test: tested }),
      ...(keeps ? { weights: to } : {}),
      ...(ending === "interrupted" ? { interrupted: true } : {}),
      ...(diverged === null ? {} : { diverged: placeOf(diverged), diagnostics: [complaint] }),
    };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  if (ending !== "done") return;
  const drawn = curve(losses.values(), {
    width: Math.min(output.columns - 12, 72),
    height: 8,
    unicode: output.unicode,
  });
  output.write(
    [
      ...drawn,
      `${counted(steps, "step")} in ${duration(seconds)}`,
      ...(own === null ? [] : [`train  ${showEvaluation(own)}`]),
      ...(tested === null ? [] : [`test   ${showEvaluation(tested)}`]),
      ...(to === undefined ? [] : [`weights in ${to}`]),
      "",
    ].join("\n"),
  );
}
