/** The most memory that a process has had. */
import { readFileSync } from "node:fs";

/** The high-water mark of this process's resident memory in bytes, as Linux keeps it; else NaN. */
export function highWater(): number {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}
