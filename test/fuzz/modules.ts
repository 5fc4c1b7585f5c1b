/** Many damaged modules through `load` and what a net does, in a thread with a limit of time. */
import { Worker } from "node:worker_threads";
import { compile } from "../../compiler/index.ts";
import { places, type Place } from "./mutate-module.ts";

/**
 * `works`: a net that did all that was asked; `refused`: an NndslError; `endless`: code that was
 * damaged, is valid, and does not end, which no host can know beforehand; `fault`: any other error;
 * `hang`: no end although the code is whole.
 */
export type Kind = "works" | "refused" | "endless" | "fault" | "hang";

export interface Task {
  readonly modules: readonly Uint8Array[];
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

export interface Message {
  readonly index: number;
  /** Absent where work on this module begins. */
  readonly kind?: Kind;
  readonly why?: string;
}

export interface Report {
  readonly counts: Readonly<Record<Place, Readonly<Record<Kind, number>>>>;
  readonly found: readonly string[];
  /** Of the process, after each module. */
  readonly megabytes: number;
}

export const placeOf = (index: number): Place => places[index % 2 === 0 ? 0 : index % 4 === 1 ? 1 : 2]!;

/** Milliseconds that one module may take: far above the few that it needs, as machines are busy. */
const LIMIT = 5000;

const sources = [
  `model Small {
  input x: [N, 2]
  target y: [N, 1]
  z = x |> dense(2, sigmoid) |> dense(1)
  output p = sigmoid(z)
  metric binary_accuracy(z, y)
  loss bce_with_logits(z, y)
  optimizer adam(lr = 0.1)
}`,
  `model Labels {
  input words: int[N, 3]
  target y: int[N]
  h = mean(one_hot(words, 5), axis = 1) |> dense(6, tanh) |> dropout(0.2)
  z = dense(h, 3)
  output p = softmax(z)
  loss cross_entropy(z, y)
  optimizer adamw(lr = 0.1)
}`,
];

export async function fuzzModules(
  { seed, to }: { readonly seed: number; readonly to: number },
  progress?: (done: number) => void,
): Promise<Report> {
  const modules = await Promise.all(sources.map(async (source) => (await compile(source)).wasm));
  const none = (): Record<Kind, number> => ({ works: 0, refused: 0, endless: 0, fault: 0, hang: 0 });
  const counts = { manifest: none(), section: none(), module: none() };
  const found: string[] = [];
  let megabytes = 0;
  const record = (index: number, kind: Kind, why = ""): void => {
    counts[placeOf(index)][kind]++;
    megabytes = Math.max(megabytes, process.memoryUsage().rss / 2 ** 20);
    if ((kind === "fault" || kind === "hang") && found.length < 9) found.push(`${index}: ${kind}: ${why}`);
    progress?.(index + 1);
  };
  for (let next = 0; next < to;) {
    // A thread ends where it has done all, or by a module that it does not get over: the next one
    // goes on behind it.
    const stuck = await watch({ modules, seed, from: next, to }, record);
    if (stuck === null) break;
    record(stuck, placeOf(stuck) === "module" ? "endless" : "hang");
    next = stuck + 1;
  }
  return { counts, found, megabytes };
}

/** @returns the module that it did not get over, null where the thread did all of its task */
function watch(
  task: Task,
  record: (index: number, kind: Kind, why?: string) => void,
): Promise<number | null> {
  const worker = new Worker(new URL("./module-worker.ts", import.meta.url), { workerData: task });
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    worker.on("message", ({ index, kind, why }: Message) => {
      clearTimeout(timer);
      if (kind) return record(index, kind, why);
      timer = setTimeout(() => void worker.terminate().then(() => resolve(index)), LIMIT);
    });
    worker.on("error", reject);
    worker.on("exit", (code) => {
      if (code === 0) resolve(null);
    });
  });
}

export const describeReport = ({ counts, found, megabytes }: Report): string =>
  [
    ...places.map((place) => {
      const { works, refused, endless, fault, hang } = counts[place];
      return `${place}: ${refused} refused, ${works} work, ${endless} valid code without end, ${fault} faults, ${hang} hang`;
    }),
    `at most ${Math.round(megabytes)} MiB`,
    ...found,
  ].join("\n");
