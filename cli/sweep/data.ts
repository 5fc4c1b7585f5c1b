/** The data of a sweep, as each process reads it. */
import { createHash } from "node:crypto";
import type { Manifest } from "../../runtime/manifest.ts";
import { dataFolders } from "../data/folders.ts";
import { loadData, type Dataset } from "../data/load-data.ts";
import { tableOptions, type TableArguments } from "../options.ts";

/** Where the data is, as typed. */
export interface DataPlan extends TableArguments {
  /** The program. */
  readonly file: string;
  readonly data: readonly string[];
  readonly test: readonly string[] | null;
}

export interface Sets {
  readonly training: Dataset;
  readonly test: Dataset | null;
}

/** @throws UsageError, DataError as `loadData` */
export async function readSets(plan: DataPlan, manifest: Manifest): Promise<Sets> {
  const shared = { targets: true, ...tableOptions(plan), folders: dataFolders(plan.file) };
  const training = await loadData(plan.data, manifest, { option: "--data", ...shared });
  const test =
    plan.test === null
      ? null
      : await loadData(plan.test, manifest, { option: "--test", ...shared, known: training });
  return { training, test };
}

/** A hash of the numbers, by which a sweep that goes on knows that they are the same. */
export function fingerprint({ inputs }: Dataset): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(inputs).sort()) {
    const { data, shape } = inputs[name]!;
    hash.update(JSON.stringify([name, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
