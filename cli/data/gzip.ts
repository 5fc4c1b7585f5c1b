/** Gzip, told by its first two bytes, with a limit on what it unpacks to. */
import { gunzipSync } from "node:zlib";
import { DataError, systemCode } from "../failures.ts";

/** Unpacked bytes that a data file may have: what one ArrayBuffer and 32-bit sizes can hold with ease. */
export const unpackedLimit = 2 ** 31 - 1;

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * The unpacked bytes of a gzipped file, and `bytes` itself where it is none.
 * @throws DataError where the name promises gzip and the bytes are something else, and where they are damaged or too many
 */
export function gunzipped(bytes: Uint8Array, file: string, limit = unpackedLimit): Uint8Array {
  if (!isGzip(bytes)) {
    if (!/\.gz$/i.test(file)) return bytes;
    throw new DataError(
      "data-not-gzip",
      "the name ends in .gz, but this is no gzip file",
      { file },
      {
        help: "take the .gz off its name if it is not compressed",
      },
    );
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    if (systemCode(error) === "ERR_BUFFER_TOO_LARGE") throw tooLarge(file, limit);
    throw new DataError(
      "data-damaged",
      "this gzip file is damaged or cut short",
      { file },
      {
        help: "copy or download it again",
      },
    );
  }
}

export const tooLarge = (file: string, limit: number): DataError =>
  new DataError(
    "data-too-large",
    `unpacked, this is more than ${limit.toLocaleString("en")} bytes`,
    { file },
    {
      help: "split the data into parts, and train on them in turn with --resume",
    },
  );
