/** A contestant by its name. Only the one asked for is loaded: memory is measured too. */
import type { ContestantName } from "../hosts/runner.ts";
import type { Contestant } from "./contestant.ts";

/** Where a host has the binaries of a peer; without `ort`, that package finds its own. */
export interface Binaries {
  readonly tfjs: string;
  readonly ort?: string;
}

/** @throws Error for PyTorch, which has a process of its own kind */
export async function contestantOf(name: ContestantName, binaries: Binaries): Promise<Contestant> {
  switch (name) {
    case "nndsl":
      return (await import("./nndsl.ts")).strict;
    case "nndsl-relaxed":
      return (await import("./nndsl.ts")).relaxed;
    case "nndsl-threads":
      return (await import("./nndsl.ts")).threaded;
    case "tfjs":
      return (await import("./tensorflow.ts")).tensorflow(binaries.tfjs);
    case "ort":
      return (await import("./onnxruntime.ts")).onnxruntime(binaries.ort);
    case "jax":
      return (await import("./jax.ts")).jax;
    case "peak":
      return (await import("./peak.ts")).strictPeak;
    case "peak-relaxed":
      return (await import("./peak.ts")).relaxedPeak;
    case "torch":
      throw new Error("PyTorch runs in Python.");
    default:
      return name satisfies never;
  }
}
