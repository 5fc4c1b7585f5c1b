/** A compiled model in memory, its weights on disk, and what the weights file says beside the numbers. */
import { load, NndslError, type Net } from "../runtime/index.ts";
import { readSafetensors } from "../runtime/safetensors.ts";
import type { Categories } from "./data/columns.ts";
import type { Dataset, KnownTables } from "./data/load-data.ts";
import { own } from "./data/own.ts";
import { ModelError } from "./failures.ts";
import { readBytes } from "./files.ts";
import { counted } from "./terminal/numbers.ts";

/** Loads a module. @throws ModelError where it does not fit into memory */
export async function loadNet(wasm: Uint8Array, seed: number, file: string, threads = 1): Promise<Net> {
  try {
    return await load(new Uint8Array(wasm), { seed, threads });
  } catch (error) {
    throw blame(error, file);
  }
}

/** Why fewer threads than were asked for share the work, where it is so. */
export const threadNotes = ({ threads: { count, reason } }: Net): readonly string[] =>
  reason === null ? [] : [`${counted(count, "thread")}, since ${reason}`];

/** What `train` keeps in the metadata of a weights file, beside what the runtime needs to go on. */
export interface Kept extends KnownTables {
  /** Epochs trained so far, by this run and those it resumed. */
  readonly epochs: number;
}

/**
 * Puts a file's weights into the net.
 * @throws UsageError where there is no such file, ModelError where it is not one of this model's
 */
export async function restoreWeights(net: Net, path: string): Promise<Kept> {
  const bytes = new Uint8Array(await readBytes(path));
  try {
    net.restore(bytes);
    return readKept(readSafetensors(bytes).metadata);
  } catch (error) {
    throw blame(error, path);
  }
}

export const weightBytes = (net: Net, { categories, columns, epochs }: Kept): Uint8Array =>
  net.save({
    epochs: String(epochs),
    ...(Object.keys(categories).length === 0 ? {} : { labels: JSON.stringify(categories) }),
    ...(Object.keys(columns).length === 0 ? {} : { columns: JSON.stringify(columns) }),
  });

function readKept(metadata: Readonly<Record<string, string>>): Kept {
  const epochs = Number(metadata["epochs"] ?? 0);
  const categories = parsed(metadata, "labels");
  if (!isRecord(categories) || !Object.values(categories).every(isCategories))
    throw new NndslError("bad-weights", "Its `labels` are not lists of text.");
  const columns = parsed(metadata, "columns");
  if (!isCategories(columns)) throw new NndslError("bad-weights", "Its `columns` are not lists of text.");
  return {
    // Each value is looked at above.
    categories: categories as Record<string, Categories>,
    columns,
    epochs: Number.isSafeInteger(epochs) && epochs > 0 ? epochs : 0,
  };
}

function parsed(metadata: Readonly<Record<string, string>>, name: string): unknown {
  try {
    return JSON.parse(metadata[name] ?? "{}");
  } catch {
    throw new NndslError("bad-weights", `Its \`${name}\` are not JSON.`);
  }
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCategories = (value: unknown): value is Record<string, readonly string[]> =>
  isRecord(value) &&
  Object.values(value).every(
    (texts) => Array.isArray(texts) && texts.every((text) => typeof text === "string"),
  );

/** Gives an error of the runtime the file that brought it about. */
export function blame(error: unknown, file: string): unknown {
  return error instanceof NndslError ? new ModelError(error.code, error.message, file) : error;
}

/** Bytes of memory that a call on all rows at once may take before the rows are taken in parts. */
const memoryForOneCall = 2 ** 28;

/**
 * Rows for one call: all of them where memory allows, so that metrics that are no means of rows (`r2`) are exact. Where rows do not
 * stand first in every tensor they cannot be taken apart, and all go in one call.
 */
export function rowsPerCall(net: Net, data: Dataset, wanted: number | undefined): number {
  const { arena, inputs, outputs } = net.manifest;
  const apart = [...inputs, ...outputs].every(({ shape }) => {
    const free = shape.findIndex((size) => typeof size === "string");
    return free <= 0;
  });
  if (!apart) return data.rows;
  const fitting = Math.max(1, Math.floor(memoryForOneCall / Math.max(1, arena.perRow)));
  return Math.min(data.rows, wanted ?? fitting);
}

/** Rows `from … from + rows - 1` of a dataset, without copying. */
export function slice(net: Net, data: Dataset, from: number, rows: number): Dataset["inputs"] {
  if (rows === data.rows) return data.inputs;
  return Object.fromEntries(
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
}

export interface Evaluation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Loss and metrics over all rows; means weighted by rows where they are taken in parts. Null for a model with neither. */
export function evaluate(net: Net, data: Dataset): Evaluation | null {
  if (!net.manifest.loss && net.manifest.metrics.length === 0) return null;
  const step = rowsPerCall(net, data, undefined);
  let loss = 0;
  const metrics = Object.fromEntries(net.manifest.metrics.map(({ name }) => [name, 0]));
  for (let from = 0; from < data.rows; from += step) {
    const rows = Math.min(step, data.rows - from);
    const part = net.evaluate(slice(net, data, from, rows));
    const weight = rows / data.rows;
    loss += part.loss * weight;
    for (const [name, value] of Object.entries(part.metrics)) metrics[name]! += value * weight;
  }
  return { loss, metrics };
}
