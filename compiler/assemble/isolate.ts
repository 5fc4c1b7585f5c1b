/**
 * asc in a worker of its own, kept for the next call. asc is a recursive compiler and may overflow its stack or its heap: that ends the
 * worker and the call with an error, and the next call gets a new worker.
 */
import type { AscRequest, AscResult } from "./asc.ts";
import type { Answer, Request } from "./worker.ts";

/** How long one module may take. */
const TIME_LIMIT_MS = 60_000;
/** The worker's memory: enough for modules far past what the compiler's own limits admit. */
const LIMITS = { maxOldGenerationSizeMb: 2048, stackSizeMb: 16 };

/** What this file needs of Node's worker threads and of the web's workers. */
interface Link {
  readonly post: (request: Request) => void;
  readonly close: () => void;
  /** Whether the process waits for it. */
  readonly hold: (wait: boolean) => void;
}

interface Pending {
  readonly resolve: (result: AscResult) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

const pending = new Map<number, Pending>();
let link: Promise<Link> | null = null;
let lastId = 0;

/** Starts the worker, so that it loads asc while the front end is at work. */
export function warmUp(): void {
  link ??= connect();
  // A failure is reported by the call that needs the worker.
  link.catch(() => {});
}

/**
 * Runs asc aside.
 * @throws Error where asc reports one, crashes or passes the time limit
 */
export async function isolatedAsc(request: AscRequest): Promise<AscResult> {
  warmUp();
  const worker = await link!;
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => abandon(new Error(`asc took more than ${TIME_LIMIT_MS / 1000} s`)),
      TIME_LIMIT_MS,
    );
    pending.set(id, { resolve, reject, timer });
    worker.hold(true);
    worker.post({ id, asc: request });
  });
}

function settle(answer: Answer): void {
  const call = pending.get(answer.id);
  if (call === undefined) return;
  pending.delete(answer.id);
  clearTimeout(call.timer);
  if ("error" in answer) call.reject(new Error(answer.error));
  else call.resolve(answer.result);
  if (pending.size === 0) void link?.then((worker) => worker.hold(false));
}

/** Ends the worker; all calls that wait for it fail. */
function abandon(error: Error): void {
  const old = link;
  link = null;
  void old?.then(
    (worker) => worker.close(),
    () => {},
  );
  for (const { reject, timer } of pending.values()) {
    clearTimeout(timer);
    reject(error);
  }
  pending.clear();
}

async function connect(): Promise<Link> {
  const url = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
  if (typeof process === "object" && typeof process.versions?.node === "string") return connectThread(url);
  if (typeof Worker === "function") return connectWebWorker(url);
  return connectHere();
}

async function connectThread(url: URL): Promise<Link> {
  const { Worker } = await import("node:worker_threads");
  // The options of this process (a test runner's loaders, say) are not for it.
  const worker = new Worker(url, { resourceLimits: LIMITS, execArgv: [], stdout: true, stderr: true });
  worker.unref();
  worker.on("message", settle);
  worker.on("error", (error) => abandon(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", (code) => {
    if (pending.size > 0) abandon(new Error(`the worker of asc ended with code ${code}`));
  });
  return {
    post: (request) => worker.postMessage(request),
    close: () => void worker.terminate(),
    hold: (wait) => (wait ? worker.ref() : worker.unref()),
  };
}

function connectWebWorker(url: URL): Link {
  const worker = new Worker(url, { type: "module" });
  worker.addEventListener("message", (event: MessageEvent<Answer>) => settle(event.data));
  worker.addEventListener("error", (event) =>
    abandon(new Error(event.message || "the worker of asc failed")),
  );
  return { post: (request) => worker.postMessage(request), close: () => worker.terminate(), hold: () => {} };
}

/** Without workers asc runs in this thread, without a limit. */
async function connectHere(): Promise<Link> {
  const { runAsc } = await import("./asc.ts");
  return {
    post: ({ id, asc }) => {
      runAsc(asc).then(
        (result) => settle({ id, result }),
        (error: unknown) => settle({ id, error: String(error) }),
      );
    },
    close: () => {},
    hold: () => {},
  };
}
