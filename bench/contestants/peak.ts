/** The machine's own speed in 128-bit registers, which the products are a share of. */
import { FLOPS_A_LOOP, peakModule } from "../peak-module.ts";
import { Unavailable, type Contestant } from "./contestant.ts";

const LOOPS = 2000;

const peak =
  (relaxed: boolean): Contestant =>
  async (job) => {
    if (job.kind !== "product") throw new Unavailable("it only multiplies and adds");
    const { instance } = await WebAssembly.instantiate(peakModule(relaxed));
    // The module's one export.
    const run = instance.exports["run"] as (loops: number, a: number, b: number) => number;
    return {
      units: LOOPS * FLOPS_A_LOOP,
      call: () => run(LOOPS, 0.5, 0.25),
      // No product: there is nothing to agree on.
      check: () => [],
    };
  };

export const strictPeak = peak(false);
export const relaxedPeak = peak(true);
