/** Rows of a dataset in one call or in several, and what the calls come to together. */
import {
  NndslError,
  type Join,
  type Manifest,
  type ManifestSize,
  type Net,
  type Tensor,
} from "../runtime/index.ts";
import { extentOf } from "../runtime/extent.ts";
import { joined } from "../runtime/measure.ts";
import { own } from "./data/own.ts";
import type { Dataset } from "./data/load-data.ts";
import type { Complaint } from "./failures.ts";
import { bytes, counted } from "./terminal/numbers.ts";

/** Bytes of memory that one call may take where the rows could be taken in parts, and beyond which it is announced. */
const memoryForOneCall = 2 ** 28;

/** Bytes of memory that a part takes where there are several: what a processor keeps close by. */
const memoryForPart = 2 ** 24;

/** What a module can address. */
const reach = 2 ** 32;

export interface PartOptions {
  /** Rows of a part; by default all if they fit into 256 MiB, else as many as fit into 16 MiB. */
  readonly rows?: number;
  /** Told what a user should know before it is done. */
  readonly announce?: (note: string) => void;
}

/** All rows would have to go into one call, and there is no memory for it. */
export class RowsDoNotFit extends Error {
  complaint(severity: Complaint["severity"]): Complaint {
    const help = "give it fewer rows, or write it as a mean or sum of rows";
    return { code: "rows-do-not-fit", severity, message: this.message, help };
  }
}

