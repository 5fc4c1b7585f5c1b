/** Ctrl-C and the signals by which a system ends a process: the first asks, the second insists. */
import { exitCodes } from "../failures.ts";
import type { Output } from "../output.ts";

/** What each is for, and how a process that it ended is said to have ended. */
const signals = {
  SIGINT: { by: "Ctrl-C", code: exitCodes.interrupted },
  SIGTERM: { by: "SIGTERM", code: exitCodes.terminated },
  SIGHUP: { by: "SIGHUP", code: exitCodes.hungUp },
} as const;

export type SignalName = keyof typeof signals;

export const signalNames = Object.keys(signals) as readonly SignalName[]; // The keys of a literal.

/**
 * Milliseconds in which two signals are one: a terminal and a parent process may both send it, and
 * systemd sends two kinds.
 */
const sameSignal = 150;

export interface Interrupt {
  /** Aborted by the first. */
  readonly signal: AbortSignal;
  /** What came first, and the exit code that it asks for; null where nothing has come. */
  readonly received: () => { readonly by: string; readonly code: number } | null;
  /** Gives the signals their usual meaning back. */
  readonly release: () => void;
}

export function onInterrupt(output: Output): Interrupt {
  const controller = new AbortController();
  let first: { readonly name: SignalName; readonly at: number } | null = null;
  const handle = (name: SignalName): void => {
    const now = performance.now();
    if (first === null) {
      first = { name, at: now };
      controller.abort();
    } else if (now - first.at > sameSignal) {
      output.say("stopped at once; what is not saved yet is lost");
      process.exit(signals[name].code);
    }
  };
  for (const name of signalNames) process.on(name, handle);
  return {
    signal: controller.signal,
    received: () => first && signals[first.name],
    release: () => {
      for (const name of signalNames) process.off(name, handle);
    },
  };
}
