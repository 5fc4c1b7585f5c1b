/** A data file on disk: looked at by its beginning before all of it is read. */
import { readSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { DataError } from "../failures.ts";
import { noFile, readFailure } from "../files.ts";
import { count } from "../terminal/numbers.ts";
import type { ByteSource } from "./byte-source.ts";

/** Bytes that say what a file is, and how long it should be. */
export const BEGINNING = 2 ** 16;

export interface OpenFile extends ByteSource {
  readonly path: string;
  readonly beginning: Uint8Array;
  /** The last bytes, `length` at most. */
  readonly end: (length: number) => Uint8Array;
  /**
   * All bytes, in a buffer of their own.
   * @param aligned a place in the file whose bytes are to lie where typed arrays of any kind may begin
   */
  readonly all: (aligned?: number) => Uint8Array;
}

/** What the typed arrays with the longest elements begin at multiples of. */
const ALIGNMENT = 8;

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
    const read = (into: Uint8Array, position: number): number => {
      let at = 0;
      while (at < into.length) {
        const count = readSync(handle.fd, into, at, Math.min(into.length - at, 2 ** 30), position + at);
        if (count === 0) break;
        at += count;
      }
      return at;
    };
    const part = (position: number, length: number, before = 0): Uint8Array => {
      const bytes = new Uint8Array(new ArrayBuffer(before + length), before);
      return bytes.subarray(0, read(bytes, position));
    };
    return await use({
      path,
      size,
      read,
      beginning: part(0, Math.min(size, BEGINNING)),
      end: (length) => part(Math.max(0, size - length), Math.min(size, length)),
      all: (aligned = 0) => part(0, size, (ALIGNMENT - (aligned % ALIGNMENT)) % ALIGNMENT),
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
