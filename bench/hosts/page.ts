/** A contestant in a page: `globalThis.runner` is what the host calls. The address says which: `?contestant=NAME`. */
import type { Contestant } from "../contestants/contestant.ts";
import { Server } from "../contestants/serve.ts";
import type { Job, Read } from "../job.ts";
import type { ContestantName } from "./runner.ts";

const read: Read = async (file) => {
  const response = await fetch(`/job/${file}`);
  if (!response.ok) throw new Error(`${file}: HTTP ${response.status}`);
  return response.arrayBuffer();
};

async function contestantOf(name: ContestantName): Promise<Contestant> {
  switch (name) {
    case "nndsl":
      return (await import("../contestants/nndsl.ts")).strict;
    case "nndsl-relaxed":
      return (await import("../contestants/nndsl.ts")).relaxed;
    case "nndsl-threads":
      return (await import("../contestants/nndsl.ts")).threaded;
    case "tfjs":
      return (await import("../contestants/tensorflow.ts")).tensorflow("/binaries/tfjs/");
    case "ort":
      return (await import("../contestants/onnxruntime.ts")).onnxruntime("/binaries/ort/");
    case "jax":
      // It starts a worker a core where it finds workers and shared memory; all peers run on one thread, as in Node.
      Reflect.deleteProperty(globalThis, "Worker");
      return (await import("../contestants/jax.ts")).jax;
    case "peak":
      return (await import("../contestants/peak.ts")).strictPeak;
    case "peak-relaxed":
      return (await import("../contestants/peak.ts")).relaxedPeak;
    case "torch":
      throw new Error("PyTorch does not run in pages.");
    default:
      return name satisfies never;
  }
}

const server = new Server();

/** What the host calls in the page. */
export const runner = {
  prepare: async (job: Job) => {
    // The host wrote the address.
    const name = new URL(location.href).searchParams.get("contestant") as ContestantName;
    return server.prepare(await contestantOf(name), job, read);
  },
  run: (milliseconds: number) => server.run(milliseconds),
};

Object.assign(globalThis, { runner });
