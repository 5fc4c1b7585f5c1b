/** What the weights at the end of a run are worth. */
import type { Dataset } from "../data/load-data.ts";
import { renderComplaint, type Output } from "../output.ts";
import { evaluate, type Evaluation } from "../parts.ts";
import type { RunResult } from "./observe.ts";
import type { Prepared } from "./prepare.ts";

export function measureRun(
  { net, training, test, file }: Prepared,
  output: Output,
): Pick<RunResult, "trained" | "tested"> {
  const measure = (set: Dataset): Evaluation | null => {
    const measured = evaluate(net, set, { announce: (note) => output.say(`note: ${note}`) });
    // The weights are made and kept, so it is no failure of the command.
    if (measured?.missing) {
      output.say(renderComplaint(measured.missing.complaint("warning"), file, output.messageColors));
    }
    return measured?.evaluation ?? null;
  };
  return { trained: measure(training), tested: test === null ? null : measure(test) };
}
