/**
 * `train --live`: the page of a run, served while it goes on. The page is drawn and served by a
 * thread of its own; this one tells it how the run goes, and does what the page asks.
 */
import { Worker } from "node:worker_threads";
import { UsageError } from "../failures.ts";
import type { Output } from "../output.ts";
import type { Recording } from "../report/recording.ts";
import type { Observer } from "../train/observe.ts";
import { signalNames } from "../terminal/interrupt.ts";
import { later, type Later } from "./later.ts";
import type { Control, FromServer, ToServer } from "./messages.ts";

/** Milliseconds between two tellings of all, and of the place alone. */
const STATE = 1000;
const PROGRESS = 250;

/** Counting the classes of all rows takes at most one part in so many of the time. */
const CLASSES = 20;

/** Milliseconds after the run without a page: for one that is reloaded, and for the first. */
const RELOAD = 2_000;
const FIRST_PAGE = 60_000;

export class Live implements Observer {
  readonly #worker: Worker;
  readonly #recording: Recording;
  readonly #output: Output;
  readonly #port: number;
  /** The run waits for it while it is paused. */
  #pause: Later<void> | null = null;
  #told = { state: 0, progress: 0 };
  #classified = { at: 0, took: 0 };
  #pages = { open: 0, seen: false };
  #pagesChanged: () => void = () => {};
  #over = false;

  private constructor(worker: Worker, port: number, recording: Recording, output: Output) {
    this.#worker = worker;
    this.#port = port;
    this.#recording = recording;
    this.#output = output;
    worker.on("message", (message: FromServer) => this.#hear(message));
    worker.unref();
  }

  /**
   * Opens the port, before anything is computed.
   * @param port 0 for any that is free
   * @throws UsageError where it cannot be had
   */
  static async open(port: number, recording: Recording, output: Output): Promise<Live> {
    const worker = new Worker(new URL(import.meta.url.replace(/live(?=\.\w+$)/, "worker")), { execArgv: [] });
    worker.postMessage({ kind: "listen", port } satisfies ToServer);
    const answer = await new Promise<FromServer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    if (answer.kind === "listening") return new Live(worker, answer.port, recording, output);
    await worker.terminate();
    const code = answer.kind === "refused" ? answer.code : "";
    throw new UsageError(
      "port-not-free",
      code === "EADDRINUSE" ? `port ${port} is in use` : `port ${port} cannot be opened: ${code}`,
      { help: "give another, or --live alone, which takes one that is free" },
    );
  }

  async started(): Promise<void> {
    const facts = await this.#recording.facts();
    this.#tell({ kind: "begin", facts, state: this.#recording.recorder.state() });
    this.#output.say(`watch it at http://127.0.0.1:${this.#port}/`);
  }

  step(): void | Promise<void> {
    const now = performance.now();
    if (now - this.#told.state > STATE) this.#tellState();
    else if (now - Math.max(this.#told.progress, this.#told.state) > PROGRESS) {
      this.#told.progress = now;
      this.#tell({ kind: "progress", progress: this.#recording.recorder.progress() });
    }
    if (this.#pause === null) return;
    // From here on it waits.
    this.#recording.recorder.paused = true;
    this.#tellState();
    return this.#pause.promise;
  }

  epoch(): void {
    const began = performance.now();
    const { at, took } = this.#classified;
    if (this.#pages.open === 0 || began - at < CLASSES * took + STATE) return;
    this.#recording.recorder.classifyNow();
    const now = performance.now();
    this.#classified = { at: now, took: now - began };
  }

  ended(): void {
    this.#over = true;
    this.#tellState();
  }

  /**
   * After the run: waits until the last page is closed, or a signal comes; a minute for the first
   * page where none was opened yet.
   */
  async linger(): Promise<void> {
    this.#worker.ref();
    const { promise, resolve } = later();
    const end = (): void => resolve();
    for (const name of signalNames) process.once(name, end);
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.#pagesChanged = () => {
      clearTimeout(timer);
      timer = undefined;
      if (this.#pages.open === 0) timer = setTimeout(resolve, this.#pages.seen ? RELOAD : FIRST_PAGE);
    };
    this.#pagesChanged();
    const until =
      this.#pages.open > 0 ? "until it is closed" : "for a minute, or once opened until it is closed";
    this.#output.say(`http://127.0.0.1:${this.#port}/ stays ${until}; Ctrl-C ends it now`);
    await promise;
    clearTimeout(timer);
    for (const name of signalNames) process.off(name, end);
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#pause?.resolve();
    await this.#worker.terminate();
  }

  /** Goes on where the run is paused. */
  resume(): void {
    this.#pause?.resolve();
    this.#pause = null;
    this.#worker.unref();
    if (!this.#over && this.#recording.hasBegun) this.#recording.recorder.paused = false;
  }

  #tell(message: ToServer): void {
    this.#worker.postMessage(message);
  }

  #tellState(): void {
    this.#told.state = performance.now();
    this.#tell({ kind: "state", state: this.#recording.recorder.state() });
  }

  #hear(message: FromServer): void {
    if (message.kind === "control") this.#do(message.control);
    else if (message.kind === "pages") {
      this.#pages = { open: message.count, seen: this.#pages.seen || message.count > 0 };
      this.#pagesChanged();
    }
  }

  #do(control: Control): void {
    if (this.#over || !this.#recording.hasBegun) return;
    const { run } = this.#recording;
    switch (control.do) {
      case "pause":
        this.#pause ??= later();
        // Nothing else keeps the process while it waits.
        this.#worker.ref();
        break;
      case "resume":
        this.resume();
        break;
      case "stop":
        run.stop("its page");
        this.resume();
        break;
      case "set":
        this.#set(control.name, control.value);
        break;
      default:
        control satisfies never;
    }
    this.#tellState();
  }

  /** The learning rate, if the optimizer has one. */
  #set(name: string, to: number): void {
    const { recorder, run } = this.#recording;
    const { hyper, step } = recorder.progress();
    const from = hyper[name];
    if (name !== "lr" || from === undefined || to < 0 || to === from) return;
    run.setHyper(name, to);
    recorder.noteChange({ step, name, from, to });
  }
}
