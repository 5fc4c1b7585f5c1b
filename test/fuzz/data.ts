/**
 * Many damaged data files through the door of `--data`, in a thread with a limit of time and
 * memory.
 */
import { Worker } from "node:worker_threads";
import { kinds, type Kind } from "./data-files.ts";

export interface DataTask {
  readonly seed: number;
  /** The indices of the files: from, up to but without to. */
  readonly from: number;
  readonly to: number;
}

const outcomes = ["read", "refused", "unjudged", "wrong", "crash", "hang"] as const;

/**
 * read: as an independent reader does; refused: with a diagnostic; unjudged: read, and the other
 * reader has no opinion; wrong: other numbers, or a harmless change refused; crash: no diagnostic;
 * hang: more than two seconds of work.
 */
export type Outcome =
  | { readonly is: "read" | "refused" | "unjudged" }
  | { readonly is: "wrong" | "crash" | "hang"; readonly why: string };

type Counts = Record<Outcome["is"], number>;

export interface DataReport {
  readonly counts: Readonly<Record<Kind, Readonly<Counts>>>;
  /** Of those that should not be, the first few. */
  readonly found: readonly string[];
  readonly bad: number;
}

interface Message {
  readonly index: number;
  readonly kind: Kind;
  readonly mutation: string;
  readonly outcome?: Outcome;
  readonly bytes?: Uint8Array;
}

const KEPT = 10;
/** Of the clock, far above what a busy machine adds, and of memory. */
const LIMIT = { milliseconds: 30_000, megabytes: 1024 };

/** @param progress is called after each file */
export async function fuzzData(task: DataTask, progress?: (done: number) => void): Promise<DataReport> {
  const none = (): Counts => ({ read: 0, refused: 0, unjudged: 0, wrong: 0, crash: 0, hang: 0 });
  const counts = Object.fromEntries(kinds.map((kind) => [kind, none()])) as Record<Kind, Counts>;
  const found: string[] = [];
  let bad = 0;
  const record = ({ index, kind, mutation, bytes }: Message, outcome: Outcome): void => {
    counts[kind][outcome.is] += 1;
    if (!("why" in outcome)) return;
    bad += 1;
    const content =
      bytes === undefined ? "" : `\n  ${JSON.stringify(Buffer.from(bytes).toString("latin1")).slice(0, 600)}`;
    if (found.length < KEPT)
      found.push(
        `${outcome.is}, file ${index}, ${kind}, ${mutation}: ${outcome.why.slice(0, 600)}${content}`,
      );
  };
  for (let next = task.from; next < task.to;) {
    // A thread ends where it has done all, or by a file that it does not get over: the next one
    // goes on behind it.
    const ended = await watch({ ...task, from: next }, (message, outcome) => {
      record(message, outcome);
      next = message.index + 1;
      progress?.(next - task.from);
    });
    if (ended === null) break;
    record(ended.message, ended.outcome);
    next = ended.message.index + 1;
  }
  return { counts, found, bad };
}

/** @returns null where the thread did all of its task */
function watch(
  task: DataTask,
  hear: (message: Message, outcome: Outcome) => void,
): Promise<{ readonly message: Message; readonly outcome: Outcome } | null> {
  const worker = new Worker(new URL("./data-worker.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: LIMIT.megabytes },
  });
  return new Promise((resolve) => {
    let current: Message = { index: task.from, kind: kinds[0], mutation: "" };
    let timer: NodeJS.Timeout | undefined;
    worker.on("message", (message: Message) => {
      clearTimeout(timer);
      current = message;
      if (message.outcome !== undefined) return hear(message, message.outcome);
      timer = setTimeout(() => {
        resolve({ message: current, outcome: { is: "hang", why: "no end" } });
        void worker.terminate();
      }, LIMIT.milliseconds);
    });
    worker.on("error", (error) => {
      clearTimeout(timer);
      resolve({ message: current, outcome: { is: "crash", why: String(error) } });
    });
    worker.on("exit", () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}

/** A table of counts by kind and outcome, and what was found. */
export function describeDataReport({ counts, found }: DataReport): string {
  const line = (first: string, cells: readonly (string | number)[]): string =>
    first.padEnd(12) + cells.map((cell) => String(cell).padStart(10)).join("");
  const rows = kinds.map((kind) => outcomes.map((outcome) => counts[kind][outcome]));
  const total = outcomes.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0));
  return [
    line("", outcomes),
    ...kinds.map((kind, i) => line(kind, rows[i]!)),
    line("in all", total),
    ...found.map((text) => `\n${text}`),
  ].join("\n");
}
