/** One run of a sweep, and what came of it. */
import { NndslError } from "../../runtime/index.ts";
import { DataError, ModelError, UsageError } from "../failures.ts";
import type { Evaluation } from "../parts.ts";

/** What a process is given to train. */
export interface Job {
  /** Of the compiled module, by which a process knows it again. */
  readonly module: number;
  readonly wasm: Uint8Array;
  readonly hyper: Readonly<Record<string, number>>;
  readonly seed: number;
}

/** Why a run has no result. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** A loss or metric is null where it is not to be had, or not a finite number. */
export interface Trained {
  readonly kind: "trained";
  readonly own: Evaluation;
  readonly validation: Evaluation | null;
  readonly test: Evaluation | null;
  readonly history: History;
}

export interface Failed {
  readonly kind: "failed";
  readonly failure: Failure;
  /** Of the epochs before. */
  readonly history: History;
}

/** Mean losses by epoch, from the first on; those of `--validate` are of the weights after it. */
export interface History {
  readonly loss: readonly (number | null)[];
  readonly validation?: readonly (number | null)[];
}

export type Outcome = Trained | Failed;

/** A run that is over. */
export interface Run {
  /** Which combination of the grid. */
  readonly combination: number;
  readonly seed: number;
  readonly outcome: Outcome;
}

/** What a row says of a run that came to nothing; null for a fault of nndsl. */
export function failureOf(error: unknown): Failure | null {
  const isKnown =
    error instanceof NndslError ||
    error instanceof DataError ||
    error instanceof ModelError ||
    error instanceof UsageError;
  return isKnown ? { code: error.code, message: error.message.replace(/\.$/, "") } : null;
}
