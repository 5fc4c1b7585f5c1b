import { EPOCHS } from "./course.ts";
import { refuse } from "./errors.ts";
import { checkSeed, must, readOptions, whole } from "./options.ts";
import { Probed } from "./probed.ts";
import type { Rows } from "./rows.ts";
import type { Trainee } from "./trainee.ts";
import type { EpochReport, FitOptions, FitReport, PastEpoch } from "./types.ts";
import { watchOf } from "./watch.ts";

/**
 * Milliseconds of work between two looks at the event loop: one frame of a page. A call is to take
 * half of it.
 */
const SLICE = 16;

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

const known = [
  "epochs",
  "batch",
  "shuffle",
  "seed",
  "firstEpoch",
  "firstBatch",
  "lossBefore",
  "validate",
  "metrics",
  "patience",
  "best",
  "probe",
  "onStep",
  "onEpoch",
  "signal",
] as const satisfies readonly (keyof FitOptions)[];

/**
 * Trains for some epochs.
 * @throws `wrong-option`; `aborted`, with the signal's reason as its cause; `diverged`, with the
 * report of the step whose loss is not finite. The model is then as the last whole step left it
 */
export async function fit(trainee: Trainee, rows: Rows, given: FitOptions): Promise<FitReport> {
  const { net } = trainee;
  const options = readOptions(given, known);
  const { onStep, onEpoch, signal } = options;
  const shuffle = options.shuffle ?? true;
  must(typeof shuffle === "boolean", "shuffle", "true or false", shuffle);
  for (const [name, call] of Object.entries({ onStep, onEpoch })) {
    must(typeof (call ?? must) === "function", name, "a function", call);
  }
  must(typeof (signal ?? { aborted: true }).aborted === "boolean", "signal", "an AbortSignal", signal);
  const epochs = whole("epochs", options.epochs ?? 1, 0);
  const wish = whole("batch", options.batch ?? 32, 1);
  // The epoch after the last has a number too.
  const first = whole("firstEpoch", options.firstEpoch ?? 1, 1, Number.MAX_SAFE_INTEGER - epochs);
  const seed = checkSeed(options.seed ?? net.seed);
  const watch = watchOf(trainee, rows, options, { seed, batch: wish, first });
  const { total, feeds } = watch.training;
  const batch = Math.min(wish, total);
  const batches = Math.ceil(total / batch);
  const firstBatch = whole("firstBatch", options.firstBatch ?? 1, 1, batches);
  if (firstBatch > 1 && options.patience && !options.validate && options.lossBefore === undefined) {
    refuse("wrong-option", "`patience` goes by the epoch's loss, which needs `lossBefore`.");
  }
  const probed = new Probed(trainee, options.probe);

  const checkAbort = (): void => {
    if (signal?.aborted) refuse("aborted", "Training was aborted.", { cause: signal.reason });
  };
  const course = trainee.course(feeds, { total, batch, shuffle, seed });
  const history: PastEpoch[] = [];
  let end = watch.isOut(first - 1) ? first : first + epochs;
  let epoch = first;
  // Of the epoch: rows seen, the sum of their losses, and milliseconds.
  let from = (firstBatch - 1) * batch;
  let sum = options.lossBefore ?? 0;
  must(Number.isFinite(sum), "lossBefore", "a finite number", sum);
  let spent = 0;
  // How many steps a call is to make.
  let wanted = 1;
  const begin = performance.now();
  let mark = begin;
  let sliceEnd = begin + SLICE;
  /** Gives way where what is next would end after the slice of time. */
  const breathe = async (next = 0): Promise<void> => {
    if (performance.now() + next <= sliceEnd) return;
    await pause();
    sliceEnd = performance.now() + SLICE;
  };
  checkAbort();
  while (epoch < end) {
    const left = batches - from / batch;
    const most = onStep
      ? 1
      : onEpoch || watch.active
        ? left
        : left + (Math.min(end - epoch, EPOCHS) - 1) * batches;
    const before = net.steps;
    // A probed step is a call of its own.
    const free = probed.until(before);
    const count = Math.min(wanted, most, free || 1);
    const start = performance.now();
    const loss = free ? course.train(epoch, from, count, sum) : course.probed(epoch, from, sum);
    const took = performance.now() - start;
    if (free) wanted = Math.max(1, Math.min(2 * count, Math.floor(((SLICE / 2) * count) / took)));
    const layers = free ? undefined : probed.take(Math.min(batch, total - from));
    const diverged = !Number.isFinite(loss);
    if (onStep || diverged) {
      const step = net.steps;
      // Of the last step that was made, counted from the first of the epoch in which the call
      // began.
      const last = from / batch + step - before - 1;
      const at = last % batches;
      const rows = Math.min(batch, total - at * batch);
      const place = { epoch: epoch + (last - at) / batches, batch: at + 1, batches, rows, step };
      const report = { ...place, loss, ...(layers && { layers }) };
      const wait = onStep?.(report);
      if (wait instanceof Promise) {
        const asked = performance.now();
        await wait;
        // A pause is no time of training.
        mark += performance.now() - asked;
      }
      if (diverged) {
        const best = watch.best();
        refuse(
          "diverged",
          `The loss stopped being finite at step ${step}, in epoch ${report.epoch}: it is ${loss}.`,
          { cause: best ? { ...report, best } : report },
        );
      }
    }
    await breathe(took);
    const now = performance.now();
    const each = (now - mark) / count;
    mark = now;
    let hyper: EpochReport["hyper"] | undefined;
    for (let i = 0, rest = count; rest > 0; i++) {
      const made = Math.min(rest, batches - from / batch);
      rest -= made;
      from += made * batch;
      sum = course.losses[i]!;
      spent += made * each;
      if (from < total) break;
      hyper ??= { ...net.hyper };
      const seconds = spent / 1000;
      const bare = { epoch, steps: batches, loss: sum, seconds, hyper, ...probed.ofEpoch() };
      const report: EpochReport = watch.active ? await watch.after(bare, breathe) : bare;
      const { best, ...past } = report;
      history.push(best ? { ...past, best: { epoch: best.epoch, loss: best.loss } } : past);
      if (watch.isOut(epoch)) end = epoch + 1;
      epoch++;
      from = sum = spent = 0;
      if (!onEpoch && !watch.active) continue;
      await onEpoch?.(report);
      mark = performance.now();
    }
    checkAbort();
  }
  const best = watch.end(epoch - 1);
  const made = history.length;
  return {
    epochs: made,
    steps: made && made * batches - firstBatch + 1,
    seconds: (performance.now() - begin) / 1000,
    loss: history.at(-1)?.loss ?? NaN,
    history,
    stopped: end < first + epochs ? "patience" : "epochs",
    ...(best && { best }),
  };
}
