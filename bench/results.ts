/** All that a run has found, and how figures are read from it. */
import type { CompileTime } from "./costs/compile-time.ts";
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
  readonly pageSizes?: Readonly<Record<"nndsl" | "jax" | "tfjs" | "ort", PageSize>>;
  readonly peakMemory?: PeakMemory;
}

/** Milliseconds for one unit of work, the median; undefined where it was not measured. */
export function medianOf(
  host: HostResults | undefined,
  workload: string,
  contestant: ContestantName,
): number | undefined {
  const cell = host?.rows.find((row) => row.workload === workload)?.cells.get(contestant);
  return cell?.kind === "timing" ? cell.median : undefined;
}

/** Floating-point operations a second, in 10⁹, from milliseconds for one. */
export const gigaflops = (milliseconds: number): number => 1e-6 / milliseconds;