export interface Evaluation {
  /** Null where it is not to be had, as `missing` says. */
  readonly loss: number | null;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** One value of a call, or an output: what it is called, and how its parts join. */
interface Part {
  readonly name: string;
  readonly join: Join;
}

/** What `evaluate` leaves, the loss first. */
const measures = ({ lossJoin, metrics }: Manifest): readonly Part[] => [
  ...(lossJoin === null ? [] : [{ name: "loss", join: lossJoin }]),
  ...metrics,
];

/**
 * Loss and metrics over all rows, null for a model with neither. What couples rows (`r2`) takes them all in one call; means and sums of rows are joined
 * from parts, in f64. Where that one call does not fit into memory `missing` says so, and the others are there.
 */
export function evaluate(
  net: Net,
  data: Dataset,
  options: PartOptions = {},
): { readonly evaluation: Evaluation; readonly missing: RowsDoNotFit | null } | null {
  const wanted = measures(net.manifest);
  if (wanted.length === 0) return null;
  const call = (inputs: Dataset["inputs"]): readonly number[] => {
    const { loss, metrics } = net.evaluate(inputs);
    return [
      ...(net.manifest.lossJoin === null ? [] : [loss]),
      ...net.manifest.metrics.map(({ name }) => metrics[name]!),
    ];
  };
  const { values, missing } = measureAll(net, data, wanted, call, options);
  const [loss, ...metrics] = net.manifest.lossJoin === null ? [null, ...values] : values;
  const named = net.manifest.metrics.map(({ name }, index) => [name, metrics[index] ?? null] as const);
  return { evaluation: { loss: loss ?? null, metrics: Object.fromEntries(named) }, missing };
}

function measureAll(
  net: Net,
  data: Dataset,
  wanted: readonly Part[],
  call: (inputs: Dataset["inputs"]) => readonly number[],
  options: PartOptions,
): { readonly values: readonly (number | null)[]; readonly missing: RowsDoNotFit | null } {
  let missing: RowsDoNotFit | null = null;
  let joinable = wanted;
  if (takenWhole(net, data, wanted, options)) {
    try {
      return { values: inOneCall(net, data, wanted, options, call), missing };
    } catch (error) {
      if (!(error instanceof RowsDoNotFit)) throw error;
      missing = error;
      joinable = canSplit(net.manifest) ? wanted.filter(({ join }) => join !== "coupled") : [];
      if (joinable.length === 0) return { values: wanted.map(() => null), missing };
    }
  }
  const totals = wanted.map(() => new Total(data.rows));
  for (const { inputs, rows } of parts(net, data, options)) {
    for (const [index, value] of call(inputs).entries())
      totals[index]!.add(wanted[index]!.join, [value], rows);
  }
  return {
    values: wanted.map((part, index) =>
      joinable.includes(part) ? (totals[index]!.values[0] ?? null) : null,
    ),
    missing,
  };
}

/**
 * The outputs for all rows, joined from parts where that is the same.
 * @throws RowsDoNotFit
 */
export function predict(net: Net, data: Dataset, options: PartOptions = {}): Record<string, Tensor> {
  const { outputs } = net.manifest;
  if (takenWhole(net, data, outputs, options)) {
    return inOneCall(net, data, outputs, options, (inputs) => net.predict(inputs));
  }
  const pieces: Record<string, Tensor>[] = [];
  const totals = outputs.map(() => new Total(data.rows));
  for (const { inputs, rows } of parts(net, data, options)) {
    const piece = net.predict(inputs);
    for (const [index, { name, join }] of outputs.entries()) {
      if (join !== "rows") totals[index]!.add(join, piece[name]!.data, rows);
    }
    pieces.push(piece);
  }
  return Object.fromEntries(
    outputs.map(({ name, join, shape }, index) => {
      const tensors = pieces.map((piece) => piece[name]!);
      if (join === "rows") return [name, joinRows(tensors, shape)];
      const like = tensors[0]!;
      const data =
        like.data instanceof Float64Array ? totals[index]!.values : Float32Array.from(totals[index]!.values);
      return [name, { data, shape: like.shape }];
    }),
  );
}

/** Whether all rows go into one call: because they fit, or because they must. */
function takenWhole(net: Net, data: Dataset, wanted: readonly Part[], options: PartOptions): boolean {
  const mustBe = !canSplit(net.manifest) || wanted.some(({ join }) => join === "coupled");
  return mustBe || rowsOfPart(net, data, options.rows) >= data.rows;
}

/**
 * Whether loss and metrics over all rows can be had without much memory: in parts, or in a call
 * that is not announced.
 */
export const isQuickToMeasure = ({ manifest }: Net, { rows }: Dataset): boolean =>
  measures(manifest).every(({ join }) => join !== "coupled") ||
  manifest.arena.fixed + manifest.arena.perRow * rows <= memoryForOneCall;

/** @throws RowsDoNotFit */
function inOneCall<T>(
  { manifest }: Net,
  data: Dataset,
  wanted: readonly Part[],
  { announce }: PartOptions,
  call: (inputs: Dataset["inputs"]) => T,
): T {
  const { fixed, perRow } = manifest.arena;
  const needed = fixed + perRow * data.rows;
  const coupled = wanted.filter(({ join }) => join === "coupled").map(({ name }) => `\`${name}\``);
  const who =
    coupled.length > 0
      ? coupled.join(", ")
      : `${manifest.model}, whose rows are not the first axis of its inputs,`;
  const verb = coupled.length > 1 ? "take" : "takes";
  const takes = `${who} ${verb} all ${counted(data.rows, "row")} at once: ${bytes(needed)} of memory`;
  if (needed > memoryForOneCall && needed <= reach) announce?.(takes);
  try {
    return call(data.inputs);
  } catch (error) {
    if (!(error instanceof NndslError) || error.code !== "out-of-memory") throw error;
    const why = needed > reach ? `and a module has ${bytes(reach)} at most` : "which is not available";
    throw new RowsDoNotFit(`${takes}, ${why}`, { cause: error });
  }
}

/** Whether rows stand first in all inputs, so that a part of them is a part of each array. */
const canSplit = ({ inputs }: Manifest): boolean =>
  inputs.every(({ shape }) => shape.findIndex((size) => typeof size === "string") <= 0);

/** Rows for one call that does not need all of them: `wanted`, all that fit, or a part's. */
function rowsOfPart(net: Net, data: Dataset, wanted?: number): number {
  const perRow = Math.max(1, net.manifest.arena.perRow);
  const fitting = perRow * data.rows <= memoryForOneCall ? data.rows : Math.floor(memoryForPart / perRow);
  return Math.max(1, Math.min(data.rows, wanted ?? fitting));
}

/** Some of a dataset's rows. */
export interface Rows {
  readonly rows: number;
  readonly inputs: Dataset["inputs"];
}

function* parts(net: Net, data: Dataset, options: PartOptions): Generator<Rows> {
  const step = canSplit(net.manifest) ? rowsOfPart(net, data, options.rows) : data.rows;
  for (let from = 0; from < data.rows; from += step) {
    yield slice(net, data, from, Math.min(step, data.rows - from));
  }
}

/** The first `wanted` rows, or all where there are not so many or they do not stand first. */
export const firstRows = (net: Net, data: Dataset, wanted: number): Rows =>
  canSplit(net.manifest) ? slice(net, data, 0, Math.min(wanted, data.rows)) : data;

/** Rows `from … from + rows - 1`, without copying. Wants rows to stand first. */
function slice(net: Net, data: Dataset, from: number, rows: number): Rows {
  if (rows === data.rows) return data;
  const inputs = Object.fromEntries(
    net.manifest.inputs.flatMap(({ name, shape }) => {
      const tensor = own(data.inputs, name);
      if (tensor === undefined) return [];
      if (typeof shape[0] !== "string") return [[name, tensor]];
      const perRow = tensor.data.length / data.rows;
      const count = (tensor.shape[0]! / data.rows) * rows;
      const values = tensor.data.subarray(from * perRow, (from + rows) * perRow);
      return [[name, { data: values, shape: [count, ...tensor.shape.slice(1)] }]];
    }),
  );
  return { rows, inputs };
}

/** A value over the parts seen so far, in f64. */
class Total {
  values = new Float64Array();
  readonly #rows: number;
  #parts = 0;

  /** @param rows of all parts */
  constructor(rows: number) {
    this.#rows = rows;
  }

  add(join: Join, part: ArrayLike<number>, rows: number): void {
    const share = rows / this.#rows;
    const first = this.#parts++ === 0;
    if (first) this.values = new Float64Array(part.length);
    for (let i = 0; i < part.length; i++) {
      this.values[i] = joined(join, first ? undefined : this.values[i], part[i]!, share);
    }
  }
}

/** Tensors of `sizes` one after another along the free axis. */
function joinRows(tensors: readonly Tensor[], sizes: readonly ManifestSize[]): Tensor {
  const { outer } = extentOf(sizes);
  const free = sizes.findIndex((size) => typeof size === "string");
  const like = tensors[0]!;
  const total = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const data = like.data instanceof Float64Array ? new Float64Array(total) : new Float32Array(total);
  let at = 0;
  for (let run = 0; run < outer; run++) {
    for (const tensor of tensors) {
      const length = tensor.data.length / outer;
      data.set(tensor.data.subarray(run * length, (run + 1) * length), at);
      at += length;
    }
  }
  const rows = tensors.reduce((sum, { shape }) => sum + shape[free]!, 0);
  return { data, shape: like.shape.map((size, axis) => (axis === free ? rows : size)) };
}
