/**
 * Files, written so that each is there whole or not at all, whatever happens to the process or the
 * disk meanwhile.
 */
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  type Stats,
} from "node:fs";
import { chmod, open, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemReason } from "./files.ts";
import { systemCode, UsageError } from "./failures.ts";
import { shellWord } from "./shell.ts";

export interface FileToWrite {
  readonly path: string;
  readonly bytes: Uint8Array | string;
  /**
   * Given what the disk holds before it takes the file's place; what it throws keeps the old file.
   */
  readonly check?: (written: Uint8Array) => void;
}

interface Destination {
  /** Where links lead. */
  readonly target: string;
  /** What is there now; null where nothing is. */
  readonly existing: Stats | null;
}

/**
 * Writes all files, or none: each under a temporary name beside its place first, all renamed once
 * all are on the disk, in the order given and with nothing in between. A file that is replaced
 * passes on its permissions, and a symbolic link to one goes on leading there. Something that is
 * there and is no ordinary file (`/dev/stdout`, a pipe) is written to as it is.
 * @param stale files of an earlier run that have no place beside the new ones, removed at the end
 * @throws UsageError where the disk is full or the place may not be written, and whatever a `check`
 * throws
 */
export async function writeFiles(
  files: readonly FileToWrite[],
  stale: readonly string[] = [],
): Promise<void> {
  const made: { readonly temporary: string; readonly target: string; readonly path: string }[] = [];
  let current = "";
  try {
    const places: Destination[] = [];
    for (const { path } of files) {
      current = path;
      places.push(placeOf(path));
    }
    removeTemporaries([...places.map(({ target }) => target), ...stale]);
    for (const [i, { path, bytes, check }] of files.entries()) {
      current = path;
      const { target, existing } = places[i]!;
      if (existing !== null && !existing.isFile()) {
        await writeAll(path, "w", bytes);
        continue;
      }
      makeFolder(dirname(target));
      const temporary = temporaryFor(target);
      made.push({ temporary, target, path });
      await writeAll(temporary, "wx", bytes);
      if (existing !== null) await chmod(temporary, existing.mode);
      if (check !== undefined) await readBack(temporary, path, bytes, check);
    }
    for (const { temporary, target, path } of made) {
      current = path;
      renameSync(temporary, target);
    }
    for (const path of stale) {
      current = path;
      rmSync(path, { force: true });
    }
  } catch (error) {
    // What cannot be removed was not made; the first failure is the one to tell.
    await Promise.allSettled(made.map(({ temporary }) => rm(temporary, { force: true })));
    throw writeFailure(current, error);
  } finally {
    for (const { temporary } of made) writing.delete(temporary);
  }
}

/** @throws UsageError where the disk gives back something else than it was given */
async function readBack(
  temporary: string,
  path: string,
  bytes: Uint8Array | string,
  check: (written: Uint8Array) => void,
): Promise<void> {
  const written = await readFile(temporary);
  if (!written.equals(typeof bytes === "string" ? Buffer.from(bytes) : bytes)) {
    throw new UsageError("damaged-write", `what was written for ${path} does not read back as it was`, {
      file: path,
      help: "the disk may be failing: write elsewhere with -o; the file is as it was before",
    });
  }
  check(written);
}

// ------------------------------------------------------------------------------------------- temporary files

/** `.NAME.nndsl-PROCESS-NUMBER.tmp` beside NAME. */
const temporaryName = /^\.(.+)\.nndsl-(\d+)-\d+\.tmp$/;

/**
 * Those of this process: any other of its number is of an earlier process that had the same one, as
 * in containers.
 */
const writing = new Set<string>();

let temporaries = 0;

function temporaryFor(target: string): string {
  const path = join(dirname(target), `.${basename(target)}.nndsl-${process.pid}-${temporaries++}.tmp`);
  writing.add(path);
  return path;
}

/**
 * Milliseconds after which a temporary file is no more being written, whoever else has the folder.
 */
const longAgo = 60_000;

/**
 * Removes what killed processes left beside these files: temporary files for them; and for others
 * where they have been there for long, since a process that is unknown here may run on another
 * machine that shares the folder.
 */
