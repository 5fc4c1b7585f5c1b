/** What reading costs, which has a limit. */
import type { Span } from "../../grammar/diagnostic.ts";
import { problem } from "./complain.ts";
import type { Frame } from "./frame.ts";
import type { Machine } from "./machine.ts";
import type { Value } from "./values.ts";

/**
 * Counts steps against the limit of one reading. @throws Problem, a fatal one, where that is passed
 */
export function tick(machine: Machine, frame: Frame, span: Span, steps = 1): void {
  machine.counts.steps += steps;
  const limit = machine.limits.steps;
  if (machine.counts.steps <= limit) return;
  throw problem(machine, frame, {
    code: "program-too-long",
    span,
    message: `reading this program takes more than ${limit.toLocaleString("en")} steps`,
    help: "use fewer or smaller loops, and smaller lists in them",
    fatal: true,
  });
}

/**
 * Items of a list that count as one step: a list may hold as many items as limits allow, and be
 * read a few times.
 */
export const ITEMS_PER_STEP = 4;

/** Reading the items of lists is work too, or a loop over a large one would have no limit. */
export function tickItems(machine: Machine, frame: Frame, span: Span, values: readonly Value[]): void {
  let items = 0;
  for (const value of values) if (value.kind === "list") items += value.total;
  tick(machine, frame, span, Math.ceil(items / ITEMS_PER_STEP));
}
