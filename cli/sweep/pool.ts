/** Processes that train the runs of a sweep, each one run at a time. */
import { fork, type ChildProcess } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import type { Job, Outcome } from "./run.ts";
import type { Course, FromWorker, ToWorker } from "./worker.ts";

/** A run that is to be made, and who waits for it. */
interface Waiting {
  readonly job: Job;
  readonly resolve: (outcome: Outcome | null) => void;
  readonly reject: (error: Error) => void;
  /** Processes that ended with it. */
  ended: number;
}

interface Worker {
  readonly process: ChildProcess;
  /** The module that it has. */
  module: number | null;
  working: Waiting | null;
  /** Epochs made of what it trains. */
  epoch: number;
}

/** How often a run is begun whose process is killed. */
const TRIES = 2;

export class Pool {
  readonly #course: Course;
  /** How many processes there are at most. */
  readonly size: number;
  readonly #workers = new Set<Worker>();
  readonly #queue: Waiting[] = [];
  /** Called as training gets on. */
  readonly #progress: () => void;
  #closed = false;

  /** @param size how many processes there are at most */
  constructor(course: Course, size: number, progress: () => void) {
    this.#course = course;
    this.size = size;
    this.#progress = progress;
  }

  /** Begins the processes, which takes them a while, before there is work. One that ends is replaced when there is. */
  start(): void {
    while (this.#workers.size < this.size) this.#start();
  }

  /**
   * What comes of a run; null where the pool was closed before. Runs are begun in the order of the
   * calls.
   * @throws Error for a fault of nndsl
   */
  train(job: Job): Promise<Outcome | null> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return resolve(null);
      this.#queue.push({ job, resolve, reject, ended: 0 });
      this.#assign();
    });
  }

  /** Epochs made of runs that are being trained. */
  get epochs(): number {
    let sum = 0;
    for (const { epoch } of this.#workers) sum += epoch;
    return sum;
  }

  /** Ends the processes, whatever they are doing. */
  close(): void {
    this.#closed = true;
    for (const { process, working } of this.#workers) {
      process.kill("SIGKILL");
      working?.resolve(null);
    }
    for (const { resolve } of this.#queue.splice(0)) resolve(null);
  }

  #assign(): void {
    while (this.#queue.length > 0 && !this.#closed) {
      const idle = [...this.#workers].find(({ working }) => working === null);
      if (idle === undefined && this.#workers.size >= this.size) return;
      this.#give(idle ?? this.#start(), this.#queue.shift()!);
    }
  }

  #give(worker: Worker, waiting: Waiting): void {
    const { module, wasm, hyper, seed } = waiting.job;
    worker.working = waiting;
    if (worker.module !== module) this.#send(worker, { kind: "module", module, wasm });
    worker.module = module;
    this.#send(worker, { kind: "train", job: { module, hyper, seed } });
  }

  #send(worker: Worker, message: ToWorker): void {
    // One that cannot be told has ended, which `exit` tells of.
    worker.process.send(message, () => {});
  }

  #start(): Worker {
    const cache = getCompileCacheDir();
    const child = fork(new URL(import.meta.url.replace(/pool(?=\.\w+$)/, "worker")), [], {
      // Modules go as bytes, and losses that are no numbers as they are.
      serialization: "advanced",
      // The options of this process, a test runner's say, are not for it.
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { ...process.env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }) },
    });
    const worker: Worker = { process: child, module: null, working: null, epoch: 0 };
    this.#workers.add(worker);
    child.on("message", (message: FromWorker) => this.#hear(worker, message));
    let over = false;
    const ended = (how: string): void => {
      if (over) return;
      over = true;
      this.#workers.delete(worker);
      if (worker.working !== null) this.#again(worker.working, how);
      this.#assign();
    };
    child.on("error", (error) => ended(error.message));
    child.on("exit", (code, signal) =>
      ended(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
    this.#send(worker, { kind: "begin", course: this.#course });
    return worker;
  }

  #hear(worker: Worker, message: FromWorker): void {
    const { working } = worker;
    switch (message.kind) {
      case "epoch":
        worker.epoch = message.epoch;
        this.#progress();
        break;
      case "outcome":
        Object.assign(worker, { working: null, epoch: 0 });
        working?.resolve(message.outcome);
        this.#assign();
        break;
      case "fault":
        Object.assign(worker, { working: null, epoch: 0 });
        working?.reject(Object.assign(new Error("a process of the sweep failed"), { stack: message.stack }));
        break;
      default:
        message satisfies never;
    }
  }

  /** For a run whose process has ended: another tries, once. */
  #again(waiting: Waiting, how: string): void {
    if (this.#closed) return waiting.resolve(null);
    waiting.ended++;
    if (waiting.ended < TRIES) {
      this.#queue.unshift(waiting);
      return;
    }
    const message = `the process that trained it ${how}, ${TRIES} times`;
    waiting.resolve({ kind: "failed", failure: { code: "process-ended", message }, history: { loss: [] } });
  }
}
