/** The machine, as far as times depend on it. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** As of `vectorFlags`. */
  readonly vectors: readonly string[];
  readonly memory: number;
  readonly system: string;
  /**
   * Processes that wanted a core during the minute before the run: much above 0 means that others
   * were at work.
   */
  readonly load: number;
}

const VECTORS = /^(sse4_1|sse4_2|avx|avx2|fma|f16c|avx512\w+|avx_vnni|amx_\w+)$/;

/**
 * The sets of vector instructions among the processor's flags; none where the system does not tell.
 */
export function vectorFlags(): string[] {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return flags.split(/\s+/).filter((flag) => VECTORS.test(flag));
  } catch {
    return [];
  }
}

/** Whether nobody else was at work: the build before a run leaves up to half of a process. */
export const isQuiet = ({ load }: Machine): boolean => load < 1;

export const machine = (): Machine => ({
  processor: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  vectors: vectorFlags(),
  memory: totalmem(),
  system: `${type()} ${release()}`,
  load: loadavg()[0] ?? NaN,
});
