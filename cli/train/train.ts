/** Compiles in memory, trains, tells how it goes, keeps the weights. */
import { exitCodes } from "../failures.ts";
import { blame } from "../net.ts";
import { renderComplaint, type Output } from "../output.ts";
import type { Interrupt } from "../terminal/interrupt.ts";
import { Trace } from "../terminal/trace.ts";
import type { TrainArguments } from "./arguments.ts";
import { trainNet, type Trained } from "./fit.ts";
import { HistoryFile } from "./history.ts";
import { Keeper } from "./keeper.ts";
import { measureRun } from "./measure.ts";
import { together, type Ending, type Observer, type RunResult } from "./observe.ts";
import { prepare } from "./prepare.ts";
import { ProgressLine } from "./progress-line.ts";
import { divergence, introduction, resultJson, resultText, stopping } from "./show.ts";

export async function trainCommand(
  typed: string | undefined,
  options: TrainArguments,
  seedTyped: boolean,
  interrupt: Interrupt,
  output: Output,
): Promise<void> {
  const prepared = await prepare(typed, options, seedTyped, output);
  const { file, net } = prepared;
  output.say(introduction(prepared));

  const keeper = new Keeper(prepared);
  const progress = new ProgressLine(prepared, output);
  const losses = new Trace();
  const observers: readonly Observer[] = [
    // Before the checkpoint, so that what goes on from one finds its history.
    ...(options.history === undefined ? [] : [new HistoryFile(options.history)]),
    keeper,
    progress,
    { step: ({ loss }) => losses.add(loss) },
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
  const signal = interrupt.received();
  const ending: Ending = signal !== null && trained.ending === "done" ? "interrupted" : trained.ending;
  interrupt.release();
  if (ending === "interrupted" || ending === "stopped") {
    process.exitCode = ending === "stopped" ? exitCodes.done : (signal?.code ?? exitCodes.interrupted);
    const by = trained.stoppedBy ?? signal?.by ?? "a signal";
    output.say(stopping(by, steps, keeper.unfinished, { to, keeps }));
  }
  const diverged = ending === "diverged" ? trained.step : null;
  const complaint = diverged && divergence(diverged, steps, file, to, keeper.checkpoint);
  if (complaint !== null) {
    process.exitCode = exitCodes.wrong;
    output.say(renderComplaint(complaint, file, output.messageColors));
  }

  try {
    const measured =
      ending === "done"
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
      weights: keeps ? to : null,
    };
    await together(observers).ended(result);
    if (output.json) output.write(resultJson(prepared, result, diverged && { diverged, complaint }));
    else if (ending === "done") output.write(resultText(prepared, result, losses.values(), output));
  } catch (error) {
    throw blame(error, file);
  } finally {
    net.dispose();
  }
}
