/**
 * The most memory that a fresh process has while it trains: VmHWM after so many steps of the digit
 * network at batch 32.
 */
import type { JobFolder } from "../folder.ts";
import { runProcess } from "../hosts/node.ts";
import type { ContestantName } from "../hosts/runner.ts";
import { workloads } from "../workloads.ts";

const STEPS = 200;

export interface PeakMemory {
  /** A process of Node that has loaded no contestant, in bytes. */
  readonly node: number;
  readonly contestants: ReadonlyMap<ContestantName, number>;
}

export async function peakMemory(names: readonly ContestantName[], folder: JobFolder): Promise<PeakMemory> {
  const workload = workloads.find(({ id }) => id === "train-32");
  if (!workload) throw new Error("There is no workload train-32.");
  const job = await workload.job(folder);
  const contestants = new Map<ContestantName, number>();
  const empty = runProcess("nndsl", folder.path);
  const node = await empty.peakMemory();
  await empty.close();
  for (const name of names) {
    if (!workload.contestants.includes(name)) continue;
    const runner = runProcess(name, folder.path);
    try {
      if ((await runner.prepare(job)).kind === "unavailable") continue;
      for (let steps = 0; steps < STEPS;) steps += (await runner.run(10)).calls;
      contestants.set(name, await runner.peakMemory());
    } finally {
      await runner.close();
    }
  }
  return { node, contestants };
}
