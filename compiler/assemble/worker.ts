/** A worker that runs asc: one request at a time, an answer to each. In Node a worker thread, in browsers a module worker. */
import type { AscRequest, AscResult } from "./asc.ts";

export interface Request {
  readonly id: number;
  readonly asc: AscRequest;
}

export type Answer =
  { readonly id: number; readonly result: AscResult } | { readonly id: number; readonly error: string };

interface Port {
  readonly listen: (handle: (request: Request) => void) => void;
  readonly send: (answer: Answer) => void;
}

// asc takes half a second to load: begin at once, before the first request.
const loading = import("./asc.ts");
const port = await openPort();
let queue: Promise<void> = Promise.resolve();
port.listen((request) => {
  queue = queue.then(async () => port.send(await answer(request)));
});

async function answer({ id, asc }: Request): Promise<Answer> {
  try {
    const { runAsc } = await loading;
    return { id, result: await runAsc(asc) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

async function openPort(): Promise<Port> {
  if (typeof process === "object" && typeof process.versions?.node === "string") {
    const { parentPort } = await import("node:worker_threads");
    return {
      listen: (handle) => void parentPort!.on("message", handle),
      send: (message) => parentPort!.postMessage(message),
    };
  }
  return {
    listen: (handle) => addEventListener("message", (event: MessageEvent<Request>) => handle(event.data)),
    send: (message) => postMessage(message),
  };
}
