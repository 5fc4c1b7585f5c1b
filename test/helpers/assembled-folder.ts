/** The folder of `assembled-once.ts`, for one run of the tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-assembled-"));
  process.env["NNDSL_ASSEMBLED"] = folder;
  return () => rmSync(folder, { recursive: true });
}
