/** What `train` is asked. */
import type { SharedOptions, TableArguments } from "../options.ts";

export interface TrainArguments extends SharedOptions, TableArguments {
  readonly data?: readonly string[];
  readonly test?: readonly string[];
  /** Files as for `--data`, or a share. */
  readonly validate?: readonly string[];
  readonly patience?: number;
  readonly history?: string;
  readonly epochs?: number;
  readonly output?: string;
  readonly checkpoint?: number;
  readonly resume?: string;
  /** A file whose tensors a new run begins with, by path and shape. */
  readonly weights?: string;
  /** Every so many steps. */
  readonly probe?: number;
  readonly restartEpoch: boolean;
  readonly lr?: number;
  readonly opt: Readonly<Record<string, number>>;
  readonly shuffle: boolean;
  readonly dtype: "f32" | "f64";
  readonly memory?: number;
  readonly simd: "strict" | "relaxed";
  readonly threads: number;
  /** A page to write when the run is over. */
  readonly report?: string;
  /** Whether the page is served while it goes on, and at which port; `true` takes any. */
  readonly live?: number | true;
}

/** Whether somebody reads the metrics of the training data after each epoch. */
export const readsMetrics = ({ history, report, live }: TrainArguments): boolean =>
  history !== undefined || report !== undefined || live !== undefined;
