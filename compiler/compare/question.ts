/** What every autograd of `nndsl compare` is asked, and the form of its answer. */
import type { Model, InputInfo } from "../graph/model.ts";
import { randomEntry } from "../ir/random.ts";
import { countOf, shapeAt } from "../ir/size.ts";
import type { Environment, Values } from "../ops/op.ts";
import { count } from "../ops/strided.ts";

export interface Question {
  /** As elaborated: the formulas that were written, before any pass touched them. */
  readonly model: Model;
  /** Weights, data, and the seed and step of the random numbers: the same for all. */
  readonly environment: Environment;
  /** Numbers of the parameters whose gradients are wanted. */
  readonly wanted: readonly number[];
}

export interface Gradient {
  readonly data: ArrayLike<number>;
  /** Row-major positions of `data` in the parameter, where only a sample was computed. */
  readonly sampled?: readonly number[];
  /** Positions at which there is no derivative to compare with. */
  readonly kinks?: readonly number[];
}

export interface Answer {
  readonly loss: number;
  /** By number of parameter. */
  readonly gradients: ReadonlyMap<number, Gradient>;
}

/** An autograd without the means for this program: what it lacks, in words. */
export class Lacking extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Lacking";
  }
}

/**
 * Sites of the random numbers that data are made of: apart from those of programs, which count from
 * 0.
 */
const DATA_SITE = 0x6461_7461;

/**
 * Random data for a model, the same for the same seed, each number exact in f32.
 *
 * Inputs are standard normal; or, `bounded`, uniform in [0.1, 0.9], for programs that take
 * logarithms or roots of them. A float target is in [0.1, 0.9], and rows of several add up to 1, so
 * that it can be a probability as well as a quantity. Labels are in range.
 */
export function randomData(
  model: Model,
  n: number,
  seed: number,
  spread: "normal" | "bounded",
): ReadonlyMap<string, Values> {
  return new Map(
    model.inputs.map((input, i) => {
      const shape = shapeAt(input.shape, n);
      const draw = (distribution: "uniform" | "normal", entry: number): number =>
        randomEntry(distribution, { seed, step: 0, site: DATA_SITE + i, entry });
      const data = Float64Array.from({ length: count(shape) }, (_, entry) =>
        draws(input, spread, entry, draw),
      );
      if (isDistribution(input)) normalizeRows(data, shape.at(-1)!);
      return [input.name, { shape, data: data.map(Math.fround) }];
    }),
  );
}

/** Labels of an `int` input of which the program says nothing more. */
const UNKNOWN_CLASSES = 2;

function draws(
  input: InputInfo,
  spread: "normal" | "bounded",
  entry: number,
  draw: (distribution: "uniform" | "normal", entry: number) => number,
): number {
  switch (input.type) {
    case "int":
      return label(input, draw("uniform", entry));
    case "bool":
      return Number(draw("uniform", entry) < 0.5);
    case "float": {
      const isNormal = input.role === "input" && spread === "normal";
      return isNormal ? draw("normal", entry) : 0.1 + 0.8 * draw("uniform", entry);
    }
    default:
      return input.type satisfies never;
  }
}

/** One of the labels that it may hold, by a number drawn from [0, 1). */
function label({ labels }: InputInfo, drawn: number): number {
  const most = labels?.most ?? Infinity;
  const least = labels !== undefined && labels.least > -Infinity ? labels.least : Math.min(0, most);
  const count = most < Infinity ? most - least + 1 : UNKNOWN_CLASSES;
  return least + Math.floor(drawn * count);
}

const isDistribution = ({ role, type, shape }: InputInfo): boolean =>
  role === "target" && type === "float" && shape.length > 1 && countOf(shape.at(-1)!) > 1;

function normalizeRows(data: Float64Array, width: number): void {
  for (let from = 0; from < data.length; from += width) {
    const row = data.subarray(from, from + width);
    const total = row.reduce((sum, value) => sum + value, 0);
    row.forEach((value, i) => (row[i] = value / total));
  }
}
