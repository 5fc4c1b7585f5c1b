/**
 * The machine's own speed in 128-bit registers: products are a share of it, and a step's products
 * cannot take less time.
 */
import type { Job } from "../job.ts";
import { FLOPS_A_LOOP, peakModule } from "../peak-module.ts";
import { Unavailable, type Contestant } from "./contestant.ts";

const LOOPS = 2000;

/**
 * Multiplications and additions that are one unit of the job: one of them for a product, all of its
 * products' for a step or an inference.
 */
function operationsOf(job: Job): number {
  if (job.kind === "product") return 1;
  if (job.kind === "program" && job.productFlops > 0) return job.productFlops;
  if (job.kind !== "train" && job.kind !== "predict") throw new Unavailable("it only multiplies and adds");
  const { batch, network } = job;
  // Training has each layer's product three times, but for the gradient at the input of the first.
  const products = network.sizes.slice(1).map((outputs, i) => {
    const times = job.kind === "predict" ? 1 : i === 0 ? 2 : 3;
    return times * outputs * (network.sizes[i] ?? 0);
  });
  return 2 * batch * products.reduce((sum, product) => sum + product, 0);
}

const peak =
  (relaxed: boolean): Contestant =>
  async (job) => {
    const operations = operationsOf(job);
    const { instance } = await WebAssembly.instantiate(peakModule(relaxed));
    // The module's one export.
    const run = instance.exports["run"] as (loops: number, a: number, b: number) => number;
    return {
      units: (LOOPS * FLOPS_A_LOOP) / operations,
      call: () => run(LOOPS, 0.5, 0.25),
      // No answer: there is nothing to agree on.
      check: () => [],
    };
  };

export const strictPeak = peak(false);
export const relaxedPeak = peak(true);
