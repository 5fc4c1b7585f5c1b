/** What `train` is asked. */
import type { SharedOptions, TableArguments } from "../options.ts";

export interface TrainArguments extends SharedOptions, TableArguments {
  readonly data?: readonly string[];
  readonly test?: readonly string[];
  readonly epochs?: number;
  readonly output?: string;
  readonly checkpoint?: number;
  readonly resume?: string;
  readonly restartEpoch: boolean;
  readonly lr?: number;
  readonly opt: Readonly<Record<string, number>>;
  readonly shuffle: boolean;
  readonly dtype: "f32" | "f64";
  readonly memory?: number;
  readonly simd: "strict" | "relaxed";
  readonly threads: number;
}
