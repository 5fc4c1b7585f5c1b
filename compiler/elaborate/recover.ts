/**
 * What becomes of mistakes: each is reported once, and what depends on it is passed over in
 * silence.
 */
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Machine } from "./machine.ts";
import { POISONED, Problem } from "./problem.ts";

/** What `action` gives; where it fails, that is reported, and `instead` stands in. */
export function recovered<T>(machine: Machine, action: () => T, instead: () => T): T {
  try {
    return action();
  } catch (error) {
    settle(machine, error);
    return instead();
  }
}

/**
 * Reports a mistake of the program; anything else, and a limit that was passed, goes on upwards.
 */
function settle({ reporter, counts, limits }: Machine, error: unknown): void {
  if (error === POISONED) return;
  if (!(error instanceof Problem)) throw error;
  reporter.report(error.diagnostic);
  // A mistake inside a loop is met at every turn.
  if (error.fatal || ++counts.problems > limits.problems) throw error;
}

/** What `action` gives; its mistakes get another help where `advice` has one. */
export function advised<T>(action: () => T, advice: (diagnostic: Diagnostic) => string | undefined): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const help = advice(error.diagnostic);
    throw help === undefined ? error : new Problem({ ...error.diagnostic, help }, error.fatal);
  }
}
