/**
 * Many damaged programs through `check` or `compile`, in a thread with a limit of time and memory.
 */
import { Worker } from "node:worker_threads";
import { corpus, mutant, randomNumbers } from "./mutate-source.ts";

export interface Task {
  readonly door: "check" | "compile";
  readonly seed: number;
  /** The indices of the programs: from, up to but without to. */
  readonly from: number;
  readonly to: number;
}

export type Outcome =
  | { readonly kind: "right" | "refused" }
  | { readonly kind: "fault" | "hang"; readonly source: string; readonly why: string };

export interface Report {
  readonly counts: Readonly<Record<Outcome["kind"], number>>;
  /** The program that took longest, and how long, in milliseconds. */
  readonly slowest: { readonly index: number; readonly took: number };
  readonly found: readonly Outcome[];
}

interface Message {
  readonly index: number;
  readonly begins?: true;
  readonly kind?: Outcome["kind"];
  readonly source?: string;
  readonly why?: string;
  readonly took?: number;
}

/**
 * What the compiler may take, as the issue of a user would have it; far above what a busy machine
 * adds.
 */
const LIMIT = { milliseconds: 30_000, megabytes: 1024 };
const KEPT = 5;

/** @param progress is called after each program */
export async function fuzzSources(task: Task, progress?: (done: number) => void): Promise<Report> {
  const counts = { right: 0, refused: 0, fault: 0, hang: 0 };
  const found: Outcome[] = [];
  let slowest = { index: task.from, took: 0 };
  const record = (outcome: Outcome): void => {
    counts[outcome.kind]++;
    if ((outcome.kind === "fault" || outcome.kind === "hang") && found.length < KEPT) found.push(outcome);
  };
  const programs = corpus();
  for (let next = task.from; next < task.to;) {
    // A thread ends where it has done all, or by a program that it does not get over: the next one
    // goes on behind it.
    const ended = await watch({ ...task, from: next }, (message) => {
      const { index, took = 0 } = message;
      if (took > slowest.took) slowest = { index, took };
      record(outcomeOf(message));
      next = index + 1;
      progress?.(next - task.from);
    });
    if (ended === null) break;
    const source = mutant(programs, randomNumbers(task.seed + ended.index));
    record({ kind: ended.kind, source, why: ended.why });
    next = ended.index + 1;
  }
  return { counts, slowest, found };
}

const outcomeOf = ({ kind = "right", source = "", why = "" }: Message): Outcome =>
  kind === "fault" || kind === "hang" ? { kind, source, why } : { kind };

/** @returns null where the thread did all of its task */
function watch(
  task: Task,
  hear: (message: Message) => void,
): Promise<{ readonly index: number; readonly kind: "fault" | "hang"; readonly why: string } | null> {
  const worker = new Worker(new URL("./source-worker.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: LIMIT.megabytes },
  });
  return new Promise((resolve) => {
    let index = task.from;
    let timer: NodeJS.Timeout | undefined;
    worker.on("message", (message: Message) => {
      clearTimeout(timer);
      index = message.index;
      if (message.begins !== true) return hear(message);
      timer = setTimeout(() => {
        resolve({ index, kind: "hang", why: `no end after ${LIMIT.milliseconds / 1000} s` });
        void worker.terminate();
      }, LIMIT.milliseconds);
    });
    worker.on("error", (error) => {
      clearTimeout(timer);
      resolve({ index, kind: "fault", why: String(error) });
    });
    worker.on("exit", () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}

export const describeReport = (door: string, { counts, slowest, found }: Report): string =>
  [
    `${door}: ${counts.right} right, ${counts.refused} refused with diagnostics, ${counts.fault} faults, ${counts.hang} without end; the slowest, of index ${slowest.index}, took ${Math.round(slowest.took)} ms`,
    ...found.map((o) => ("why" in o ? `\n${o.kind}: ${o.why}\n${JSON.stringify(o.source)}` : "")),
  ].join("\n");