function removeTemporaries(targets: readonly string[]): void {
  for (const folder of new Set(targets.map((target) => dirname(target)))) {
    const names = new Set(
      targets.flatMap((target) => (dirname(target) === folder ? [basename(target)] : [])),
    );
    let entries: string[] = [];
    try {
      entries = readdirSync(folder);
    } catch {
      // A folder that is still to be made, or may not be listed, has nothing to be cleaned.
    }
    for (const entry of entries) {
      const [, name, pid] = temporaryName.exec(entry) ?? [];
      const path = join(folder, entry);
      if (name === undefined || writing.has(path) || isRunning(Number(pid))) continue;
      const { mtimeMs = Infinity } = statSync(path, { throwIfNoEntry: false }) ?? {};
      if (names.has(name) || Date.now() - mtimeMs > longAgo) rmSync(path, { force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

// ------------------------------------------------------------------------------------------------- the place

/**
 * Sees to it that `path` can be written later, making its folder, so that a long run does not end
 * in a surprise.
 * @throws UsageError as `writeFiles`
 */
export function expectWritable(path: string): void {
  try {
    const { target, existing } = placeOf(path);
    if (existing !== null && !existing.isFile()) return;
    makeFolder(dirname(target));
    removeTemporaries([target]);
  } catch (error) {
    throw writeFailure(path, error);
  }
}

/** Whether something is there that is no ordinary file, such as `/dev/null`. */
export function isSpecial(path: string): boolean {
  const existing = statSync(path, { throwIfNoEntry: false });
  return existing !== undefined && !existing.isFile();
}

/**
 * Sees to it that files can be written in a folder later, which need not be there yet and is not
 * made.
 * @throws UsageError as `writeFiles`
 */
export function expectFolder(path: string): void {
  try {
    expectFolderAbove(path);
  } catch (error) {
    throw writeFailure(join(path, "."), error);
  }
}

/** Where `path` leads, and what is there. @throws UsageError where it may not be replaced */
function placeOf(path: string): Destination {
  const existing = statSync(path, { throwIfNoEntry: false }) ?? null;
  if (existing?.isDirectory() === true) {
    throw new UsageError("is-a-folder", `${path} is a folder, not a file that can be written`, {
      file: path,
    });
  }
  const target = existing === null ? path : realpathSync(path);
  if (existing?.isFile() === true) {
    refuseReadOnly(path, existing);
    refuseReadOnly(dirname(target), statSync(dirname(target)));
  }
  return { target, existing };
}

/**
 * What has no permission to be written is not replaced, though renaming a file over it would do so,
 * and though the superuser may write anything.
 */
function refuseReadOnly(path: string, { mode }: Stats): void {
  if ((mode & 0o222) === 0) {
    throw new UsageError("not-writable", `${path} is read-only`, {
      file: path,
      help: `\`chmod u+w ${shellWord(path)}\` allows it, or write elsewhere`,
    });
  }
  accessSync(path, constants.W_OK);
}

/** @returns whether the folder is there; if not, one above it can take it. @throws UsageError */
function expectFolderAbove(path: string): boolean {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing === undefined) {
    if (dirname(path) !== path) expectFolderAbove(dirname(path));
    return false;
  }
  if (!existing.isDirectory()) {
    throw new UsageError("not-a-folder", `${path} is a file, but a folder is needed`, { file: path });
  }
  refuseReadOnly(path, existing);
  return true;
}

/**
 * Makes a folder and those above it, and expects that it can be written to. `mkdirSync` with
 * `recursive` never returns where a file system refuses new folders by saying that they do not
 * exist, as `/proc` does.
 */
function makeFolder(path: string): void {
  if (expectFolderAbove(path)) return;
  makeFolder(dirname(path));
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
    // Devices and pipes cannot be synchronized, which is no failure.
    await handle.sync().catch((error: unknown) => {
      if (systemCode(error) === "ENOSPC" || systemCode(error) === "EIO") throw error;
    });
  } finally {
    await handle.close();
  }
}

function writeFailure(path: string, error: unknown): unknown {
  const nothing = "no file is left half written";
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
        help: `check the permissions of ${dirname(path)}, or write elsewhere with -o; ${nothing}`,
      });
    case "ENOTDIR":
    case "EEXIST":
      return new UsageError("not-a-folder", `${path} cannot be written: a part of its path is a file`, {
        file: path,
      });
    case "EISDIR":
      return new UsageError("is-a-folder", `${path} is a folder, not a file that can be written`, {
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
