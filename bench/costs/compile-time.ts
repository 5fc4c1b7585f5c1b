/**
 * How long the digit network takes to compile: in a process of its own from the command line, and
 * again in one that has compiled before.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../../dist/compiler/index.js";

const model = fileURLToPath(new URL("../models/digits.nn", import.meta.url));
const command = fileURLToPath(new URL("../../dist/cli/bin.js", import.meta.url));

export interface CompileTime {
  /** Seconds, of each time. */
  readonly cold: readonly number[];
  readonly warm: readonly number[];
}

export async function compileTime(times: number): Promise<CompileTime> {
  const folder = await mkdtemp(join(tmpdir(), "nndsl-bench-"));
  const source = await readFile(model, "utf8");
  const cold: number[] = [];
  const warm: number[] = [];
  try {
    await compile(source);
    for (let i = 0; i < times; i++) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [command, "compile", model, "-o", folder], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`nndsl compile ended with ${status}: ${stderr}`);
      cold.push((performance.now() - start) / 1000);
      const again = performance.now();
      await compile(source);
      warm.push((performance.now() - again) / 1000);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return { cold, warm };
}
