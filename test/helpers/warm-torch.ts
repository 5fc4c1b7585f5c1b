/** A PyTorch that is loaded once for many programs: loading it takes longer than they do. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";

interface WarmTorch {
  /** For `NNDSL_PYTHON` and `NNDSL_WARM_PYTHON`: a Python that asks the one that is loaded. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): void;
}

/** @throws Error where `python` ends before it has loaded PyTorch */
async function warmTorch(python: string): Promise<WarmTorch> {
  const script = fileURLToPath(new URL("warm-python.py", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "nndsl-warm-torch-"));
  const socket = join(folder, "socket");
  const server = spawn(python, ["-I", script, "--serve", socket], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((ready, reject) => {
    server.stdout.once("data", ready);
    server.once("close", (code) => reject(new Error(`${python} ended with ${code}`)));
    server.once("error", reject);
  });
  return {
    environment: { NNDSL_PYTHON: script, NNDSL_WARM_PYTHON: socket },
    stop: () => {
      server.kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/**
 * For `beforeAll`: until the tests of a file are done, what asks for PyTorch asks one that is loaded;
 * where there is no `python`, nothing changes.
 */
export async function usingWarmTorch(python: string | undefined): Promise<(() => void) | undefined> {
  if (python === undefined) return undefined;
  const { environment, stop } = await warmTorch(python);
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  return () => {
    vi.unstubAllEnvs();
    stop();
  };
}
