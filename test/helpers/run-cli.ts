import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { main } from "../../cli/main.ts";

export const cliPath = fileURLToPath(new URL("../../cli/bin.ts", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each piece of stderr, and the process, to act upon it while it runs. */
  readonly onStderr?: (text: string, child: ChildProcess) => void;
}

/** Runs `nndsl` as a shell would, stdout and stderr being pipes. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const child = spawn(process.execPath, [cliPath, ...args], {
    cwd: options.cwd,
    env: { ...env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      options.onStderr?.(text, child);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/**
 * The same in this process, where the assembler is warm after the first call: for what does not
 * depend on the process. One at a time.
 */
export async function runHere(args: readonly string[], cwd: string): Promise<CliResult> {
  const before = {
    cwd: process.cwd(),
    exitCode: process.exitCode,
    out: process.stdout.write,
    err: process.stderr.write,
  };
  let [stdout, stderr] = ["", ""];
  process.stdout.write = (text: string | Uint8Array) => ((stdout += String(text)), true);
  process.stderr.write = (text: string | Uint8Array) => ((stderr += String(text)), true);
  process.chdir(cwd);
  process.exitCode = 0;
  try {
    await main(args);
    return { code: Number(process.exitCode), stdout, stderr };
  } finally {
    process.stdout.write = before.out;
    process.stderr.write = before.err;
    process.chdir(before.cwd);
    process.exitCode = before.exitCode;
  }
}
