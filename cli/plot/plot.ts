/** The numbers of each kind of picture: computed by one file each, drawn as a figure or with characters by others. */
import type { LayerProbe } from "../../runtime/index.ts";

/** An axis over which a model or a function is drawn. */
export interface Axis {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export type Point = readonly [x: number, y: number];

/** A line that may be broken: each piece is continuous. */
export interface Line {
  readonly pieces: readonly (readonly Point[])[];
  /** Where it jumps: the two limits, and the value itself. A closed end is one that the function takes. */
  readonly ends: readonly { readonly x: number; readonly y: number; readonly closed: boolean }[];
}

/** A function of one number with its derivatives. */
export interface FunctionGraph {
  readonly name: string;
  /** Itself, its first and its second derivative. */
  readonly lines: readonly [Line, Line, Line];
}

export interface FunctionsPlot {
  readonly kind: "functions";
  readonly title: string;
  readonly axis: Axis;
  readonly functions: readonly FunctionGraph[];
}

/** A row of the data in a picture: where it lies, and what its target is. */
export interface DataPoint {
  readonly x: number;
  readonly y: number;
  /** The name of its class, or its number where the target is one; null without a target. */
  readonly target: string | number | null;
}

/** One number for each point of a grid, rows from the bottom. */
export interface Panel {
  readonly name: string;
  /** The output that it is of, or is an entry of. */
  readonly output: string;
  readonly values: readonly number[];
  /** Between which the colors lie. */
  readonly low: number;
  readonly high: number;
  /** The line between the two classes, for the probability of one. */
  readonly boundary: number | null;
}

/** Which class is largest at each point of a grid. */
export interface ClassMap {
  readonly name: string;
  readonly classes: readonly string[];
  /** By point: the number of the class. */
  readonly values: readonly number[];
  /** By class and point: how far it is above the best of the others. */
  readonly margins: readonly (readonly number[])[];
}

export interface SurfacePlot {
  readonly kind: "surface";
  readonly title: string;
  readonly subtitle: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Points of the grid along each axis, the ends included. */
  readonly columns: number;
  readonly rows: number;
  readonly panels: readonly Panel[];
  readonly map: ClassMap | null;
  readonly points: readonly DataPoint[];
  /** What the points' color or shade is. */
  readonly target: string | null;
}

export interface CurvePlot {
  readonly kind: "curve";
  readonly title: string;
  readonly subtitle: string;
  readonly axis: Axis;
  readonly lines: readonly { readonly name: string; readonly line: Line }[];
  /** Rows of the data; y is the target, or, if that is a class, a place that all of its rows share. */
  readonly points: readonly DataPoint[];
  readonly target: string | null;
}

/** Numbers as pixels, rows from the top. */
export interface PixelImage {
  readonly caption: string;
  readonly values: readonly number[];
}

export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

export interface ImagesPlot {
  readonly kind: "weights" | "mistakes";
  readonly title: string;
  readonly subtitle: string;
  readonly size: ImageSize;
  readonly images: readonly PixelImage[];
  /** The numbers that have the outermost colors. */
  readonly low: number;
  readonly high: number;
}

export interface LossSurfacePlot {
  readonly kind: "loss-surface";
  readonly title: string;
  readonly subtitle: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly columns: number;
  readonly rows: number;
  /** Rows from the bottom; what is not finite is null. */
  readonly loss: readonly (number | null)[];
  /** The course of training in this plane, from its start to its end; empty where it is not known. */
  readonly path: readonly Point[];
}

export interface LayersPlot {
  readonly kind: "layers";
  readonly title: string;
  readonly subtitle: string;
  readonly layers: readonly LayerProbe[];
}

export type Plot = FunctionsPlot | SurfacePlot | CurvePlot | ImagesPlot | LossSurfacePlot | LayersPlot;

/** `count` numbers from one end of an axis to the other, both included. */
export const spread = ({ from, to }: Pick<Axis, "from" | "to">, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) =>
    i === count - 1 ? to : from + ((to - from) * i) / Math.max(1, count - 1),
  );
