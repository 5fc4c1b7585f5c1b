/** Compiles in memory, trains, tells how it goes, keeps the weights. */
import { exitCodes } from "../failures.ts";
import { blame } from "../net.ts";
import { renderComplaint, type Output } from "../output.ts";
import { diagnosticsJson, renderDiagnostics } from "../program.ts";
import type { Interrupt } from "../terminal/interrupt.ts";
import { Trace } from "../terminal/trace.ts";
import type { TrainArguments } from "./arguments.ts";
import { trainNet, type Trained } from "./fit.ts";
import { HistoryFile } from "./history.ts";
import { Keeper } from "./keeper.ts";
import { measureRun } from "./measure.ts";
import { together, type Ending, type Observer, type RunResult } from "./observe.ts";
import type { Wrong } from "./wrong.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { ProgressLine } from "./progress-line.ts";
import { Rewind } from "./rewind.ts";
import { introduction, resultJson, resultText, stopping } from "./show.ts";

export async function trainCommand(
  typed: string | undefined,
  options: TrainArguments,
  seedTyped: boolean,
  interrupt: Interrupt,
  output: Output,
  watching: readonly Observer[] = [],
): Promise<void> {
  const prepared = await prepare(typed, options, seedTyped, output);
  const { file, net } = prepared;
  output.say(introduction(prepared));

  const keeper = new Keeper(prepared);
  const rewind = new Rewind(prepared);
  const progress = new ProgressLine(prepared, output);
  const losses = new Trace();
  const observers: readonly Observer[] = [
    // First, so that it knows the place whatever another one throws.
    keeper,
    // Before the checkpoint, so that what goes on from one finds its history.
    ...(options.history === undefined ? [] : [new HistoryFile(options.history)]),
    { epoch: (report) => keeper.saveCheckpoint(report) },
    rewind,
    progress,
    { step: ({ loss }) => losses.add(loss) },
    ...watching,
  ];
  let trained: Trained;
  try {
    trained = await trainNet(prepared, observers, interrupt);
  } finally {
    progress.clear();
  }

  if (trained.report !== null) keeper.finish(trained.report);

  // The weights are safe before anything else can go wrong.
  const { steps } = trained;
  const to = options.output;
  const keeps = to !== undefined && trained.ending !== "diverged" && (steps > 0 || trained.ending === "done");
  if (keeps) await keeper.save(to);
  if (trained.failure !== null) {
    if (keeps) output.say(stopping("an error", steps, keeper.unfinished, { to, keeps }));
    net.dispose();
    throw blame(trained.failure.error, file);
  }
  const signal = interrupt.received();
  const ending: Ending = signal !== null && trained.ending === "done" ? "interrupted" : trained.ending;
  // After one signal the rest of the run is short: what comes with it is the same, a later one insists.
  if (signal === null) interrupt.release();
  if (ending === "interrupted" || ending === "stopped") {
    process.exitCode = ending === "stopped" ? exitCodes.done : (signal?.code ?? exitCodes.interrupted);
    const by = trained.stoppedBy ?? signal?.by ?? "a signal";
    output.say(stopping(by, steps, keeper.unfinished, { to, keeps }));
  }
  const wrong =
    ending === "diverged" ? await tellDivergence(prepared, trained, rewind, keeper.checkpoint, output) : null;

  try {
    const measured =
      ending === "done" || ending === "stopped"
        ? measureRun(prepared, trained, output)
        : { trained: null, validated: null, tested: null };
    const { best, stopped } = trained.report ?? {};
    const result: RunResult = {
      ending,
      epochs: trained.history.length,
      steps,
      seconds: trained.seconds,
      history: trained.history,
      best: best === undefined ? null : { epoch: best.epoch, loss: best.loss },
      isOutOfPatience: stopped === "patience",
      ...measured,
      wrong,
      weights: keeps ? to : null,
    };
    await together(observers).ended(result);
    if (output.json) output.write(resultJson(prepared, result));
    else if (ending === "done" || ending === "stopped")
      output.write(resultText(prepared, result, losses.values(), output));
  } catch (error) {
    throw blame(error, file);
  } finally {
    interrupt.release();
    net.dispose();
  }
}

/** Finds out which tensor it was, and says it on stderr. */
async function tellDivergence(
  prepared: Prepared,
  { step, steps }: Trained,
  rewind: Rewind,
  checkpoint: number | null,
  output: Output,
): Promise<Wrong | null> {
  process.exitCode = exitCodes.wrong;
  if (step === null) return null;
  const { file, program, options } = prepared;
  const { joint } = prepared.compiled.analysis;
  // Asked for only here: most runs need neither.
  const { findCulprit } = await import("./culprit.ts");
  const { diagnosticOf, divergenceOf } = await import("./divergence.ts");
  const found = await findCulprit(prepared, rewind, step.step);
  const left = checkpoint === null ? "it was" : `epoch ${checkpoint} left it`;
  const kept = options.output === undefined ? [] : [`${options.output} is as ${left}`];
  const diagnostic = diagnosticOf(step, found, joint, { steps, kept });
  const { code, severity, message, notes, labels, help } = diagnostic;
  output.say(
    labels.length > 0
      ? await renderDiagnostics(program, [diagnostic], output.messageColors.isColorSupported)
      : renderComplaint(
          { code, severity, message, notes, ...(help && { help }) },
          file,
          output.messageColors,
        ),
  );
  return {
    diverged: divergenceOf(step, found, joint),
    diagnostics: await diagnosticsJson(program, [diagnostic]),
  };
}
