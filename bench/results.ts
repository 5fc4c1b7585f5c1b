/** All that a run has found, and how figures are read from it. */
import type { ColdStart } from "./costs/cold-start.ts";
import type { CompileTime } from "./costs/compile-time.ts";
import type { DataCost } from "./costs/data-cost.ts";
import type { Profile } from "./costs/profile.ts";
import type { Sharing } from "./costs/threads.ts";
import type { PeakMemory } from "./costs/peak-memory.ts";
import type { PageSize } from "./costs/page-size.ts";
import type { ContestantName } from "./hosts/runner.ts";
import type { Pace, Row } from "./rounds.ts";
import type { Machine } from "./machine.ts";

export interface HostResults {
  readonly name: string;
  readonly version: string;
  readonly contestants: readonly ContestantName[];
  readonly rows: readonly Row[];
}

export interface Results {
  readonly date: string;
  readonly machine: Machine;
  /** By the names of packages. */
  readonly versions: Readonly<Record<string, string>>;
  readonly pace: Pace;
  readonly hosts: readonly HostResults[];
  readonly compileTime?: CompileTime;
  readonly coldStarts?: readonly ColdStart[];
  readonly dataCosts?: readonly DataCost[];
  readonly pageSizes?: Readonly<Record<"nndsl" | "jax" | "tfjs" | "ort", PageSize>>;
  readonly peakMemory?: PeakMemory;
  readonly profiles?: readonly Profile[];
  readonly programProfiles?: readonly Profile[];
  readonly sharings?: readonly Sharing[];
}

/** What is made of the times of all rounds: the median, or the least. */
export type Pick = (samples: readonly number[]) => number;

export const median: Pick = (samples) => {
  const sorted = samples.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
};

export const least: Pick = (samples) => Math.min(...samples);

/** Milliseconds for one unit of work; undefined where it was not measured. */
export function timeOf(
  host: HostResults | undefined,
  workload: string,
  contestant: ContestantName,
  pick: Pick,
): number | undefined {
  const cell = host?.rows.find((row) => row.workload === workload)?.cells.get(contestant);
  return cell?.kind === "timing" ? pick(cell.samples) : undefined;
}

/**
 * How much longer a contestant's median is than its least time, in the median of a host's
 * workloads: what others at work on the machine cost it.
 */
export function noiseOf({ rows }: HostResults, contestant: ContestantName): number | undefined {
  const ratios = rows.flatMap(({ cells }) => {
    const cell = cells.get(contestant);
    return cell?.kind === "timing" ? [median(cell.samples) / least(cell.samples)] : [];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** Floating-point operations a second, in 10⁹, from milliseconds for one. */
export const gigaflops = (milliseconds: number): number => 1e-6 / milliseconds;
