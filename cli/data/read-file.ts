/** A data file of any kind that nndsl knows, told by its first bytes rather than by its name. */
import { DataError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import { didYouMean } from "../suggest.ts";
import type { DataArray } from "./array.ts";
import { sourceOf, type ByteSource } from "./byte-source.ts";
import type { Categories } from "./columns.ts";
import { readCsv, type TableOptions, type Wanted } from "./csv.ts";
import { cut } from "../terminal/cut.ts";
import { expectGzipName, gunzipped, gunzippedHead, isGzip, unpackedLimit } from "./gzip.ts";
import { idxLength, isIdx, readIdx } from "./idx.ts";
import { isNpy, npyLength, npyStart, readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { withFile, type OpenFile } from "./open-file.ts";
import { isSafetensors, readTensors, safetensorsLength, safetensorsStart } from "./safetensors.ts";
import { expectText } from "./text-encoding.ts";
import { endOfZip, isZip, LONGEST_END } from "./zip.ts";

/** One array, several by name, or a table whose columns are still to be picked. */
export type FileContent =
  | { readonly kind: "array"; readonly array: DataArray }
  | { readonly kind: "arrays"; readonly arrays: ReadonlyMap<string, DataArray> }
  | { readonly kind: "table"; readonly read: <T>(use: (source: ByteSource) => T) => Promise<T> };

/**
 * What cannot be right by a file's first and last bytes and its size is told before the rest is
 * read.
 * @throws UsageError where the file cannot be read, DataError where its content is not what it
 * should be
 */
export async function readDataFile(path: string, limit = unpackedLimit): Promise<FileContent> {
  return withFile(path, unpackedLimit, async (file) => {
    expectGzipName(file.beginning, path);
    if (isGzip(file.beginning)) {
      const bytes = unpacked(file, limit);
      const format = formatOf(bytes, path);
      if (format === "table") return { kind: "table", read: async (use) => use(sourceOf(bytes)) };
      return arraysOf(format, bytes, path, limit);
    }
    const format = sound(file);
    // Opened anew when it is read: only what it holds is kept, in the end.
    if (format === "table")
      return { kind: "table", read: (use) => withFile(path, unpackedLimit, async (again) => use(again)) };
    return arraysOf(format, file.all(startOf(format, file)), path, limit);
  });
}

function arraysOf(
  format: Exclude<Format, "table">,
  bytes: Uint8Array,
  path: string,
  limit: number,
): Exclude<FileContent, { readonly kind: "table" }> {
  switch (format) {
    case "npy":
      return { kind: "array", array: readNpy(bytes, path) };
    case "zip":
      return { kind: "arrays", arrays: readNpz(bytes, path, limit) };
    case "idx":
      return { kind: "array", array: readIdx(bytes, path) };
    case "safetensors":
      return { kind: "arrays", arrays: readTensors(bytes, path) };
    default:
      return format satisfies never;
  }
}

/** Where the numbers begin, which is where they are to be aligned. */
function startOf(format: Exclude<Format, "table">, { beginning, path }: OpenFile): number {
  if (format === "npy") return npyStart(beginning, path);
  return format === "safetensors" ? safetensorsStart(beginning) : 0;
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

/** @throws DataError where a file's beginning, end or size is wrong */
function sound(file: OpenFile): Format {
  const { beginning, path, size } = file;
  const format = formatOf(beginning, path);
  // Smaller files are told of as exactly when they are read.
  if (size > beginning.length) {
    const expected = lengthBy(beginning, path);
    if (expected !== undefined && expected !== size) {
      throw new DataError(
        size < expected ? "data-truncated" : "data-trailing-bytes",
        `it has ${size} bytes, but its header says ${expected}`,
        { file: path },
        { help: "write it again, or copy or download it again" },
      );
    }
    if (format === "zip" && endOfZip(file.end(LONGEST_END)) === -1) {
      throw new DataError(
        "data-damaged",
        "this .npz file is damaged or cut short: it has no directory at its end",
        { file: path },
        { help: "copy it again, or write it again with numpy.savez" },
      );
    }
  }
  return format;
}

function unpacked({ path, beginning, all }: OpenFile, limit: number): Uint8Array {
  const expected = lengthBy(gunzippedHead(beginning, path), path);
  return gunzipped(all(), path, limit, expected);
}

/** One input that a file is read for: of a table the columns, else the array's name. */
export interface Asked extends Wanted {
  readonly input: string;
}

/**
 * For each input the one array meant in a file, and what is known of its columns where it is a
 * table. The file is read once.
 * @returns by input, up to the first for which something is wrong
 * @throws UsageError, DataError where something is wrong for the first input
 */
export async function readInputFile(
  content: FileContent,
  path: string,
  options: TableOptions,
  asked: readonly Asked[],
  chunk?: number,
): Promise<ReadonlyMap<string, InputContent | DataError>> {
  if (content.kind !== "table")
    return new Map(asked.map((one) => [one.input, onlyArray(content, path, one)]));
  const taken = await content.read((source) => readCsv(source, path, options, asked, chunk));
  return new Map<string, InputContent | DataError>(
    taken.map((one, at): [string, InputContent | DataError] => {
      const { input } = asked[at]!;
      if (one.kind === "wrong") return [input, one.error];
      const { categoriesByColumn: categories, names, notes } = one.table;
      return [input, { array: one.table, categories, names, notes }];
    }),
  );
}

function onlyArray(
  content: Exclude<FileContent, { readonly kind: "table" }>,
  path: string,
  { picked }: Wanted,
): InputContent | DataError {
  if (content.kind === "array") return { array: content.array, ...noTable };
  const names = [...content.arrays.keys()];
  const [only] = names;
  if (picked === undefined && (names.length !== 1 || only === undefined)) {
    return new DataError(
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
  if (array !== undefined) return { array, ...noTable };
  const help = didYouMean(name, names);
  return new DataError(
    "data-missing-array",
    `there is no array \`${cut(name)}\``,
    { file: path },
    help === undefined ? {} : { help },
  );
}

export interface InputContent {
  readonly array: DataArray;
  readonly categories: Categories;
  /** Names of the columns taken; null without a header, and where it is no table. */
  readonly names: readonly string[] | null;
  readonly notes: readonly string[];
}

const noTable = { categories: {}, names: null, notes: [] } as const;
