/** A PyTorch that is loaded once for all scripts of a process: loading it takes longer than they do. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { findPython } from "../fuzz/torch.ts";

/** null before it was asked for. */
let warm: string | undefined | null = null;

/**
 * A Python that asks one that has loaded PyTorch to run what it is given; undefined where this machine
 * has no PyTorch. The other ends with this process.
 */
export function warmPython(): string | undefined {
  if (warm !== null) return warm;
  const python = findPython();
  return (warm = python === undefined ? undefined : serving(python));
}

function serving(python: string): string {
  const script = fileURLToPath(new URL("warm-python.py", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "nndsl-warm-torch-"));
  const server = spawn(python, ["-I", script, "--serve", folder], { stdio: ["pipe", "ignore", "inherit"] });
  server.unref();
  if (server.stdin instanceof Socket) server.stdin.unref();
  process.env["NNDSL_WARM_PYTHON"] = join(folder, "socket");
  return script;
}

/** For `beforeAll`: until the tests of a file are done, commands that ask for PyTorch ask that one. */
export function usingWarmTorch(): (() => void) | undefined {
  const python = warmPython();
  if (python === undefined) return undefined;
  vi.stubEnv("NNDSL_PYTHON", python);
  return () => vi.unstubAllEnvs();
}
