/**
 * A compiled model in memory, its weights on disk, and what the weights file says beside the
 * numbers.
 */
import { load, NndslError, type Best, type Net } from "../runtime/index.ts";
import { readSafetensors, writeSafetensors, type Stored } from "../runtime/safetensors.ts";
import { takeAverages } from "./average.ts";
import type { Categories } from "./data/columns.ts";
import type { KnownTables } from "./data/load-data.ts";
import { ModelError } from "./failures.ts";
import { readBytes } from "./files.ts";
import { RowsDoNotFit } from "./parts.ts";
import { readRun, type Run } from "./run.ts";
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
  /** What is left to do of the run; null where it is done. */
  readonly run: Run | null;
  /** The best epoch so far of an unfinished run with patience: a tensor of bytes in the file. */
  readonly best?: Best;
}

/** The tensor's name: no state of an optimizer has one of two parts, and `restore` passes it over. */
const bestName = "optimizer.best";

/**
 * Beside the weights, the seed that the run goes on with; null where only weights were taken, of
 * another optimizer or of none.
 */
export interface Restored extends Kept {
  readonly seed: number | null;
}

/**
 * Bytes that metadata may take, and a number with what optimizers keep of it: more is no file of
 * this model's weights.
 */
const mostMetadata = 2 ** 24;
const mostForNumber = 128;

/**
 * The bytes of a file of weights.
 * @param numbers how many the model's parameters are
 * @throws UsageError where there is no such file, ModelError where it is too large to be one of
 * this model's
 */
export function readWeights(path: string, numbers: number): Promise<Uint8Array<ArrayBuffer>> {
  return readBytes(
    path,
    mostMetadata + mostForNumber * numbers,
    (size) =>
      new ModelError(
        "bad-weights",
        `it has ${size}, too many for the ${counted(numbers, "parameter")} of this model`,
        path,
      ),
  );
}

/**
 * Puts a file's weights into the net, or their averages.
 * @throws UsageError where there is no such file, ModelError where it is not one of this model's
 */
export async function restoreWeights(net: Net, path: string, averages = false): Promise<Restored> {
  const { parameters, optimizer } = net.manifest;
  const numbers = parameters.reduce((sum, { shape }) => sum + shape.reduce((all, one) => all * one, 1), 0);
  const bytes = await readWeights(path, numbers);
  try {
    const stored = readSafetensors(bytes);
    const { best, ...kept } = readKept(stored);
    net.restore(bytes);
    if (averages) takeAverages(net, stored, path);
    // Without the optimizer's state the run cannot go on where it was.
    const resumes = optimizer !== null && stored.metadata["optimizer"] === optimizer.name;
    if (!resumes) return { ...kept, run: null, seed: null };
    return { ...kept, ...(best === undefined ? {} : { best }), seed: net.seed };
  } catch (error) {
    throw blame(error, path);
  }
}

export function weightBytes(net: Net, { categories, columns, epochs, run, best }: Kept): Uint8Array {
  const bytes = net.save({
    epochs: String(epochs),
    ...(run === null ? {} : { run: JSON.stringify(run) }),
    ...(best === undefined ? {} : { best: JSON.stringify({ epoch: best.epoch, loss: best.loss }) }),
    ...(Object.keys(categories).length === 0 ? {} : { labels: JSON.stringify(categories) }),
    ...(Object.keys(columns).length === 0 ? {} : { columns: JSON.stringify(columns) }),
  });
  if (best === undefined) return bytes;
  const { tensors, metadata } = readSafetensors(bytes);
  const data = best.weights;
  return writeSafetensors([...tensors, [bestName, { shape: [data.length], data }]], metadata);
}

/**
 * Reads a weights file as `restoreWeights` will, and holds it against the net that it was made of.
 * @throws Error where they differ, which is a fault
 */
export function checkWeights(net: Net, kept: Kept, written: Uint8Array): void {
  const stored = readSafetensors(written);
  const { tensors } = stored;
  const { optimizer } = net.manifest;
  const owned = [...net.manifest.parameters, ...net.manifest.states];
  const fail = (what: string): never => {
    throw new Error(`the weights file would not be read as it was written: ${what}`);
  };
  for (const { path } of owned) {
    const data = tensors.get(path)?.data ?? fail(`it has no \`${path}\``);
    const own = net.get(path).data;
    if (data.length !== own.length || !own.every((value, i) => Object.is(value, data[i])))
      fail(`\`${path}\``);
  }
  const states = optimizer?.states ?? [];
  for (const { name, parameter } of states) {
    const path = `optimizer.${name}.${parameter}`;
    if (!tensors.has(path)) fail(`it has no \`${path}\``);
  }
  const more = kept.best === undefined ? 0 : 1;
  if (tensors.size !== owned.length + states.length + more) fail("it holds something else");
  const read = readKept(stored);
  const sorted = ({ epochs, run, categories, columns, best }: Kept): string =>
    JSON.stringify([epochs, run, categories, columns, best?.epoch, best?.loss]);
  const weights = kept.best?.weights;
  if (weights !== undefined && !weights.every((byte, i) => read.best?.weights[i] === byte)) fail(bestName);
  if (sorted(read) !== sorted(kept)) fail("what it says of the run");
}

function readKept({ metadata, tensors }: Stored): Kept {
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
    run: readRun(metadata["run"]),
    ...readBest(parsed(metadata, "best"), tensors.get(bestName)?.data),
  };
}

function readBest(said: unknown, weights: unknown): { readonly best?: Best } {
  if (weights === undefined) return {};
  const { epoch, loss }: { readonly epoch?: unknown; readonly loss?: unknown } = isRecord(said) ? said : {};
  if (!(weights instanceof Uint8Array) || !Number.isSafeInteger(epoch) || !Number.isFinite(loss)) {
    throw new NndslError("bad-weights", "Its `best` is no epoch of a run.");
  }
  // Both have just been looked at.
  return { best: { epoch: epoch as number, loss: loss as number, weights: weights.slice() } };
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

/** Gives an error of the runtime, or of rows that do not fit, the file that brought it about. */
export function blame(error: unknown, file: string): unknown {
  if (error instanceof RowsDoNotFit) {
    const { code, message, help } = error.complaint("error");
    return new ModelError(code, message, file, help);
  }
  return error instanceof NndslError ? new ModelError(error.code, error.message, file) : error;
}
