/** What the processor does at most, measured in the same minute as what is compared with it. */
import { clockModule, CYCLES_A_LOOP } from "../clock-module.ts";
import { FLOPS_A_LOOP, peakModule } from "../peak-module.ts";
import { least } from "./least.ts";
import type { Simd } from "./kernel-calls.ts";

export interface Speeds {
  /** In 10⁹ floating-point operations a second. */
  readonly peak: number;
  /** In 10⁹ cycles a second. */
  readonly clock: number;
}

export const speedsOf = async (simd: Simd): Promise<Speeds> => ({
  peak: await peakOf(simd),
  clock: await clockOf(),
});

/** The clock of the processor, whatever it says of itself. */
async function clockOf(): Promise<number> {
  const { instance } = await WebAssembly.instantiate(clockModule());
  // The module's one export.
  const run = instance.exports["run"] as (loops: number, a: number) => number;
  const loops = 2000;
  return (loops * CYCLES_A_LOOP) / least(() => run(loops, 3), 200) / 1e6;
}

async function peakOf(simd: Simd): Promise<number> {
  const { instance } = await WebAssembly.instantiate(peakModule(simd === "relaxed"));
  // The module's one export.
  const run = instance.exports["run"] as (loops: number, a: number, b: number) => number;
  const loops = 2000;
  return (loops * FLOPS_A_LOOP) / least(() => run(loops, 0.5, 0.25), 500) / 1e6;
}
