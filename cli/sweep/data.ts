/** The data of a sweep, as each process reads it. */
import { createHash } from "node:crypto";
import type { Manifest } from "../../runtime/manifest.ts";
import { dataFolders } from "../data/folders.ts";
import { loadData, type Dataset } from "../data/load-data.ts";
import type { Net } from "../../runtime/index.ts";
import { tableOptions, type TableArguments } from "../options.ts";
import { holdOut } from "../train/hold-out.ts";

/** Where the data is, as typed. */
export interface DataPlan extends TableArguments {
  /** The program. */
  readonly file: string;
  readonly data: readonly string[];
  /** A share of the data's rows, or where others are. */
  readonly validate: number | readonly string[] | null;
  readonly test: readonly string[] | null;
}

export interface Sets {
  /** All of `--data`. */
  readonly data: Dataset;
  /** What files hold for `--validate`. */
  readonly validation: Dataset | null;
  readonly test: Dataset | null;
}

/** @throws UsageError, DataError as `loadData` */
export async function readSets(plan: DataPlan, manifest: Manifest): Promise<Sets> {
  const shared = { targets: true, ...tableOptions(plan), folders: dataFolders(plan.file) };
  const data = await loadData(plan.data, manifest, { option: "--data", ...shared });
  const { validate } = plan;
  const validation =
    validate === null || typeof validate === "number"
      ? null
      : await loadData(validate, manifest, { option: "--validate", ...shared, known: data });
  const test =
    plan.test === null
      ? null
      : await loadData(plan.test, manifest, { option: "--test", ...shared, known: data });
  return { data, validation, test };
}

/**
 * What a run is trained on and validated on: the seed of its net draws a share of the rows.
 * @throws UsageError where there are too few rows to divide
 */
export function divided(
  { validate }: DataPlan,
  { data, validation }: Sets,
  net: Net,
): { readonly training: Dataset; readonly validation: Dataset | null } {
  return typeof validate === "number" ? holdOut(net, data, validate) : { training: data, validation };
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
