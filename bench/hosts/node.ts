/**
 * Contestants as processes of their own: Node for those of JavaScript, Python for PyTorch. All
 * answer lines of JSON.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Job } from "../job.ts";
import { vectorFlags } from "../machine.ts";
import type { Slice } from "../timing.ts";
import { contestantNames, type ContestantName, type Host, type Prepared, type Runner } from "./runner.ts";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const PYTHON = process.env["BENCH_PYTHON"] ?? "/usr/bin/python3";

/**
 * The kernels of OpenBLAS with the processor's widest vectors. It chooses by the processor's model,
 * and where it does not know that, by what all of them can do, which is a third as fast.
 */
function openBlasKernels(): string | undefined {
  const vectors = new Set(vectorFlags());
  const hasAll = (...flags: string[]): boolean => flags.every((flag) => vectors.has(flag));
  if (hasAll("avx512f", "avx512dq", "avx512bw", "avx512vl")) return "SkylakeX";
  return hasAll("avx2", "fma") ? "Haswell" : undefined;
}

/**
 * Libraries on one thread. The C library gives large tensors' pages back to the system at every
 * step unless it is told to keep them, and a peer that is made to wait for fresh pages is up to nine
 * times slower.
 */
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
  // Undefined: it is left to find out by itself.
  OPENBLAS_CORETYPE: openBlasKernels(),
  OPENBLAS_L2_SIZE: undefined,
  MALLOC_MMAP_THRESHOLD_: String(2 ** 30),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 32),
};

/** Its version, and the kernels that its products run on, should they be OpenBLAS's. */
const TORCH_VERSION = `
import ctypes, torch
print(torch.__version__)
try:
    name = ctypes.CDLL("libopenblas.so.0").openblas_get_corename
    name.restype = ctypes.c_char_p
    print("on OpenBLAS's kernels for", name().decode())
except (OSError, AttributeError):
    pass
`;

/** PyTorch's version, or undefined where Python has none. */
export function torchVersion(): string | undefined {
  if (!existsSync(PYTHON)) return undefined;
  const { status, stdout } = spawnSync(PYTHON, ["-c", TORCH_VERSION], { encoding: "utf8", env: environment });
  return status === 0 ? stdout.trim().replaceAll("\n", " ") : undefined;
}

export function runProcess(contestant: ContestantName, folder: string): Runner {
  const command = contestant === "torch" ? PYTHON : process.execPath;
  const script =
    contestant === "torch" ? [here("../contestants/torch_process.py")] : [here("child.ts"), contestant];
  const child = spawn(command, script, { stdio: ["pipe", "pipe", "pipe"], env: environment });
  let log = "";
  child.stderr.on("data", (chunk) => (log = (log + String(chunk)).slice(-4000)));
  const ended = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`${contestant} ended with ${code}:\n${log}`)));
  });
  // It ends by itself when it is closed, and nobody waits then.
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function ask(request: object): Promise<unknown> {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await Promise.race([lines.next(), ended]);
    if (line.done) throw new Error(`${contestant} fell silent:\n${log}`);
    // Either member is what a child writes.
    const reply = JSON.parse(line.value) as { readonly result?: unknown; readonly error?: string };
    if (reply.error !== undefined) throw new Error(`${contestant}: ${reply.error}`);
    return reply.result;
  }

  return {
    // What the children answer to each request.
    prepare: async (job: Job) => (await ask({ do: "prepare", job, folder })) as Prepared,
    run: async (milliseconds) => (await ask({ do: "run", milliseconds })) as Slice,
    peakMemory: async () => (await ask({ do: "memory" })) as number,
    close: async () => {
      child.stdin.end();
      await ended.catch(() => undefined);
    },
  };
}

/** @param folder where the jobs' files lie */
export function nodeHost(folder: string): Host {
  return {
    name: "Node",
    version: process.version.slice(1),
    contestants: contestantNames.filter((name) => name !== "torch" || torchVersion() !== undefined),
    open: async (contestant) => runProcess(contestant, folder),
    close: async () => undefined,
  };
}
