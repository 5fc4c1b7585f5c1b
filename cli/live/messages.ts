/** What the training thread and the thread of the live page tell each other. */
import type { Progress, RunFacts, RunState } from "../report/run.ts";

/** How a page steers the run. */
export type Control =
  | { readonly do: "pause" }
  | { readonly do: "resume" }
  | { readonly do: "stop" }
  | { readonly do: "set"; readonly name: string; readonly value: number };

export type ToServer =
  | { readonly kind: "listen"; readonly port: number }
  | { readonly kind: "begin"; readonly facts: RunFacts; readonly state: RunState }
  | { readonly kind: "state"; readonly state: RunState }
  | { readonly kind: "progress"; readonly progress: Progress };

export type FromServer =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "control"; readonly control: Control }
  /** How many pages are open. */
  | { readonly kind: "pages"; readonly count: number };

/** What a page sent, if it is something to do. */
export function readControl(text: string): Control | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { do: what, name, value: number }: Partial<Record<string, unknown>> = { ...value };
  if (what === "pause" || what === "resume" || what === "stop") return { do: what };
  if (what !== "set" || typeof name !== "string" || typeof number !== "number") return null;
  return Number.isFinite(number) ? { do: "set", name, value: number } : null;
}
