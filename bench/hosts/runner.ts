/** A contestant in a process or a page of its own, ready for one job. */
import type { Job } from "../job.ts";
import type { Slice } from "../timing.ts";

export const contestantNames = [
  "nndsl",
  "nndsl-relaxed",
  "nndsl-threads",
  "torch",
  "jax",
  "tfjs",
  "ort",
  "peak",
  "peak-relaxed",
] as const;
export type ContestantName = (typeof contestantNames)[number];

export type Prepared =
  | {
      readonly kind: "ready";
      readonly units: number;
      readonly check: readonly number[];
      /** What it has chosen. */
      readonly note?: string | null;
    }
  | { readonly kind: "unavailable"; readonly reason: string };

export interface Runner {
  prepare(job: Job): Promise<Prepared>;
  /** Calls for at least so many milliseconds. */
  run(milliseconds: number): Promise<Slice>;
  /** The most memory that the process has had so far, in bytes; NaN where that cannot be known. */
  peakMemory(): Promise<number>;
  close(): Promise<void>;
}

export interface Host {
  readonly name: string;
  readonly version: string;
  readonly contestants: readonly ContestantName[];
  open(contestant: ContestantName): Promise<Runner>;
  close(): Promise<void>;
}
