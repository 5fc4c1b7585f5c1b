/**
 * asc for the tests: a text that any of them had assembled in this run, in whatever file and process,
 * is not assembled again. It stands in for `compiler/assemble/isolate.ts`, whose modules have the same
 * bytes for the same text (`determinism.test.ts`, which does without this).
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { AscRequest, AscResult } from "../../compiler/assemble/asc.ts";
import { isolatedAsc as assembled } from "../../compiler/assemble/isolate.ts";

export { Exhausted, warmUp } from "../../compiler/assemble/isolate.ts";

/**
 * Commands end asc's worker before they train, for the sake of its memory. Here the next test needs it
 * again, and warm.
 */
export const coolDown = (): Promise<void> => Promise.resolve();

/** For the run alone (`assembled-folder.ts`), so what is in it is of this very compiler. */
const folder = process.env["NNDSL_ASSEMBLED"];

export async function isolatedAsc(request: Omit<AscRequest, "effort">, limit?: number): Promise<AscResult> {
  if (folder === undefined) return assembled(request, limit);
  const file = join(folder, createHash("sha256").update(JSON.stringify(request)).digest("hex"));
  const known = read(file);
  if (known !== null) return known;
  const result = await assembled(request, limit);
  // Another process may be reading or writing it.
  const own = `${file}.${process.pid}`;
  writeFileSync(own, serialize(result));
  renameSync(own, file);
  return result;
}

function read(file: string): AscResult | null {
  try {
    // Nothing else is written there.
    return deserialize(readFileSync(file)) as AscResult;
  } catch {
    return null;
  }
}
