/**
 * A contestant as a process of Node: requests and replies are lines of JSON. `node child.ts
 * CONTESTANT`
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { contestantOf } from "../contestants/contestant-of.ts";
import { Server } from "../contestants/serve.ts";
import { highWater } from "../high-water.ts";
import type { Job } from "../job.ts";
import type { ContestantName } from "./runner.ts";

type Request =
  | { readonly do: "prepare"; readonly job: Job; readonly folder: string }
  | { readonly do: "run"; readonly milliseconds: number }
  | { readonly do: "memory" };

const tfjs = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json");
const binaries = { tfjs: join(dirname(tfjs), "wasm-out", "/") };

const server = new Server();

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case "prepare": {
      // The parent gives names of the list.
      const contestant = await contestantOf(process.argv[2] as ContestantName, binaries);
      return server.prepare(contestant, request.job, async (file) => {
        const bytes = await readFile(join(request.folder, file));
        // A copy of its own: small files share a buffer.
        return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
      });
    }
    case "run":
      return server.run(request.milliseconds);
    case "memory":
      return highWater();
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
