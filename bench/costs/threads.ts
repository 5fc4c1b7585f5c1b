/**
 * Where the time of a step goes that two threads share: what one of them would take for its half,
 * and what waiting for the other adds.
 */
import { modelSource } from "../models.ts";
import { compile } from "../../dist/compiler/index.js";
import { load } from "../../dist/runtime/index.js";
import { labels, uniform } from "../data.ts";
import { kernelCalls } from "./kernel-calls.ts";
import { least } from "./least.ts";

const INPUTS = 784;
const CLASSES = 10;

/** Of one step, relaxed; microseconds are the least of many. */
export interface Sharing {
  readonly batch: number;
  readonly oneThread: number;
  readonly twoThreads: number;
  /**
   * The part of the kernels' time that is of those that are divided, 0 … 1; the others are worked
   * out by the first thread alone.
   */
  readonly divided: number;
}

/**
 * Of the digit network, at the batches of the targets. @param milliseconds for each kernel, and
 * each step
 */
export async function sharings(milliseconds: number): Promise<Sharing[]> {
  const source = await modelSource("digits");
  const { wasm } = await compile(source, { simd: "relaxed" });
  const found: Sharing[] = [];
  for (const batch of [32, 256]) {
    const examples = { x: uniform(batch * INPUTS, 0, 1, 1), y: labels(batch, CLASSES, 2) };
    const step = async (threads: number): Promise<number> => {
      const net = await load(wasm, { seed: 1, threads });
      const time = 1000 * least(() => void net.step(examples), milliseconds);
      net.dispose();
      return time;
    };
    const { calls } = await kernelCalls(source, "step", batch, "relaxed");
    const times = { divided: 0, alone: 0 };
    for (const { call, restore, divided } of calls)
      times[divided ? "divided" : "alone"] += least(call, milliseconds, restore);
    found.push({
      batch,
      oneThread: await step(1),
      twoThreads: await step(2),
      divided: times.divided / (times.divided + times.alone),
    });
  }
  return found;
}
