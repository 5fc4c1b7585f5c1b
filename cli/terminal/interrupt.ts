/** Ctrl-C: once asks, twice insists. */
import { exitCodes } from "../failures.ts";
import type { Output } from "../output.ts";

/** Milliseconds in which two signals are one: a terminal and a parent process may both send it. */
const sameSignal = 150;

export interface Interrupt {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back. */
  readonly release: () => void;
}

export function onInterrupt(output: Output): Interrupt {
  const controller = new AbortController();
  let first = 0;
  const handle = (): void => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      first = now;
      controller.abort();
    } else if (now - first > sameSignal) {
      output.say("stopped at once; nothing is kept");
      process.exit(exitCodes.interrupted);
    }
  };
  process.on("SIGINT", handle);
  return { signal: controller.signal, release: () => void process.off("SIGINT", handle) };
}
