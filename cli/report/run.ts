/**
 * A training run as data: all that its page shows, with nothing in it that could not be sent to
 * another thread.
 */
import type { Report } from "../../compiler/index.ts";
import type { LayerProbe } from "../../runtime/index.ts";
import type { Evaluation } from "../parts.ts";

/** What is known before the first step. */
export interface RunFacts {
  readonly model: string;
  readonly doc: string | null;
  /** The program's path as it was typed. */
  readonly file: string;
  readonly version: string;
  /** What a shell is given to make the run again, the seed written out. */
  readonly command: string;
  /** Weights that the run went on from; null where it began anew. */
  readonly resumed: string | null;
  /** Names and values, in the order in which they are shown. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly parameters: Report["parameters"];
  readonly formulas: Formulas | Missing;
  readonly graph: { readonly svg: string } | Missing;
  readonly stored: Report["stored"];
  readonly arena: { readonly fixed: number; readonly perRow: number; readonly rows: number };
  readonly metrics: readonly string[];
  /** The number of the last epoch that was asked for. */
  readonly epochs: number;
  /** Whether `--probe` looks into the layers. */
  readonly probed: boolean;
  /** Whether some rows are held out. */
  readonly validated: boolean;
}

/** What cannot be shown, and why, as a sentence. */
export interface Missing {
  readonly missing: string;
}

/** LaTeX of aligned lines. */
export interface Formulas {
  readonly forward: readonly string[];
  readonly backward: readonly string[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A value over the steps of the run. */
export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

export type Status = "running" | "paused" | "done" | "stopped" | "interrupted" | "diverged";

/** How far the run is, for the line that changes most often. */
export interface Progress {
  readonly status: Status;
  /** What happened, where that is not what was asked for. */
  readonly note: string | null;
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly seconds: number;
  readonly loss: number | null;
  /** The optimizer's arguments now. */
  readonly hyper: Readonly<Record<string, number>>;
}

/** What the run has come to so far. */
export interface RunState {
  readonly progress: Progress;
  /** Of each step; thinned. */
  readonly losses: readonly Point[];
  /** Means over epochs, at the step of their end. */
  readonly epochLosses: readonly Point[];
  readonly validationLosses: readonly Point[];
  readonly metrics: readonly MetricCurves[];
  readonly layers: LayerCurves | null;
  readonly evaluations: readonly { readonly of: string; readonly evaluation: Evaluation }[];
  readonly frames: Frames | null;
  readonly classes: ClassesSeen | null;
  /** Arguments that were changed while the run was on. */
  readonly changes: readonly Change[];
}

export interface MetricCurves {
  readonly name: string;
  readonly training: readonly Point[];
  readonly validation: readonly Point[];
}

export interface LayerCurves {
  readonly gradients: readonly Curve[];
  readonly deviations: readonly Curve[];
  /** Shares, 0 … 1. */
  readonly dead: readonly Curve[];
  readonly updates: readonly Curve[];
  /** As last seen. */
  readonly last: readonly LayerProbe[];
}

export interface Change {
  readonly step: number;
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

// ---------------------------------------------------------------------------- the function through time

export type Frames = Surface | Line;

interface FramesBase {
  readonly output: string;
  /** Names of the features. */
  readonly features: readonly string[];
  /** `epoch 12`, one for each frame. */
  readonly labels: readonly string[];
}

/** What the model says over a plane of two features. */
export interface Surface extends FramesBase {
  readonly kind: "surface";
  readonly columns: number;
  readonly rows: number;
  readonly x: Range;
  readonly y: Range;
  /** Of the values; with classes 0 … 1, the share of the largest. */
  readonly values: Range;
  /** Whether the output is the share of one of two classes. */
  readonly isShare: boolean;
  /** Names of what is told apart; empty where the output is one number. */
  readonly classes: readonly string[];
  /** A cell is one byte of 0 … 255 over `values`; with classes two, the class first. Row 0 is at the top. */
  readonly cells: readonly Uint8Array[];
  /** Rows of the data: two features and the target (a class's number where there are classes). */
  readonly points: readonly (readonly [x: number, y: number, target: number | null])[];
}

/** What the model says along one feature. */
export interface Line extends FramesBase {
  readonly kind: "line";
  readonly x: Range;
  readonly y: Range;
  /** Values at equal distances over `x`. */
  readonly curves: readonly Float32Array[];
  readonly points: readonly (readonly [x: number, y: number])[];
}

export type Range = readonly [low: number, high: number];

// ------------------------------------------------------------------------------------------ classifiers

export interface ClassesSeen {
  /** Of which rows: `test data`. */
  readonly of: string;
  readonly output: string;
  readonly names: readonly string[];
  /** counts[truth][prediction]. */
  readonly counts: readonly (readonly number[])[];
  readonly rows: number;
  /** The rows whose true class was given the least, that first. */
  readonly worst: readonly Mistake[];
}

export interface Mistake {
  /** From 1, in the order of the data. */
  readonly row: number;
  readonly truth: number;
  readonly predicted: number;
  /** What the model gave to each of them. */
  readonly truthShare: number;
  readonly predictedShare: number;
  readonly look: Look;
}

/** The row itself. */
export type Look =
  | {
      readonly kind: "image";
      readonly width: number;
      readonly height: number;
      readonly channels: 1 | 3;
      readonly pixels: Uint8Array;
    }
  | { readonly kind: "values"; readonly values: readonly (readonly [name: string, value: number])[] };
