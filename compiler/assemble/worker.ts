/**
 * A worker that runs asc: a module at a time, an answer to each. In Node a worker thread, in
 * browsers a module worker.
 */
import type { AscRequest, AscResult } from "./asc.ts";

export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: AscResult }
  | { readonly kind: "failure"; readonly message: string };

/** What a worker thread is told as it starts. */
export interface WorkerData {
  /**
   * The folder where the process keeps the code that V8 makes of modules, if it does: asc loads in
   * two thirds of the time by it.
   */
  readonly compileCache: string | null;
}

interface Port {
  readonly listen: (handle: (request: AscRequest) => void) => void;
  readonly send: (message: Message) => void;
}

const port = openPort();
// asc takes half a second to load: begin at once, before the first request.
const loading = import("./asc.ts");
port.listen((request) => void answer(request).then(port.send));
port.send({ kind: "ready" });

async function answer(request: AscRequest): Promise<Message> {
  try {
    const { runAsc } = await loading;
    return { kind: "result", result: runAsc(request) };
  } catch (error) {
    return { kind: "failure", message: error instanceof Error ? error.message : String(error) };
  }
}

function openPort(): Port {
  if (typeof process === "object" && typeof process.versions?.node === "string") return openThreadPort();
  return {
    listen: (handle) => addEventListener("message", (event: MessageEvent<AscRequest>) => handle(event.data)),
    send: (message) => postMessage(message),
  };
}

function openThreadPort(): Port {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { enableCompileCache, flushCompileCache } = process.getBuiltinModule("node:module");
  // This file runs in workers alone, started by `isolate.ts`: there is a port, and the data are
  // its.
  const parent = parentPort!;
  const { compileCache } = workerData as WorkerData;
  if (compileCache !== null) enableCompileCache(compileCache);
  let fresh = compileCache !== null;
  return {
    listen: (handle) => void parent.on("message", handle),
    send: (message) => {
      // With the first module most of asc has been compiled. The process may end on the message,
      // and its threads unasked.
      if (fresh && message.kind === "result") flushCompileCache();
      if (message.kind === "result") fresh = false;
      parent.postMessage(message);
    },
  };
}
