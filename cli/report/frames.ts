/** What a model says over its one or two features, again and again while it learns. */
import type { Net } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { own } from "../data/own.ts";
import { thinCloud } from "../pictures/thin.ts";
import { classNames, featureNames, isOneHot } from "../data/row-names.ts";
import { largest } from "../data/distribution.ts";
import { isEach, isWithin, perRow, rangeOf, sharesOf, widened } from "./rows.ts";
import type { Frames, Line, Surface } from "./run.ts";

/** Frames that are kept: half as many where there would be more. */
const MOST_FRAMES = 60;

/** Cells along an axis of a surface, and values along a line. */
const CELLS = 56;
const VALUES = 161;

const MOST_POINTS = 1000;
const MOST_CLASSES = 8;

interface Frame {
  readonly label: string;
  readonly values: Float32Array;
  /** Of classes, whose shares take time; made when they are asked for. */
  cells: Uint8Array | null;
}

/** A row of the data: its features, and its target where that is a number. */
type RowPoint = readonly [x: number, y: number, target: number | null];

/** The features as one or two lists of numbers, and what is asked of the model. */
interface Subject {
  /** The inputs for places of the plane, or of the line. */
  readonly inputsAt: (places: readonly (readonly number[])[]) => Record<string, Float64Array>;
  readonly features: readonly string[];
  readonly at: (row: number) => readonly number[];
  readonly output: string;
  /** Numbers of a row of the output. */
  readonly width: number;
}

/** Takes frames of a net; `takerOf` says for which there are some. */
export class FrameTaker {
  readonly #net: Net;
  readonly #data: Dataset;
  readonly #subject: Subject;
  readonly #inputs: Record<string, Float64Array>;
  readonly #ranges: readonly (readonly [number, number])[];
  #frames: Frame[] = [];
  #seen: readonly RowPoint[] | null = null;
  /** A frame is kept every so many times. */
  #every = 1;
  #asked = 0;

  constructor(net: Net, data: Dataset, subject: Subject) {
    this.#net = net;
    this.#data = data;
    this.#subject = subject;
    const axes = subject.features.map((_, axis) => {
      const rows = Array.from({ length: data.rows }, (_, row) => subject.at(row)[axis]!);
      return widened(rangeOf(rows), 0.1);
    });
    this.#ranges = axes;
    const [across, up] = axes;
    const spread = ([low, high]: readonly [number, number], i: number, count: number): number =>
      low + ((high - low) * i) / (count - 1);
    const places =
      up === undefined
        ? Array.from({ length: VALUES }, (_, i) => [spread(across!, i, VALUES)])
        : Array.from({ length: CELLS * CELLS }, (_, cell) => [
            spread(across!, cell % CELLS, CELLS),
            spread(up, CELLS - 1 - Math.floor(cell / CELLS), CELLS),
          ]);
    this.#inputs = subject.inputsAt(places);
  }

