/** What is found out of a run whose loss is not a finite number any more, as data. */
import type { DiagnosticJson } from "../program.ts";

/** Where it happened, as `--json` has it. */
export interface Divergence {
  readonly epoch: number;
  readonly batch: number;
  readonly step: number;
  /** The first tensor that was not finite, where it was found. */
  readonly tensor?: {
    /** The step that computed it. */
    readonly step: number;
    /** The layer's path, and its name; null outside of layers. */
    readonly layer: string | null;
    readonly callee: string | null;
    readonly pass: "source" | "forward" | "backward" | "update";
    /** Its line in `--emit grad`; its name where it has none. */
    readonly formula: string;
    readonly op: string;
    readonly entry: readonly number[];
    /** `NaN`, `Infinity` or `-Infinity`. */
    readonly value: string;
    /** The row of the data, from 0. */
    readonly row?: number;
    /** In a `scan` the place along its axis, from 0; in one inside of another a place of each, outermost first. */
    readonly places?: readonly number[];
  };
}

export interface Wrong {
  readonly diverged: Divergence;
  readonly diagnostics: readonly DiagnosticJson[];
}
