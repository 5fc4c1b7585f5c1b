/** Safetensors as data: the runtime reads the format, this gives its errors a place. */
import { NndslError } from "../../runtime/errors.ts";
import { readSafetensors, type StoredTensor } from "../../runtime/safetensors.ts";
import { DataError } from "../failures.ts";
import { arrayPlace, type DataArray } from "./array.ts";

/** Eight bytes of length, then a JSON object. */
export const isSafetensors = (bytes: Uint8Array): boolean =>
  bytes.length > 8 && bytes[8] === 0x7b && bytes[7] === 0;

/** @throws DataError where the file is not sound */
export function readTensors(bytes: Uint8Array, file: string): Map<string, DataArray> {
  expectHeaderLength(bytes, file);
  let tensors: ReadonlyMap<string, StoredTensor>;
  try {
    ({ tensors } = readSafetensors(bytes));
  } catch (error) {
    if (!(error instanceof NndslError)) throw error;
    throw new DataError("data-damaged", error.message.replace(/\.$/, ""), { file });
  }
  const types = dtypes(bytes);
  return new Map(
    [...tensors].map(([name, { shape, data }]) => {
      const own = `${file}:${name}`;
      const place = arrayPlace(own, shape);
      expectExact(data, types.get(name), place);
      return [name, { shape, values: data, place, file: own }];
    }),
  );
}

/** Bytes; a header of a thousand tensors has about a hundred thousand. */
const LONGEST_HEADER = 2 ** 24;

function expectHeaderLength(bytes: Uint8Array, file: string): void {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length <= LONGEST_HEADER) return;
  throw new DataError("data-damaged", `its header says that it has ${length} bytes`, { file });
}

/** Where the tensors begin, by a header that is still to be looked at. */
export const safetensorsStart = (beginning: Uint8Array): number =>
  8 + Math.min(LONGEST_HEADER, new DataView(beginning.buffer, beginning.byteOffset).getUint32(0, true));

/**
 * The bytes that a file has by its header; undefined where that is not whole in `beginning`, or no
 * header.
 */
export function safetensorsLength(beginning: Uint8Array, file: string): number | undefined {
  expectHeaderLength(beginning, file);
  const header = headerOf(beginning);
  if (header === null) return undefined;
  const ends = Object.values(header.entries).map(({ data_offsets: offsets }) =>
    Array.isArray(offsets) ? Number(offsets[1]) : 0,
  );
  const length = header.end + Math.max(0, ...ends);
  return Number.isSafeInteger(length) ? length : undefined;
}

type Entries = Readonly<Record<string, { readonly dtype?: unknown; readonly data_offsets?: unknown }>>;

function headerOf(bytes: Uint8Array): { readonly entries: Entries; readonly end: number } | null {
  const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (end > bytes.length) return null;
  try {
    const entries: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
    if (typeof entries !== "object" || entries === null) return null;
    const sound = Object.values(entries).every((entry) => typeof entry === "object" && entry !== null);
    // Each field is looked at before it is used.
    return sound ? { entries: entries as Entries, end } : null;
  } catch {
    return null;
  }
}

function dtypes(bytes: Uint8Array): ReadonlyMap<string, unknown> {
  const entries = headerOf(bytes)?.entries ?? {};
  return new Map(Object.entries(entries).map(([name, { dtype }]) => [name, dtype]));
}

/**
 * Whole numbers of 64 bits became f64, and booleans are bytes. @throws DataError where that is not
 * what they were
 */
function expectExact(data: StoredTensor["data"], dtype: unknown, place: DataArray["place"]): void {
  if (dtype === "I64" || dtype === "U64") {
    const at = data.findIndex((value) => !Number.isSafeInteger(value));
    if (at !== -1) {
      throw new DataError(
        "data-too-precise",
        `about ${data[at]} is beyond ±2⁵³, where f64 skips integers`,
        place(at),
      );
    }
  } else if (dtype === "BOOL") {
    const at = data.findIndex((value) => value > 1);
    if (at !== -1)
      throw new DataError("data-not-a-boolean", `a boolean is 0 or 1, but this is ${data[at]}`, place(at));
  }
}
