/** What is timed. A workload is a line of the table; its job is the same for all contestants. */
import type { JobFolder } from "./folder.ts";
import type { ContestantName } from "./hosts/runner.ts";
import type { Job } from "./job.ts";

export type Unit = "ms" | "µs" | "ns" | "s" | "GFLOP/s";

export interface Workload {
  /** Stable: targets and `--only` name it. */
  readonly id: string;
  readonly title: string;
  readonly group: string;
  readonly unit: Unit;
  readonly contestants: readonly ContestantName[];
  /** How far answers may be apart, as a part of the largest. */
  readonly tolerance: number;
  /** At most so many rounds, where one call is long. */
  readonly rounds?: number;
  /** Whether pages do it too. */
  readonly inPages: boolean;
  readonly job: (folder: JobFolder) => Promise<Job>;
}

/** The time that products alone would take. */
export const peaks: readonly ContestantName[] = ["peak", "peak-relaxed"];
