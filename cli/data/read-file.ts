/** A data file of any kind that nndsl knows, told by its first bytes rather than by its name. */
import { DataError } from "../failures.ts";
import { readBytes } from "../files.ts";
import { didYouMean } from "../suggest.ts";
import type { DataArray } from "./array.ts";
import { readCsv, type Categories } from "./csv.ts";
import { gunzipped, unpackedLimit } from "./gzip.ts";
import { isIdx, readIdx } from "./idx.ts";
import { isNpy, readNpy } from "./npy.ts";
import { isZip, readNpz } from "./npz.ts";
import { isSafetensors, readTensors } from "./safetensors.ts";

/** One array, several by name, or a table whose columns are still to be picked. */
export type FileContent =
  | { readonly kind: "array"; readonly array: DataArray }
  | { readonly kind: "arrays"; readonly arrays: ReadonlyMap<string, DataArray> }
  | { readonly kind: "table"; readonly bytes: Uint8Array };

/** @throws UsageError where the file cannot be read, DataError where its content is not what it should be */
export async function readDataFile(path: string, limit = unpackedLimit): Promise<FileContent> {
  const packed = await readBytes(path);
  if (packed.length === 0) throw new DataError("data-empty", "the file is empty", { file: path });
  const bytes = gunzipped(packed, path, limit);
  if (isNpy(bytes)) return { kind: "array", array: readNpy(bytes, path) };
  if (isZip(bytes)) return { kind: "arrays", arrays: readNpz(bytes, path, limit) };
  if (isIdx(bytes)) return { kind: "array", array: readIdx(bytes, path) };
  if (isSafetensors(bytes)) return { kind: "arrays", arrays: readTensors(bytes, path) };
  const name = path.replace(/\.gz$/i, "").toLowerCase();
  if (/\.(csv|tsv|txt)$/.test(name)) return { kind: "table", bytes };
  throw new DataError(
    "data-unknown-format",
    "this is no data file that nndsl knows",
    { file: path },
    {
      help: "it reads .npy, .npz, .safetensors and IDX by their content, tables by the name .csv or .tsv, and each of them as .gz",
    },
  );
}

/**
 * The one array meant in a file for one input.
 * @param picked columns of a table, or the array's name
 * @throws UsageError, DataError
 */
export async function readInputFile(
  path: string,
  picked: readonly string[] | undefined,
  known: Categories | undefined,
  limit?: number,
): Promise<{ readonly array: DataArray; readonly categories: Categories }> {
  const content = await readDataFile(path, limit);
  switch (content.kind) {
    case "table": {
      const array = readCsv(content.bytes, path, picked, known);
      return { array, categories: array.categoriesByColumn };
    }
    case "array":
      return { array: content.array, categories: {} };
    case "arrays": {
      const names = [...content.arrays.keys()];
      const [only] = names;
      if (picked === undefined && (names.length !== 1 || only === undefined)) {
        throw new DataError(
          "data-which-array",
          `it holds ${names.length} arrays, and which one is not said`,
          { file: path },
          {
            help: names.length === 0 ? "it needs one" : `write ${path}:${names[0]}; ${didYouMean("", names)}`,
          },
        );
      }
      const name = picked?.join(",") ?? only!;
      const array = content.arrays.get(name);
      if (array === undefined) {
        const help = didYouMean(name, names);
        throw new DataError(
          "data-missing-array",
          `there is no array \`${name}\``,
          { file: path },
          help === undefined ? {} : { help },
        );
      }
      return { array, categories: {} };
    }
  }
}
