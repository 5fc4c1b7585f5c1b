/** Gzip, told by its first two bytes, with a limit on what it unpacks to. */
import { constants, gunzipSync } from "node:zlib";
import { DataError, systemCode } from "../failures.ts";
import { count } from "../terminal/numbers.ts";

/**
 * Unpacked bytes that a data file may have: what one ArrayBuffer and 32-bit sizes can hold with
 * ease.
 */
export const unpackedLimit = 2 ** 31 - 1;

/**
 * What any packed file may unpack to, and how many times its size larger ones may: data never packs
 * as tightly as a bomb does.
 */
const SMALL = 2 ** 27;
const RATIO = 32;

/** The bytes that `packed` bytes may become, `limit` at most. */
export const packedLimit = (packed: number, limit: number): number =>
  Math.min(limit, Math.max(SMALL, RATIO * packed));

/** Bytes of header and trailer, with nothing between them. */
const SHORTEST = 18;

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** @throws DataError where the name promises gzip and the bytes are something else */
export function expectGzipName(bytes: Uint8Array, file: string): void {
  if (isGzip(bytes) || !/\.gz$/i.test(file)) return;
  throw new DataError(
    "data-not-gzip",
    "the name ends in .gz, but this is not a gzip file",
    { file },
    {
      help: "remove .gz from its name if it is not compressed",
    },
  );
}

/**
 * What the beginning of a gzip file unpacks to, as far as it goes. @throws DataError where it is
 * damaged
 */
export function gunzippedHead(beginning: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(beginning, { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 2 ** 18 });
  } catch {
    throw damaged(file);
  }
}

/**
 * The unpacked bytes of a gzip file, its checksum held against them.
 * @param expected bytes that the format inside says it has, if it does
 * @throws DataError where it is damaged or unpacks to more than the limit
 */
export function gunzipped(bytes: Uint8Array, file: string, limit: number, expected?: number): Uint8Array {
  const allowed = packedLimit(bytes.length, limit);
  if (bytes.length < SHORTEST) throw damaged(file);
  // The last four bytes are the unpacked size, modulo 2³².
  const said = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
  if (said > allowed || (expected ?? 0) > allowed) throw tooLarge(file, bytes.length, limit);
  // One byte more than is said tells that there is more.
  const most = Math.min(allowed, (expected ?? allowed) + 1);
  try {
    return gunzipSync(bytes, { maxOutputLength: most, chunkSize: 2 ** 20 });
  } catch (error) {
    if (systemCode(error) !== "ERR_BUFFER_TOO_LARGE") throw damaged(file);
    if (most === allowed) throw tooLarge(file, bytes.length, limit);
    throw new DataError(
      "data-trailing-bytes",
      `unpacked, it is longer than the ${count(expected ?? 0)} bytes that its header says`,
      { file },
      { help: "write it again, or copy or download it again" },
    );
  }
}

const damaged = (file: string): DataError =>
  new DataError(
    "data-damaged",
    "this gzip file is damaged or cut short",
    { file },
    { help: "copy or download it again" },
  );

/** @param packed its size as it is, which the limit may come from */
export function tooLarge(file: string, packed: number, limit: number): DataError {
  const allowed = packedLimit(packed, limit);
  return new DataError(
    "data-too-large",
    `unpacked, this is more than ${count(allowed)} bytes`,
    { file },
    {
      ...(allowed < limit
        ? { notes: [`packed it is ${count(packed)} bytes, ${RATIO} times fewer and more`] }
        : {}),
      help:
        allowed < limit
          ? "data is rarely compressed that much: unpack it yourself if that is intended"
          : "split the data into parts, and train on them in turn with --resume",
    },
  );
}
