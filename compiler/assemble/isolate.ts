/**
 * asc in a worker of its own, kept for the next module. asc is a recursive compiler and may
 * overflow its stack or its heap, or go on for ever: whatever it fails of ends the worker and that
 * one module, and the next module gets a new worker.
 */
import type { AscRequest, AscResult, Effort } from "./asc.ts";
import type { Message, WorkerData } from "./worker.ts";

/**
 * How long one module may take: a minute, and as long again for each 2 MB of its text. A quiet
 * machine needs a tenth of it.
 */
const timeLimit = (source: string): number => 60_000 * (1 + source.length / 2_000_000);
/** The worker's memory: enough for modules far past what the compiler's own limits admit. */
const MEMORY = { maxOldGenerationSizeMb: 2048, stackSizeMb: 16 };

/**
 * Characters of text from which on asc tries less: what it finds beyond takes more and more time,
 * for next to nothing.
 */
const LARGE = 400_000;
const HUGE = 4_000_000;

/** How hard asc tries, one after the other, where it fails for want of time or memory. */
function effortsFor({ length }: string): Effort[] {
  if (length >= HUGE) return ["least", "none"];
  return [length < LARGE ? "most" : "less", "least", "none"];
}

/** The program is sound, and asc did not come to its end with it. */
export class Exhausted extends Error {
  /** What it would have needed more of, as a sentence's end. */
  readonly of: string;

  constructor(of: string) {
    super(`asc needs more than ${of}`);
    this.name = "Exhausted";
    this.of = of;
  }
}

/** How V8, asc and binaryen say that there is no more memory, or no more stack. */
const OUT_OF_MEMORY =
  /out of memory|OOM|memory limit|allocation failed|call stack|Invalid (?:array|string) length|enlarge memory/i;

/** Where asc runs, one module at a time. */
interface Aside {
  /** Rejects with what asc reports, and where the worker ends meanwhile. */
  readonly run: (request: AscRequest) => Promise<AscResult>;
  readonly close: () => void | Promise<unknown>;
}

let aside: Promise<Aside> | null = null;
let lastTurn: Promise<unknown> = Promise.resolve();

/** Starts the worker, so that it loads asc while the front end is at work. */
export function warmUp(): void {
  if (aside !== null) return;
  const opened = open(() => {
    if (aside === opened) aside = null;
  });
  aside = opened;
  // A failure is reported by the call that needs the worker.
  opened.catch(() => {});
}

/**
 * Ends the worker, whose memory is some 70 MB, once it has done what it was asked: the next
 * module starts another.
 */
export async function coolDown(): Promise<void> {
  await lastTurn;
  const opened = aside;
  aside = null;
  await opened?.then(
    ({ close }) => close(),
    () => {},
  );
}

/**
 * Runs asc aside. Calls made together take turns, so that each has the whole time limit to itself.
 * What takes too much is tried again with less effort.
 * @throws Exhausted where asc takes more than `limit` milliseconds, or all of its memory, with no
 * effort at all; Error where it reports one or crashes
 */
export function isolatedAsc(
  request: Omit<AscRequest, "effort">,
  limit = timeLimit(request.source),
): Promise<AscResult> {
  const result = lastTurn.then(() => withLessEffort(request, limit));
  lastTurn = result.catch(() => {});
  return result;
}

async function withLessEffort(request: Omit<AscRequest, "effort">, limit: number): Promise<AscResult> {
  let exhausted: unknown;
  for (const effort of effortsFor(request.source)) {
    try {
      return await runNow({ ...request, effort }, limit);
    } catch (error) {
      if (!(error instanceof Exhausted)) throw error;
      exhausted = error;
    }
  }
  throw exhausted;
}

async function runNow(request: AscRequest, limit: number): Promise<AscResult> {
  warmUp();
  const opened = aside!;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Exhausted(`${Math.ceil(limit / 1000)} seconds`)), limit);
    });
    return await Promise.race([opened.then(({ run }) => run(request)), late]);
  } catch (error) {
    const isExhausted = error instanceof Error && OUT_OF_MEMORY.test(error.message);
    // What asc leaves behind where it failed is not to be relied on.
    if (aside === opened) aside = null;
    void opened.then(
      ({ close }) => close(),
      () => {},
    );
    throw isExhausted ? new Exhausted(`${MEMORY.maxOldGenerationSizeMb / 1024} GB of memory`) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** @param ended called when the worker is no more */
async function open(ended: () => void): Promise<Aside> {
  if (typeof process === "object" && typeof process.versions?.node === "string") return openThread(ended);
  if (typeof Worker === "function") return (await openWebWorker(ended)) ?? openHere();
  return openHere();
}

/** The call that waits for an answer, if there is one. */
class Call {
  #resolve: (result: AscResult) => void = () => {};
  #reject: (error: Error) => void = () => {};

  wait(): Promise<AscResult> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  answer(message: Message): void {
    if (message.kind === "result") this.#resolve(message.result);
    else if (message.kind === "failure") this.fail(message.message);
  }

  fail(message: string): void {
    this.#reject(new Error(message));
  }
}

function openThread(ended: () => void): Aside {
  // Asked for in this way they are no imports that a bundler for browsers stumbles over.
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const { getCompileCacheDir } = process.getBuiltinModule("node:module");
  const { dirname } = process.getBuiltinModule("node:path");
  const cache = getCompileCacheDir();
  const worker = new Worker(new URL(import.meta.url.replace(/isolate(?=\.\w+$)/, "worker")), {
    resourceLimits: MEMORY,
    // The options of this process (a test runner's loaders, say) are not for it; its cache of
    // compiled code is.
    execArgv: [],
    // Node keeps each version's code in a folder of the one that it is told.
    workerData: { compileCache: cache === undefined ? null : dirname(cache) } satisfies WorkerData,
    stdout: true,
    stderr: true,
  });
  const call = new Call();
  worker.on("message", (message: Message) => call.answer(message));
  worker.on("error", (error) => call.fail(error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => {
    ended();
    call.fail(`the worker of asc ended with code ${code}`);
  });
  // The process waits for a module, and not for a worker that nothing is asked of.
  worker.unref();
  return {
    run: (request) => {
      worker.ref();
      worker.postMessage(request);
      return call.wait().finally(() => worker.unref());
    },
    close: () => worker.terminate(),
  };
}

/**
 * null where the page may not start workers, or where `worker.js` was not published beside this
 * file.
 */
function openWebWorker(ended: () => void): Promise<Aside | null> {
  // Bundlers know a worker by this very expression.
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const call = new Call();
  let ready = false;
  return new Promise((resolve) => {
    worker.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      if (data.kind !== "ready") return call.answer(data);
      ready = true;
      resolve({
        run: (request) => {
          worker.postMessage(request);
          return call.wait();
        },
        close: () => worker.terminate(),
      });
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      worker.terminate();
      if (!ready) return resolve(null);
      ended();
      call.fail(event.message || "the worker of asc failed");
    });
  });
}

/** In this thread: nothing holds asc then but its own errors. */
async function openHere(): Promise<Aside> {
  const { runAsc } = await import("./asc.ts");
  return { run: async (request) => runAsc(request), close: () => {} };
}
