/** A compiled model in memory, its weights on disk, and what the weights file says beside the numbers. */
import { load, NndslError, type Net } from "../runtime/index.ts";
import { readSafetensors } from "../runtime/safetensors.ts";
import type { Categories } from "./data/columns.ts";
import type { KnownTables } from "./data/load-data.ts";
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