  /** @param last whether it is to be kept in any case */
  take(label: string, last = false): void {
    const wanted = this.#asked++ % this.#every === 0;
    if ((!wanted && !last) || this.#frames.at(-1)?.label === label) return;
    const values = Float32Array.from(this.#net.predict(this.#inputs)[this.#subject.output]!.data);
    if (!values.every(Number.isFinite)) return;
    this.#frames.push({ label, values, cells: null });
    if (this.#frames.length <= MOST_FRAMES) return;
    this.#frames = this.#frames.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }

  frames(): Frames | null {
    if (this.#frames.length === 0) return null;
    return this.#subject.features.length === 1 ? this.#line() : this.#surface();
  }

  #line(): Line {
    const known = this.#points().flatMap(([x, , target]) => (target === null ? [] : [[x, target] as const]));
    const seen = [...known.map(([, y]) => y), ...this.#frames.at(-1)!.values];
    return {
      kind: "line",
      output: this.#subject.output,
      features: this.#subject.features,
      labels: this.#frames.map(({ label }) => label),
      x: this.#ranges[0]!,
      y: widened(rangeOf(seen), 0.08),
      curves: this.#frames.map(({ values }) => values),
      points: known,
    };
  }

  /** Some of the data, with the outermost rows; read once, since it may be long. */
  #points(): readonly RowPoint[] {
    if (this.#seen !== null) return this.#seen;
    const { at, width } = this.#subject;
    const target = this.#target(width);
    const isLine = this.#ranges.length === 1;
    const point = (row: number): RowPoint => {
      const [x, y] = at(row);
      const own = target === null ? null : target(row);
      return isLine ? [x!, own ?? 0, own] : [x!, y!, own];
    };
    return (this.#seen = thinCloud(this.#data.rows, point, MOST_POINTS));
  }

  #surface(): Surface {
    const { features, output, width } = this.#subject;
    const all = this.#frames.map(({ values }) => values);
    const points = this.#points();
    const isShare =
      width === 1 &&
      isEach(
        points.map((point) => point[2] ?? -1),
        [0, 1],
      ) &&
      all.every((values) => isWithin(values, 0, 1));
    const values: readonly [number, number] =
      width > 1 || isShare ? [0, 1] : rangeOf([...all.at(-1)!, ...points.map((point) => point[2] ?? NaN)]);
    return {
      kind: "surface",
      output,
      features,
      labels: this.#frames.map(({ label }) => label),
      columns: CELLS,
      rows: CELLS,
      x: this.#ranges[0]!,
      y: this.#ranges[1]!,
      values,
      isShare,
      classes:
        width > 1 ? classNames(this.#targetInput()?.name ?? "", width, this.#data).slice(0, width) : [],
      cells: this.#frames.map((frame) =>
        width > 1 ? (frame.cells ??= classCells(frame.values, width)) : valueCells(frame.values, values),
      ),
      points,
    };
  }

  #targetInput() {
    return this.#net.manifest.inputs.find(({ role }) => role === "target");
  }

  /** A row's target, as a class where the output has several. */
  #target(width: number): ((row: number) => number) | null {
    const input = this.#targetInput();
    if (input === undefined) return null;
    const values = own(this.#data.inputs, input.name)?.data;
    const wide = perRow(input.shape);
    if (values === undefined) return null;
    if (wide === 1) return width === 1 || input.dtype === "int" ? (row) => values[row]! : null;
    return wide === width && isOneHot(values, width) ? (row) => largest(values, row * width, width) : null;
  }
}

/**
 * Null for a model with other than one or two numbers a row, or without an output for each row that
 * depends on that row alone: the places of a picture are no batch of the data.
 */
export function takerOf(net: Net, data: Dataset): FrameTaker | null {
  const { inputs, outputs } = net.manifest;
  const given = inputs.filter(({ role }) => role === "input");
  const widths = given.map(({ shape, dtype }) => (dtype === "float" ? perRow(shape) : null));
  if (widths.includes(null)) return null;
  const count = widths.reduce((sum: number, width) => sum + (width ?? 0), 0);
  if (count !== 1 && count !== 2) return null;
  const most = count === 1 ? 1 : MOST_CLASSES;
  const output = outputs.find(({ shape, join }) => {
    const width = join === "rows" ? perRow(shape) : null;
    return width !== null && width >= 1 && width <= most;
  });
  if (output === undefined) return null;
  // Every number of a row: which input has it, and where.
  const places = given.flatMap(({ name }, k) =>
    Array.from({ length: widths[k]! }, (_, offset) => ({ name, width: widths[k]!, offset })),
  );
  return new FrameTaker(net, data, {
    features: given.flatMap((input) => featureNames(input, perRow(input.shape) ?? 0, data)),
    at: (row) => places.map(({ name, width, offset }) => data.inputs[name]!.data[row * width + offset]!),
    inputsAt: (points) => {
      const made = Object.fromEntries(
        given.map(({ name }, k) => [name, new Float64Array(points.length * widths[k]!)]),
      );
      points.forEach((point, row) => {
        places.forEach(({ name, width, offset }, axis) => {
          made[name]![row * width + offset] = point[axis]!;
        });
      });
      return made;
    },
    output: output.name,
    width: perRow(output.shape)!,
  });
}

function valueCells(values: Float32Array, [low, high]: readonly [number, number]): Uint8Array {
  return Uint8Array.from(values, (value) =>
    Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low || 1)))),
  );
}

/** The likeliest class, and how far its share is from that of all alike to 1. */
function classCells(values: Float32Array, width: number): Uint8Array {
  const shares = sharesOf(values, width);
  const cells = new Uint8Array((2 * values.length) / width);
  for (let cell = 0; cell < cells.length / 2; cell++) {
    const best = largest(shares, cell * width, width);
    const share = (shares[cell * width + best]! - 1 / width) / (1 - 1 / width);
    cells.set([best, Math.round(255 * share)], 2 * cell);
  }
  return cells;
}
