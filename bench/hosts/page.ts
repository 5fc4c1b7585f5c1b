/**
 * A contestant in a page: `globalThis.runner` is what the host calls. The address says which:
 * `?contestant=NAME`.
 */
import { contestantOf } from "../contestants/contestant-of.ts";
import { Server } from "../contestants/serve.ts";
import type { Job, Read } from "../job.ts";
import type { ContestantName } from "./runner.ts";

const read: Read = async (file) => {
  const response = await fetch(`/job/${file}`);
  if (!response.ok) throw new Error(`${file}: HTTP ${response.status}`);
  return response.arrayBuffer();
};

const binaries = { tfjs: "/binaries/tfjs/", ort: "/binaries/ort/" };

const server = new Server();

/** What the host calls in the page. */
export const runner = {
  prepare: async (job: Job) => {
    // The host wrote the address.
    const name = new URL(location.href).searchParams.get("contestant") as ContestantName;
    // It starts a worker a core where it finds workers and shared memory; all peers run on one
    // thread, as in Node.
    if (name === "jax") Reflect.deleteProperty(globalThis, "Worker");
    return server.prepare(await contestantOf(name, binaries), job, read);
  },
  run: (milliseconds: number) => server.run(milliseconds),
};

Object.assign(globalThis, { runner });
