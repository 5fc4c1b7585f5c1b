/** A worker that runs asc: a module at a time, an answer to each. In Node a worker thread, in browsers a module worker. */
import type { AscRequest, AscResult } from "./asc.ts";

export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: AscResult }
  | { readonly kind: "failure"; readonly message: string };

interface Port {
  readonly listen: (handle: (request: AscRequest) => void) => void;
  readonly send: (message: Message) => void;
}

// asc takes half a second to load: begin at once, before the first request.
const loading = import("./asc.ts");
const port = openPort();
port.listen((request) => void answer(request).then(port.send));
port.send({ kind: "ready" });

async function answer(request: AscRequest): Promise<Message> {
  try {
    const { runAsc } = await loading;
    return { kind: "result", result: await runAsc(request) };
  } catch (error) {
    return { kind: "failure", message: error instanceof Error ? error.message : String(error) };
  }
}

function openPort(): Port {
  if (typeof process === "object" && typeof process.versions?.node === "string") {
    const { parentPort } = process.getBuiltinModule("node:worker_threads");
    // This file runs in workers alone, where there is one.
    const parent = parentPort!;
    return {
      listen: (handle) => void parent.on("message", handle),
      send: (message) => parent.postMessage(message),
    };
  }
  return {
    listen: (handle) => addEventListener("message", (event: MessageEvent<AscRequest>) => handle(event.data)),
    send: (message) => postMessage(message),
  };
}
