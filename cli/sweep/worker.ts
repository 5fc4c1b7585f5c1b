/**
 * A process of `sweep`: reads the data once and trains what it is told to, one run at a time. It is
 * started by `pool.ts` and ends with the process that started it.
 */
import { flushCompileCache } from "node:module";
import { load, type Manifest, type Net } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { evaluate, type Evaluation } from "../parts.ts";
import { signalNames } from "../terminal/interrupt.ts";
import { divided, readSets, type DataPlan, type Sets } from "./data.ts";
import { failureOf, type History, type Job, type Outcome } from "./run.ts";

/** What every run has in common. */
export interface Course {
  readonly data: DataPlan;
  readonly epochs: number;
  readonly batch: number;
  readonly shuffle: boolean;
}

export type ToWorker =
  | { readonly kind: "begin"; readonly course: Course }
  | { readonly kind: "module"; readonly module: number; readonly wasm: Uint8Array }
  | { readonly kind: "train"; readonly job: Omit<Job, "wasm"> };

export type FromWorker =
  | { readonly kind: "epoch"; readonly epoch: number }
  | { readonly kind: "outcome"; readonly outcome: Outcome }
  /** A fault of nndsl. */
  | { readonly kind: "fault"; readonly stack: string };

/** Milliseconds between two tellings of the epoch. */
const interval = 100;

const tell = (message: FromWorker): void => void process.send?.(message);

let course: Course | null = null;
const modules = new Map<number, WebAssembly.Module>();
let sets: { readonly key: string; readonly sets: Promise<Sets> } | null = null;

process.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "begin":
      course = message.course;
      break;
    case "module":
      // Runs come in the order of their modules: those before are done.
      modules.clear();
      modules.set(message.module, new WebAssembly.Module(new Uint8Array(message.wasm)));
      break;
    case "train":
      train(message.job).then(
        (outcome) => {
          tell({ kind: "outcome", outcome });
          keepCompilations();
        },
        (error: unknown) =>
          tell({
            kind: "fault",
            stack: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
      );
      break;
    default:
      message satisfies never;
  }
});
process.on("disconnect", () => process.exit());
// A terminal sends them to all processes of a command; the first of them decides what becomes of the others.
for (const name of signalNames) process.on(name, () => {});

let kept = false;

/** For the next sweep. They are otherwise written at a process's own end, and this one is killed. */
function keepCompilations(): void {
  if (!kept) flushCompileCache();
  kept = true;
}

async function train({ module, hyper, seed }: Omit<Job, "wasm">): Promise<Outcome> {
  const losses: (number | null)[] = [];
  const validated: (number | null)[] = [];
  let history: History = { loss: losses };
  let net: Net | null = null;
  try {
    net = await load(modules.get(module)!, { seed });
    Object.assign(net.hyper, hyper);
    const sets = await setsFor(net.manifest);
    const { epochs, batch, shuffle, data } = course!;
    const { training, validation } = divided(data, sets, net);
    if (validation !== null) history = { loss: losses, validation: validated };
    let told = performance.now();
    await net.fit(training.inputs, {
      epochs,
      batch,
      shuffle,
      ...(validation === null ? {} : { validate: validation.inputs }),
      onEpoch: ({ epoch, loss, validation: after }) => {
        losses.push(finite(loss));
        if (after !== undefined) validated.push(finite(after.loss));
        if (performance.now() - told < interval) return;
        told = performance.now();
        tell({ kind: "epoch", epoch });
      },
    });
    const own = measured(net, training);
    // It is null where there is no memory to measure it, which is no failure.
    if (own.loss !== null && !Number.isFinite(own.loss)) {
      const message = "the loss after training is not a finite number";
      return { kind: "failed", failure: { code: "diverged", message }, history };
    }
    return {
      kind: "trained",
      own: writable(own),
      validation: validation && writable(measured(net, validation)),
      test: sets.test && writable(measured(net, sets.test)),
      history,
    };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    return { kind: "failed", failure, history };
  } finally {
    net?.dispose();
  }
}

/** The data is read anew only for a model that takes other shapes. */
function setsFor(manifest: Manifest): Promise<Sets> {
  const key = JSON.stringify([manifest.dtype, manifest.inputs]);
  if (sets?.key !== key) sets = { key, sets: readSets(course!.data, manifest) };
  return sets.sets;
}

const measured = (net: Net, set: Dataset): Evaluation =>
  evaluate(net, set)?.evaluation ?? { loss: null, metrics: {} };

/** As JSON has it: null for what is not finite. */
const writable = ({ loss, metrics }: Evaluation): Evaluation => ({
  loss: finite(loss),
  metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, finite(value)])),
});

const finite = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null;
