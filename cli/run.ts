/**
 * A training run that may take several processes: what the weights file of an unfinished one says
 * of it, so that `--resume` makes the very steps that an uninterrupted run would have made.
 */
import { NndslError, type Best } from "../runtime/index.ts";
import { UsageError } from "./failures.ts";
import { usualBatch } from "./options.ts";
import { count, counted } from "./terminal/numbers.ts";

const usualEpochs = 10;

/** What an unfinished run still has to do, and how it goes about it. */
export interface Run {
  /** `--epochs` as it was given, and the number of the epoch after which the run is done. */
  readonly epochs: number;
  readonly last: number;
  readonly batch: number;
  readonly shuffle: boolean;
  /** Of the data. */
  readonly rows: number;
  /** Batches made of the epoch that has begun, and the sum over their rows of the losses. */
  readonly batches: number;
  readonly loss: number;
  /** Absent where nothing is watched. */
  readonly watch?: Watch;
}

/** What is looked at after each epoch. */
export interface Watch {
  /** The share of rows that is held out; "data" for files of their own. */
  readonly validate: number | "data" | null;
  readonly patience: number | null;
}

/** @throws NndslError `bad-weights` for what is no run */
export function readRun(text: string | undefined): Run | null {
  if (text === undefined) return null;
  let run: unknown;
  try {
    run = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (!isRun(run))
    throw new NndslError("bad-weights", "Its `run` does not say where training is to continue.");
  return run;
}

const isCount = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && Number(value) >= least;

function isRun(value: unknown): value is Run {
  if (typeof value !== "object" || value === null) return false;
  const { epochs, last, batch, shuffle, rows, batches, loss, watch }: Partial<Record<keyof Run, unknown>> =
    value;
  return (
    isCount(epochs, 0) &&
    isCount(last, 0) &&
    isCount(batch, 1) &&
    isCount(rows, 1) &&
    isCount(batches, 0) &&
    // An epoch whose batches are all made is over.
    batches < Math.ceil(rows / batch) &&
    typeof shuffle === "boolean" &&
    typeof loss === "number" &&
    (watch === undefined || isWatch(watch))
  );
}

function isWatch(value: unknown): value is Watch {
  if (typeof value !== "object" || value === null) return false;
  const { validate, patience }: Partial<Record<keyof Watch, unknown>> = value;
  return (
    (validate === null || validate === "data" || (typeof validate === "number" && isShare(validate))) &&
    (patience === null || isCount(patience, 1))
  );
}

/** Whether it is a share of rows that leaves some on both sides. */
export const isShare = (value: number): boolean => value > 0 && value < 1;

/**
 * What the command line leaves out is as in the run; where other rows are held out, patience begins
 * anew.
 * @throws UsageError where the run has patience by data that is not given any more
 */
export function planWatch(
  { run, best }: { readonly run: Run | null; readonly best?: Best },
  asked: { readonly validate: Watch["validate"] | undefined; readonly patience: number | undefined },
): Watch & { readonly best?: Best } {
  const before = run?.watch ?? { validate: null, patience: null };
  const patience = asked.patience ?? before.patience;
  let validate = asked.validate ?? before.validate;
  if (validate === "data" && asked.validate === undefined) {
    if (patience !== null) {
      throw new UsageError("cannot-resume", "the run stops by the loss on other data, which is not given", {
        help: "give --validate the same data as before",
      });
    }
    validate = null;
  }
  const goesOn = patience !== null && best !== undefined && validate === before.validate;
  return { validate, patience, ...(goesOn ? { best } : {}) };
}

/** What the command line says; undefined where it says nothing. */
export interface Asked {
  readonly epochs: number | undefined;
  readonly batch: number | undefined;
  /** `false` with `--no-shuffle`. */
  readonly shuffle: false | undefined;
  /** Whether an epoch that has begun is begun anew. */
  readonly restartEpoch: boolean;
}

/** What is to be trained now. */
export interface RunPlan {
  readonly firstEpoch: number;
  readonly firstBatch: number;
  readonly lossBefore: number;
  /** Epochs to make, the rest of one that has begun being one. */
  readonly epochs: number;
  /** The run as the next weights file tells of it, but for the place. */
  readonly run: Omit<Run, "batches" | "loss">;
}

/**
 * An unfinished run goes on to its end where `--epochs` is left out or as it was; otherwise
 * `--epochs` more are made. What the command line leaves out is as in the run.
 * @param epochs made before, and `run` what is unfinished of them
 * @param rows of the data, without what is held out
 * @throws UsageError where the epoch that has begun cannot go on as asked
 */
export function planRun(
  { epochs, run }: { readonly epochs: number; readonly run: Run | null },
  asked: Asked,
  rows: number,
  watch?: Watch,
): RunPlan {
  const batch = Math.min(asked.batch ?? run?.batch ?? usualBatch, rows);
  const shuffle = asked.shuffle ?? run?.shuffle ?? true;
  const goesOn = run !== null && (asked.epochs === undefined || [run.epochs, 0].includes(asked.epochs));
  const [wanted, last] = goesOn
    ? [run.epochs, run.last]
    : [asked.epochs ?? usualEpochs, epochs + (asked.epochs ?? usualEpochs)];
  const begun = run !== null && run.batches > 0 && !asked.restartEpoch;
  if (begun) expectSame(run, { batch, shuffle, rows }, epochs + 1);
  return {
    firstEpoch: epochs + 1,
    firstBatch: begun ? run.batches + 1 : 1,
    lossBefore: begun ? run.loss : 0,
    epochs: asked.epochs === 0 ? 0 : Math.max(0, last - epochs),
    run: { epochs: wanted, last, batch, shuffle, rows, ...(watch === undefined ? {} : { watch }) },
  };
}

/**
 * @throws UsageError where the order of the epoch's rows, or what a step takes of them, would be
 * another
 */
function expectSame(run: Run, now: Pick<Run, "batch" | "shuffle" | "rows">, epoch: number): void {
  const refuse = (what: string, help: string): never => {
    const left = `epoch ${epoch} stopped after batch ${run.batches} of ${Math.ceil(run.rows / run.batch)}`;
    throw new UsageError("cannot-resume", `${left}, ${what}`, {
      help: `${help}; or restart the epoch with --restart-epoch`,
    });
  };
  if (run.rows !== now.rows) {
    refuse(
      `with ${counted(run.rows, "row")}, but the data now has ${count(now.rows)}`,
      "use the same data as before",
    );
  }
  if (run.batch !== now.batch) {
    refuse(`with --batch ${run.batch}, but now it is ${now.batch}`, "omit --batch, or give the same value");
  }
  if (run.shuffle !== now.shuffle) {
    refuse("with shuffled rows, but now they are in order", "omit --no-shuffle");
  }
}
