/** A data file of any kind that nndsl knows, told by its first bytes rather than by its name. */
import { DataError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import { didYouMean } from "../suggest.ts";
import type { DataArray } from "./array.ts";
import type { Categories } from "./columns.ts";
import { expectText, expectTextLength, readCsv, type Wanted } from "./csv.ts";
import { cut } from "../terminal/cut.ts";
import { expectGzipName, gunzipped, gunzippedHead, isGzip, unpackedLimit } from "./gzip.ts";
import { idxLength, isIdx, readIdx } from "./idx.ts";
import { isNpy, npyLength, readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { withFile, type OpenFile } from "./open-file.ts";
import { isSafetensors, readTensors, safetensorsLength } from "./safetensors.ts";
import { endOfZip, isZip, LONGEST_END } from "./zip.ts";

/** One array, several by name, or a table whose columns are still to be picked. */
export type FileContent =
  | { readonly kind: "array"; readonly array: DataArray }
  | { readonly kind: "arrays"; readonly arrays: ReadonlyMap<string, DataArray> }
  | { readonly kind: "table"; readonly bytes: Uint8Array };

/**
 * What cannot be right by a file's first and last bytes and its size is told before the rest is
 * read.
 * @throws UsageError where the file cannot be read, DataError where its content is not what it
 * should be
 */
export async function readDataFile(path: string, limit = unpackedLimit): Promise<FileContent> {
  return withFile(path, unpackedLimit, async (file) => {
    expectGzipName(file.beginning, path);
    const bytes = isGzip(file.beginning) ? await unpacked(file, limit) : await sound(file);
    switch (formatOf(bytes, path)) {
      case "npy":
        return { kind: "array", array: readNpy(bytes, path) };
      case "zip":
        return { kind: "arrays", arrays: readNpz(bytes, path, limit) };
      case "idx":
        return { kind: "array", array: readIdx(bytes, path) };
      case "safetensors":
        return { kind: "arrays", arrays: readTensors(bytes, path) };
      case "table":
        return { kind: "table", bytes };
    }
  });
}

type Format = "npy" | "zip" | "idx" | "safetensors" | "table";

/** @throws DataError where it is none that nndsl knows */
function formatOf(bytes: Uint8Array, path: string): Format {
  if (isNpy(bytes)) return "npy";
  if (isZip(bytes)) return "zip";
  if (isIdx(bytes)) return "idx";
  if (isSafetensors(bytes)) return "safetensors";
  if (/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return "table";
  throw new DataError(
    "data-unknown-format",
    "this is not a data file that nndsl can read",
    { file: path },
    {
      help: "it recognizes .npy, .npz, .safetensors and IDX by content, tables by the extension .csv or .tsv, and any of them gzipped as .gz",
    },
  );
}

/**
 * The bytes that a file of this beginning has, if its format says so. @throws DataError where the
 * beginning is wrong
 */
function lengthBy(beginning: Uint8Array, path: string): number | undefined {
  const format = formatOf(beginning, path);
  switch (format) {
    case "npy":
      return npyLength(beginning, path);
    case "idx":
      return idxLength(beginning, path);
    case "safetensors":
      return safetensorsLength(beginning, path);
    case "table":
      expectText(beginning, path);
      return undefined;
    case "zip":
      return undefined;
    default:
      return format satisfies never;
  }
}

async function sound(file: OpenFile): Promise<Uint8Array> {
  const { beginning, path, size } = file;
  // Smaller files are told of as exactly when they are read.
  if (size > beginning.length) {
    const expected = lengthBy(beginning, path);
    const format = formatOf(beginning, path);
    if (expected !== undefined && expected !== size) {
      throw new DataError(
        size < expected ? "data-truncated" : "data-trailing-bytes",
        `it has ${size} bytes, but its header says ${expected}`,
        { file: path },
        { help: "write it again, or copy or download it again" },
      );
    }
    if (format === "table") expectTextLength(size, path);
    if (format === "zip" && endOfZip(await file.end(LONGEST_END)) === -1) {
      throw new DataError(
        "data-damaged",
        "this .npz file is damaged or cut short: it has no directory at its end",
        { file: path },
        { help: "copy it again, or write it again with numpy.savez" },
      );
    }
  }
  return file.all();
}

async function unpacked({ path, beginning, all }: OpenFile, limit: number): Promise<Uint8Array> {
  const expected = lengthBy(gunzippedHead(beginning, path), path);
  const bytes = gunzipped(await all(), path, limit, expected);
  if (formatOf(bytes, path) === "table") expectTextLength(bytes.length, path);
  return bytes;
}

/**
 * The one array meant in a file for one input, and what is known of its columns where it is a
 * table.
 * @param wanted of a table the columns, else the array's name
 * @throws UsageError, DataError
 */
export async function readInputFile(path: string, wanted: Wanted, limit?: number): Promise<InputContent> {
  const content = await readDataFile(path, limit);
  switch (content.kind) {
    case "table": {
      const array = readCsv(content.bytes, path, wanted);
      const { categoriesByColumn: categories, names, notes } = array;
      return { array, categories, names, notes };
    }
    case "array":
      return { array: content.array, ...noTable };
    case "arrays": {
      const names = [...content.arrays.keys()];
      const [only] = names;
      const { picked } = wanted;
      if (picked === undefined && (names.length !== 1 || only === undefined)) {
        throw new DataError(
          "data-which-array",
          `it contains ${names.length} arrays, and none was chosen`,
          { file: path },
          {
            help:
              only === undefined
                ? "it needs one"
                : `write ${shellWord(`${path}:${cut(only)}`)}; ${didYouMean("", names)}`,
          },
        );
      }
      const name = picked?.join(",") ?? only!;
      const array = content.arrays.get(name);
      if (array === undefined) {
        const help = didYouMean(name, names);
        throw new DataError(
          "data-missing-array",
          `there is no array \`${cut(name)}\``,
          { file: path },
          help === undefined ? {} : { help },
        );
      }
      return { array, ...noTable };
    }
  }
}

interface InputContent {
  readonly array: DataArray;
  readonly categories: Categories;
  /** Names of the columns taken; null without a header, and where it is no table. */
  readonly names: readonly string[] | null;
  readonly notes: readonly string[];
}

const noTable = { categories: {}, names: null, notes: [] } as const;
