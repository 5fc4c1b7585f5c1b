/** What `compare` is asked. */
import type { SharedOptions, TableArguments } from "../options.ts";

export const autograds = ["tape", "numeric", "tfjs", "torch"] as const;
export type Autograd = (typeof autograds)[number];

export interface CompareArguments extends SharedOptions, TableArguments {
  readonly against: readonly Autograd[];
  readonly data?: readonly string[];
  readonly dtype: "f32" | "f64";
  readonly simd: "strict" | "relaxed";
  readonly tolerance?: number;
}
