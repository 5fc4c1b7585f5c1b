/** The machine, as far as times depend on it. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** The sets of vector instructions among the processor's flags; none where the system does not tell. */
  readonly vectors: readonly string[];
  readonly memory: number;
  readonly system: string;
}

const VECTORS = /^(sse4_1|sse4_2|avx|avx2|fma|f16c|avx512\w+|avx_vnni|amx_\w+)$/;

function vectorFlags(): string[] {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return flags.split(/\s+/).filter((flag) => VECTORS.test(flag));
  } catch {
    return [];
  }
}

export const machine = (): Machine => ({
  processor: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  vectors: vectorFlags(),
  memory: totalmem(),
  system: `${type()} ${release()}`,
});

/** Processes that wanted a core during the last minute: well above 1 before a run means that others are at work. */
export const load = (): number => loadavg()[0] ?? NaN;
