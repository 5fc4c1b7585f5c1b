/**
 * The thread that `data.ts` watches: one damaged data file after another through the door of
 * `--data`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { loadData } from "../../cli/data/load-data.ts";
import { DataError, showPlace, UsageError } from "../../cli/failures.ts";
import { soundFile, kinds, type DataFile } from "./data-files.ts";
import type { DataTask, Outcome } from "./data.ts";
import { mutated } from "./mutate-data.ts";
import { Random } from "./random.ts";
import { readIndependently } from "./read-independently.ts";

/** Seconds of work, and characters of a diagnostic. */
const LIMIT = { seconds: 2, characters: 2000 };

// What the other side sent.
const { seed, from, to } = workerData as DataTask;
const folder = mkdtempSync(join(tmpdir(), "nndsl-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

for (let index = from; index < to; index++) {
  const random = new Random(seed + index);
  const file = soundFile(kinds[index % kinds.length]!, random);
  const mutation = mutated(file, random);
  const { kind } = file;
  parentPort!.postMessage({ index, kind, mutation: mutation.name });
  const started = process.threadCpuUsage();
  const outcome = await outcomeOf(file, mutation);
  const { user, system } = process.threadCpuUsage(started);
  const seconds = (user + system) / 1e6;
  const said: Outcome = seconds > LIMIT.seconds ? { is: "hang", why: `${seconds} s` } : outcome;
  const bytes =
    said.is === "read" || said.is === "refused" || said.is === "unjudged" ? undefined : mutation.bytes;
  parentPort!.postMessage({ index, kind, mutation: mutation.name, outcome: said, bytes });
}

async function outcomeOf(file: DataFile, { bytes, harmless }: ReturnType<typeof mutated>): Promise<Outcome> {
  const path = join(folder, file.name);
  writeFileSync(path, bytes);
  let got: readonly number[];
  try {
    const shape = ["N", file.columns];
    const data = await loadData(
      [`x=${path}`],
      { model: "Fuzzed", dtype: "f64", inputs: [{ name: "x", role: "input", dtype: "float", shape }] },
      { option: "--data", targets: true, folders: [] },
    );
    got = [...data.inputs["x"]!.data];
  } catch (error) {
    if (!(error instanceof DataError || error instanceof UsageError))
      return { is: "crash", why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    const place = error instanceof DataError ? showPlace(error.place) : "";
    if (harmless) return { is: "wrong", why: `refused, ${error.code}: ${error.message} ${place}` };
    return JSON.stringify(error.complaint()).length + place.length > LIMIT.characters
      ? { is: "wrong", why: `a diagnostic without end: ${error.code}` }
      : { is: "refused" };
  }
  const readings = harmless ? [file.values] : readIndependently(file, bytes);
  if (readings === null) return { is: "unjudged" };
  const same = (a: readonly number[]): boolean =>
    a.length === got.length && a.every((value, i) => value === got[i] || Object.is(value, got[i]));
  return readings.some(same)
    ? { is: "read" }
    : { is: "wrong", why: `read [${got.join(", ")}] and not ${JSON.stringify(readings.slice(0, 4))}` };
}
