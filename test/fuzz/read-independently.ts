/**
 * What may be read from the bytes of a data file, without a line of ours: Papa Parse for tables,
 * the formats' pages for the rest. Several readings where the bytes leave several open; null where
 * this reader has no opinion.
 */
import { gunzipSync } from "node:zlib";
import Papa from "papaparse";
import type { DataFile } from "./data-files.ts";

export type Readings = readonly (readonly number[])[] | null;

export function readIndependently(file: DataFile, bytes: Uint8Array): Readings {
  switch (file.kind) {
    case "gz":
      // Its checksum leaves but what was packed.
      return isSound(() => gunzipSync(bytes)) ? [file.values] : [];
    case "npz":
      return [file.values];
    case "csv":
    case "tsv":
      return readTable(bytes);
    case "npy":
      return readNpy(Buffer.from(bytes));
    case "safetensors":
      return readSafetensors(Buffer.from(bytes));
    case "idx":
      return readIdx(Buffer.from(bytes));
    default:
      return file.kind satisfies never;
  }
}

function isSound(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function readTable(bytes: Uint8Array): Readings {
  const text = new TextDecoder()
    .decode(bytes)
    .replaceAll(/\r*\n|\r/g, "\n")
    // Spaces around quotes are of no cell.
    .replaceAll(/(^|[,;|\n]) *"/g, '$1"')
    .replaceAll(/" *($|[,;|\n])/g, '"$1');
  const [, comments = "", rest = ""] = /^((?:#[^\n]*\n)*)(.*)$/s.exec(text) ?? [];
  const texts = comments === "" ? [text] : [text, rest];
  return texts
    .flatMap((table) => [",", ";", "\t", "|"].map((delimiter) => cellsOf(table, delimiter)))
    .concat(
      texts.map((table) =>
        table
          .trimEnd()
          .split("\n")
          .map((line) => line.trim().split(/ +/)),
      ),
    )
    .flatMap((rows) => {
      const wide = rows.map((row) => (row.length > 1 && row.at(-1) === "" ? row.slice(0, -1) : row));
      return [numbersOf(wide), numbersOf(wide.slice(1))].filter((values) => values !== null);
    });
}

function cellsOf(text: string, delimiter: string): string[][] {
  const { data } = Papa.parse<string[]>(text, { delimiter, newline: "\n" });
  const last = data.findLastIndex((row) => row.some((cell) => cell.trim() !== ""));
  return data.slice(0, last + 1).map((row) => row.map((cell) => cell.trim()));
}

function numbersOf(rows: readonly (readonly string[])[]): number[] | null {
  const width = rows[0]?.length ?? 0;
  if (width === 0 || rows.some((row) => row.length !== width)) return null;
  const cells = rows.flat();
  return cells.every((cell) => number.test(cell)) ? cells.map(Number) : null;
}

function readNpy(bytes: Buffer): Readings {
  const length = bytes.length >= 10 ? bytes.readUInt16LE(8) : 0;
  const header = bytes.subarray(10, 10 + length).toString("latin1");
  const found =
    /^\{'descr': '([<>])f([48])', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n$/.exec(header);
  if (found === null) return null;
  const [, order, size, rows, columns] = found;
  const view = new DataView(bytes.buffer, bytes.byteOffset + 10 + length, bytes.length - 10 - length);
  const count = Number(rows) * Number(columns);
  if (view.byteLength !== count * Number(size)) return [];
  const read = (i: number): number =>
    size === "8" ? view.getFloat64(8 * i, order === "<") : view.getFloat32(4 * i, order === "<");
  return [Array.from({ length: count }, (_, i) => read(i))];
}

function readSafetensors(bytes: Buffer): Readings {
  const end = bytes.length >= 8 ? 8 + Number(bytes.readBigUInt64LE(0)) : Infinity;
  if (end > bytes.length) return [];
  let header: Record<string, { dtype?: unknown; data_offsets?: unknown }>;
  try {
    header = JSON.parse(bytes.subarray(8, end).toString());
  } catch {
    return [];
  }
  const tensors = Object.entries(header).filter(([name]) => name !== "__metadata__");
  const [tensor] = tensors;
  if (tensors.length !== 1 || tensor === undefined || tensor[1].dtype !== "F64") return null;
  const body = bytes.subarray(end);
  if (body.length % 8 !== 0) return [];
  return [Array.from({ length: body.length / 8 }, (_, i) => body.readDoubleLE(8 * i))];
}

function readIdx(bytes: Buffer): Readings {
  if (bytes.length < 12 || bytes[2] !== 8 || bytes[3] !== 2) return null;
  return [[...bytes.subarray(12)]];
}
