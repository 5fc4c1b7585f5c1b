import { NndslError } from "./errors.ts";
import type { EpochReport, FitOptions, FitReport } from "./types.ts";

/** Milliseconds of work between two looks at the event loop: one frame of a page. */
const SLICE = 16;

/** What `fit` asks of a net. */
export interface Trainee {
  readonly seed: number;
  /** Rows of the data. */
  readonly total: number;
  /** Steps made so far. */
  steps(): number;
  /** A new order of the rows. */
  order(seed: number, epoch: number): Uint32Array;
  /** One step on the rows `order[from] … order[from + rows - 1]`. */
  step(order: Uint32Array, from: number, rows: number): number;
}

/** Lets other tasks run. A message, since timers of nested calls wait for 4 ms in browsers. */
const pause = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new NndslError(
    "wrong-option",
    `\`${name}\` must be an integer from ${least} on, not ${String(value)}.`,
  );
}

/** @throws `wrong-option` for what is no unsigned integer of 32 bits */
export function checkSeed(seed: number): number {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw new NndslError(
    "wrong-option",
    `\`seed\` must be an integer from 0 to ${2 ** 32 - 1}, not ${String(seed)}.`,
  );
}

const identity = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

/**
 * Trains for some epochs.
 * @throws `wrong-option`; `aborted`, with the signal's reason as its cause: the model is then as the last whole step left it
 */
export async function fit(net: Trainee, options: FitOptions): Promise<FitReport> {
  const { shuffle = true, onStep, onEpoch, signal } = options;
  const { total } = net;
  const epochs = whole("epochs", options.epochs ?? 1, 0);
  const batch = Math.min(whole("batch", options.batch ?? 32, 1), total);
  const first = whole("firstEpoch", options.firstEpoch ?? 1, 1);
  const seed = checkSeed(options.seed ?? net.seed);
  const batches = Math.ceil(total / batch);

  const checkAbort = (): void => {
    if (signal?.aborted) throw new NndslError("aborted", "Training was aborted.", { cause: signal.reason });
  };
  const history: EpochReport[] = [];
  const inPlace = shuffle ? undefined : identity(total);
  const begin = performance.now();
  let sliceEnd = begin + SLICE;
  checkAbort();
  for (let epoch = first; epoch < first + epochs; epoch++) {
    const start = performance.now();
    const order = inPlace ?? net.order(seed, epoch);
    let sum = 0;
    for (let from = 0; from < total; from += batch) {
      const rows = Math.min(batch, total - from);
      const loss = net.step(order, from, rows);
      sum += loss * rows;
      if (onStep) {
        const wait = onStep({ epoch, batch: from / batch + 1, batches, rows, step: net.steps(), loss });
        if (wait instanceof Promise) await wait;
      }
      if (performance.now() > sliceEnd) {
        await pause();
        sliceEnd = performance.now() + SLICE;
      }
      checkAbort();
    }
    const seconds = (performance.now() - start) / 1000;
    const report = { epoch, steps: batches, loss: sum / total, seconds };
    history.push(report);
    await onEpoch?.(report);
    checkAbort();
  }
  return {
    epochs,
    steps: epochs * batches,
    seconds: (performance.now() - begin) / 1000,
    loss: history.at(-1)?.loss ?? NaN,
    history,
  };
}
