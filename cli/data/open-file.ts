/** A data file on disk: looked at by its beginning before all of it is read. */
import { open, type FileHandle } from "node:fs/promises";
import { DataError } from "../failures.ts";
import { noFile, readFailure } from "../files.ts";
import { count } from "../terminal/numbers.ts";

/** Bytes that say what a file is, and how long it should be. */
export const BEGINNING = 2 ** 16;

export interface OpenFile {
  readonly path: string;
  readonly size: number;
  readonly beginning: Uint8Array;
  /** The last bytes, `length` at most. */
  readonly end: (length: number) => Promise<Uint8Array>;
  readonly all: () => Promise<Uint8Array>;
}

/**
 * Opens a file for `use`.
 * @throws UsageError where it is missing, not readable or no file (a pipe is never waited for),
 * DataError where it is empty or has more than `limit` bytes
 */
export async function withFile<T>(
  path: string,
  limit: number,
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const { constants } = await import("node:fs");
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw readFailure(path, error);
  }
  try {
    const { size } = await expectFile(handle, path);
    if (size === 0) throw new DataError("data-empty", "the file is empty", { file: path });
    if (size > limit) {
      throw new DataError(
        "data-too-large",
        `this is more than ${count(limit)} bytes`,
        { file: path },
        { help: "split the data into parts, and train on them in turn with --resume" },
      );
    }
    const read = async (position: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(length - at, 2 ** 30), position + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    };
    const beginning = await read(0, Math.min(size, BEGINNING));
    return await use({
      path,
      size,
      beginning,
      end: (length) => read(Math.max(0, size - length), Math.min(size, length)),
      all: async () => (size <= BEGINNING ? beginning : await read(0, size)),
    });
  } catch (error) {
    throw readFailure(path, error);
  } finally {
    await handle.close();
  }
}

async function expectFile(handle: FileHandle, path: string): Promise<{ readonly size: number }> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw noFile(path, stats);
  return stats;
}
