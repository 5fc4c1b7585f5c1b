/** Files, read and written so that a failure is told in words and leaves nothing half done. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { chmod, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemCode, UsageError } from "./failures.ts";
import { closest } from "../compiler/suggest.ts";

/**
 * The bytes of a file that the user named.
 * @throws UsageError where it is missing (with the nearest name in its folder), a folder, or not readable
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readFailure(path, error);
  }
}

/**
 * The text of a source file. Bytes that are no UTF-8 become U+FFFD, which the grammar then points at.
 * @throws UsageError as `readBytes`
 */
export async function readText(path: string): Promise<string> {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await readBytes(path));
}

/** What a failed reading is told as; any other error as it is. */
export function readFailure(path: string, error: unknown): unknown {
  switch (systemCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return missingFile(path);
    case "EISDIR":
      return new UsageError("is-a-folder", `${path} is a folder, not a file`, { file: path });
    case "EACCES":
    case "EPERM":
      return new UsageError("unreadable-file", `${path} may not be read`, {
        file: path,
        help: "look at the permissions of the file and of the folders above it",
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

/** `too many symbolic links encountered`, of `ELOOP: too many symbolic links encountered, open 'a.nn'`. */
const systemReason = (error: unknown): string =>
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

export interface FileToWrite {
  readonly path: string;
  readonly bytes: Uint8Array | string;
}

/**
 * Writes all files, or none: each under a temporary name beside its place first, all renamed once all are on the disk. A file that is
 * replaced passes on its permissions, and a symbolic link to one goes on leading there. Something that is there and is no ordinary file
 * (`/dev/stdout`, a pipe) is written to as it is.
 * @throws UsageError where the disk is full or the place may not be written
 */
export async function writeFiles(files: readonly FileToWrite[]): Promise<void> {
  const made: { readonly temporary: string; readonly target: string; readonly path: string }[] = [];
  let current = "";
  try {
    for (const { path, bytes } of files) {
      current = path;
      const existing = await stat(path).catch((error: unknown) => {
        if (systemCode(error) === "ENOENT") return null;
        throw error;
      });
      if (existing !== null && !existing.isFile()) {
        if (existing.isDirectory())
          throw new UsageError("is-a-folder", `${path} is a folder`, { file: path });
        await writeAll(path, "w", bytes);
        continue;
      }
      makeFolder(dirname(path));
      const target = existing === null ? path : await realpath(path);
      const temporary = join(dirname(target), `.${basename(target)}.${process.pid}-${made.length}.tmp`);
      made.push({ temporary, target, path });
      await writeAll(temporary, "w", bytes);
      if (existing !== null) await chmod(temporary, existing.mode);
    }
    for (const { temporary, target, path } of made) {
      current = path;
      await rename(temporary, target);
    }
  } catch (error) {
    // What cannot be removed was not made; the first failure is the one to tell.
    await Promise.allSettled(made.map(({ temporary }) => rm(temporary, { force: true })));
    throw writeFailure(current, error);
  }
}

/**
 * Makes a folder and those above it. `mkdirSync` with `recursive` never returns where a file system refuses new folders by saying that
 * they do not exist, as `/proc` does.
 */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  try {
    mkdirSync(path);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}

async function writeAll(path: string, flags: string, bytes: Uint8Array | string): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.writeFile(bytes);
    // Devices and pipes cannot be synchronised, which is no failure.
    await handle.sync().catch((error: unknown) => {
      if (systemCode(error) === "ENOSPC" || systemCode(error) === "EIO") throw error;
    });
  } finally {
    await handle.close();
  }
}

/**
 * Sees to it that `path` can be written later, making its folder, so that a long run does not end in a surprise.
 * @throws UsageError as `writeFiles`
 */
export function expectWritable(path: string): void {
  try {
    makeFolder(dirname(path));
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new UsageError("is-a-folder", `${path} is a folder, where a file is to be written`, {
        file: path,
      });
    }
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw writeFailure(path, error);
  }
}

function writeFailure(path: string, error: unknown): unknown {
  const nothing = "nothing has been left half written";
  switch (systemCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return new UsageError("disk-full", `the disk is full: ${path} could not be written`, {
        file: path,
        help: `make room, or write elsewhere with -o; ${nothing}`,
      });
    case "ENOENT":
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new UsageError("not-writable", `${path} may not be written`, {
        file: path,
        help: `look at the permissions of ${dirname(path)}, or write elsewhere with -o; ${nothing}`,
      });
    case "ENOTDIR":
    case "EEXIST":
      return new UsageError("not-a-folder", `${path} cannot be written: something on its way is a file`, {
        file: path,
      });
    case "EISDIR":
      return new UsageError("is-a-folder", `${path} is a folder, where a file is to be written`, {
        file: path,
      });
    case "ENAMETOOLONG":
      return new UsageError("not-writable", `the name ${basename(path).slice(0, 40)}… is too long`, {
        file: path,
      });
    case undefined:
      return error;
    default:
      return new UsageError("not-writable", `${path} cannot be written: ${systemReason(error)}`, {
        file: path,
        help: `write elsewhere with -o; ${nothing}`,
      });
  }
}
