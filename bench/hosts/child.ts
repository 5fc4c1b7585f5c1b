/** A contestant as a process of Node: requests and replies are lines of JSON. `node child.ts CONTESTANT` */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Contestant } from "../contestants/contestant.ts";
import { Server } from "../contestants/serve.ts";
import type { Job } from "../job.ts";
import type { ContestantName } from "./runner.ts";

type Request =
  | { readonly do: "prepare"; readonly job: Job; readonly folder: string }
  | { readonly do: "run"; readonly milliseconds: number }
  | { readonly do: "memory" };

/** Only the one asked for is loaded: memory is measured too. */
async function contestantOf(name: ContestantName): Promise<Contestant> {
  switch (name) {
    case "nndsl":
      return (await import("../contestants/nndsl.ts")).strict;
    case "nndsl-relaxed":
      return (await import("../contestants/nndsl.ts")).relaxed;
    case "nndsl-threads":
      return (await import("../contestants/nndsl.ts")).threaded;
    case "tfjs": {
      const manifest = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json");
      return (await import("../contestants/tensorflow.ts")).tensorflow(
        join(dirname(manifest), "wasm-out", "/"),
      );
    }
    case "ort":
      return (await import("../contestants/onnxruntime.ts")).onnxruntime();
    case "jax":
      return (await import("../contestants/jax.ts")).jax;
    case "peak":
      return (await import("../contestants/peak.ts")).strictPeak;
    case "peak-relaxed":
      return (await import("../contestants/peak.ts")).relaxedPeak;
    case "torch":
      throw new Error("PyTorch runs in Python.");
    default:
      return name satisfies never;
  }
}

/** The high-water mark of the resident memory, as Linux keeps it. */
function peakMemory(): number {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

const server = new Server();

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case "prepare": {
      // The parent gives names of the list.
      const contestant = await contestantOf(process.argv[2] as ContestantName);
      return server.prepare(contestant, request.job, async (file) => {
        const bytes = await readFile(join(request.folder, file));
        // A copy of its own: small files share a buffer.
        return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
      });
    }
    case "run":
      return server.run(request.milliseconds);
    case "memory":
      return peakMemory();
    default:
      return request satisfies never;
  }
}

// Replies alone go to stdout; libraries greet there.
console.log = console.info = console.warn = console.error;

for await (const line of createInterface({ input: process.stdin })) {
  let reply: unknown;
  try {
    // What the parent writes.
    reply = { result: await answer(JSON.parse(line) as Request) };
  } catch (error) {
    reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
