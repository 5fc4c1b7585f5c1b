/** The run itself: `fit`, with observers told of every step. */
import { NndslError, type FitReport, type PastEpoch, type StepReport } from "../../runtime/index.ts";
import { blame } from "../net.ts";
import type { Interrupt } from "../terminal/interrupt.ts";
import { isQuickToMeasure } from "../parts.ts";
import { readsMetrics } from "./arguments.ts";
import { together, type Ending, type Observer } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

export interface Trained {
  readonly ending: Ending;
  /** Who stopped it, where it was an observer. */
  readonly stoppedBy: string | null;
  readonly history: readonly PastEpoch[];
  readonly steps: number;
  readonly seconds: number;
  /** The last. */
  readonly step: StepReport | null;
  /** What `fit` said in the end; null where the run did not come to its end. */
  readonly report: FitReport | null;
  /** What an observer threw after a step, which ended the run; null where none did. */
  readonly failure: { readonly error: unknown } | null;
}

/** @throws ModelError, and what an observer throws before the first step */
export async function trainNet(
  prepared: Prepared,
  observers: readonly Observer[],
  interrupt: Interrupt,
): Promise<Trained> {
  const { net, plan, training, validation, file, options } = prepared;
  const { patience = null } = plan.run.watch ?? {};
  const all = together(observers);
  const stopping = new AbortController();
  const history: PastEpoch[] = [];
  let steps = 0;
  let report: FitReport | null = null;
  const last: { step: StepReport | null; failure: Trained["failure"] } = { step: null, failure: null };
  const fail = (error: unknown): never => {
    last.failure = { error };
    throw error;
  };
  /** Keeps what an observer throws apart from what training itself does. */
  const tell = (call: () => void | Promise<void>): void | Promise<void> => {
    try {
      const told = call();
      return told instanceof Promise ? told.catch(fail) : told;
    } catch (error) {
      return fail(error);
    }
  };
  const stoppedBy = (): string | null => {
    const { aborted, reason }: { readonly aborted: boolean; readonly reason: unknown } = stopping.signal;
    return aborted && !interrupt.signal.aborted ? String(reason) : null;
  };

  await all.started({
    ...prepared,
    setHyper: (name, value) => {
      net.hyper[name] = value;
      return all.changed();
    },
    stop: (by) => stopping.abort(by),
  });
  const started = performance.now();
  let ending: Ending = "done";
  try {
    report = await net.fit(training.inputs, {
      epochs: plan.epochs,
      batch: plan.run.batch,
      shuffle: plan.run.shuffle,
      firstEpoch: plan.firstEpoch,
      firstBatch: plan.firstBatch,
      lossBefore: plan.lossBefore,
      metrics: readsMetrics(options) && isQuickToMeasure(net, training),
      ...(validation === null ? {} : { validate: validation.inputs }),
      // None to make: all stays as it is.
      ...(patience === null || options.epochs === 0 ? {} : { patience }),
      ...(prepared.best === undefined || options.epochs === 0 ? {} : { best: prepared.best }),
      ...(options.probe === undefined ? {} : { probe: options.probe }),
      signal: AbortSignal.any([interrupt.signal, stopping.signal]),
      onStep: (made) => {
        last.step = made;
        steps++;
        return tell(() => all.step(made));
      },
      onEpoch: (made) => {
        // Without its weights, which would add up.
        const { best: _, ...rest } = made;
        history.push(rest);
        return tell(() => all.epoch(made));
      },
    });
  } catch (error) {
    // A step whose loss is not finite is none to keep.
    if (last.failure !== null) ending = Number.isFinite(last.step?.loss) ? "interrupted" : "diverged";
    else if (!(error instanceof NndslError)) throw error;
    else if (error.code === "diverged") ending = "diverged";
    else if (error.code === "aborted") ending = stoppedBy() === null ? "interrupted" : "stopped";
    else throw blame(error, file);
  }
  const seconds = (performance.now() - started) / 1000;
  return { ending, stoppedBy: stoppedBy(), history, steps, seconds, report, ...last };
}
