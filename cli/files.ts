/**
 * Files, read so that a failure is told in words and what is no file does not keep the reader
 * waiting.
 */
import { readdirSync, type Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MAX_SOURCE_LENGTH } from "../grammar/limits.ts";
import { systemCode, UsageError } from "./failures.ts";
import { closest } from "../grammar/suggest.ts";

/**
 * What is open in this process already: a shell's `<(…)` and `|`. Reading them waits for nothing
 * but their writer.
 */
const openAlready = /^\/(dev\/(stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/**
 * The bytes of a file that the user named. A pipe is read where a shell has opened it; any other
 * pipe, and a device, may never end.
 * @param tooLarge the error for a file of more than `most` bytes; no more than that is read
 * @throws UsageError where it is missing (with the nearest name in its folder), no file, or not
 * readable
 */
export async function readBytes(
  path: string,
  most = Infinity,
  tooLarge: (size: string) => Error = (size) => largeFile(path, size),
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    expectFile(path, await stat(path));
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      if (size > most) throw tooLarge(`${size.toLocaleString("en")} bytes`);
      const bytes =
        size > 0 && most === Infinity
          ? new Uint8Array(await handle.readFile())
          : await readUpTo(handle, most);
      if (bytes === null) throw tooLarge(`more than ${most.toLocaleString("en")} bytes`);
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readFailure(path, error);
  }
}

/**
 * All that a file holds, though its size may not be known; null where that is more than `most`
 * bytes.
 */
async function readUpTo(handle: FileHandle, most: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(1 << 16);
    const { bytesRead } = await handle.read(part, 0, part.length, null);
    if (bytesRead === 0) break;
    parts.push(part.subarray(0, bytesRead));
    length += bytesRead;
    if (length > most) return null;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @throws UsageError for what is there and no file */
function expectFile(path: string, found: Stats): void {
  if (found.isFile() || (openAlready.test(path) && (found.isFIFO() || found.isSocket()))) return;
  throw noFile(path, found);
}

/** The error for what is there and no file. */
export function noFile(path: string, found: Stats): UsageError {
  if (found.isDirectory()) {
    return new UsageError("is-a-folder", `${path} is a folder, not a file`, { file: path });
  }
  const kind = found.isFIFO() ? "a pipe" : found.isSocket() ? "a socket" : "a device";
  return new UsageError("not-a-file", `${path} is ${kind}, not a file`, {
    file: path,
    help: "write its content to a file first",
  });
}

const largeFile = (path: string, size: string): UsageError =>
  new UsageError("file-too-large", `${path} has ${size}, too many to read`, { file: path });

/** A character of UTF-16 is at most three bytes of UTF-8. */
const mostSourceBytes = 3 * MAX_SOURCE_LENGTH;

/**
 * The text of a source file. Bytes that are no UTF-8 become U+FFFD, which the grammar then points
 * at.
 * @throws UsageError as `readBytes`, also where it is too large to be a program
 */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(
    path,
    mostSourceBytes,
    (size) =>
      new UsageError("file-too-large", `${path} has ${size}, too many for a program`, {
        file: path,
        help: "large tables belong in data or weights",
      }),
  );
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** What a failed reading is told as; any other error as it is. */
export function readFailure(path: string, error: unknown): unknown {
  switch (systemCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return missingFile(path);
    case "EACCES":
    case "EPERM":
      return new UsageError("unreadable-file", `${path} may not be read`, {
        file: path,
        help: "check the permissions of the file and its folders",
      });
    case "ERR_FS_FILE_TOO_LARGE":
      return new UsageError("file-too-large", `${path} is too large to be read as one file`, { file: path });
    case undefined:
      return error;
    default:
      return new UsageError("unreadable-file", `${path} cannot be read: ${systemReason(error)}`, {
        file: path,
      });
  }
}

/**
 * `too many symbolic links encountered`, of `ELOOP: too many symbolic links encountered, open
 * 'a.nn'`.
 */
export const systemReason = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/^\w+: /, "").replace(/, \w+.*$/, "") : String(error);

/** The error for a file that is not there, with the nearest name that is. */
function missingFile(path: string): UsageError {
  let names: string[] = [];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return new UsageError("missing-file", `there is no file ${path}`, {
      file: path,
      help: `there is no folder ${dirname(path)} either`,
    });
  }
  const near = closest(basename(path), names);
  return new UsageError("missing-file", `there is no file ${path}`, {
    file: path,
    ...(near === undefined ? {} : { help: `did you mean ${join(dirname(path), near)}?` }),
  });
}
