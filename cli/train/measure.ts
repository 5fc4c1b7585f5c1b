/** What the weights at the end of a run are worth. */
import type { Dataset } from "../data/load-data.ts";
import { renderComplaint, type Output } from "../output.ts";
import { evaluate, type Evaluation } from "../parts.ts";
import type { Trained } from "./fit.ts";
import type { RunResult } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

export function measureRun(
  { net, training, validation, test, file }: Prepared,
  { history, report }: Trained,
  output: Output,
): Pick<RunResult, "trained" | "validated" | "tested"> {
  const measure = (set: Dataset): Evaluation | null => {
    const measured = evaluate(net, set, { announce: (note) => output.say(`note: ${note}`) });
    // The weights are made and kept, so it is no failure of the command.
    if (measured?.missing) {
      output.say(renderComplaint(measured.missing.complaint("warning"), file, output.messageColors));
    }
    return measured?.evaluation ?? null;
  };
  // The epoch that left the weights as they are measured the same.
  const last = report?.best?.epoch ?? history.at(-1)?.epoch;
  const known = history.find(({ epoch }) => epoch === last)?.validation;
  return {
    trained: measure(training),
    validated: known ?? (validation && measure(validation)),
    tested: test && measure(test),
  };
}
