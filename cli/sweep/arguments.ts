/** What `sweep` is asked. */
import type { SharedOptions, TableArguments } from "../options.ts";
import type { Axis } from "./grid.ts";

export interface SweepArguments extends Omit<SharedOptions, "set">, TableArguments {
  readonly set: readonly Axis[];
  readonly opt: readonly Axis[];
  readonly seeds: number;
  readonly data?: readonly string[];
  readonly validate?: readonly string[];
  readonly test?: readonly string[];
  readonly epochs: number;
  readonly shuffle: boolean;
  readonly dtype: "f32" | "f64";
  readonly simd: "strict" | "relaxed";
  readonly jobs?: number;
  readonly resume: boolean;
  readonly output: string;
}
