/** What came of the run, in one line and a few figures. */
import { count, counted, duration, figure } from "../../terminal/numbers.ts";
import { markup, type Html } from "../html.ts";
import type { Progress, RunFacts, RunState } from "../run.ts";
import { table, type Section } from "./section.ts";

const words = {
  running: "Training",
  paused: "Paused",
  done: "Done",
  stopped: "Stopped",
  interrupted: "Interrupted",
  diverged: "Diverged",
} as const satisfies Record<Progress["status"], string>;

/** The line that changes most often. */
export function statusLine({ status, note, epoch, epochs, step, seconds, loss }: Progress): Html {
  const where = `epoch ${count(epoch)} of ${count(epochs)}, ${counted(step, "step")}, ${duration(seconds)}`;
  const now = loss === null ? "" : `, loss ${figure(loss)}`;
  return markup`<p class="status ${status}"><strong>${words[status]}</strong> <span>${where}${now}</span></p>
    ${note === null ? null : markup`<p class="note">${note}</p>`}`;
}

export function summary(facts: RunFacts, state: RunState): Section {
  const body = markup`${facts.resumed === null ? null : markup`<p>It went on from ${facts.resumed}.</p>`}${figures(facts, state)}`;
  return { id: "result", title: "Result", body };
}

function figures({ metrics }: RunFacts, { evaluations, epochLosses, progress }: RunState): Html {
  const shown = (value: number | null | undefined): string =>
    value === null || value === undefined ? "not measured" : figure(value);
  if (evaluations.length > 0) {
    return table(
      [
        { title: "on" },
        { title: "loss", kind: "number" },
        ...metrics.map((title) => ({ title, kind: "number" as const })),
      ],
      evaluations.map(({ of, evaluation }) => [
        of,
        shown(evaluation.loss),
        ...metrics.map((name) => shown(evaluation.metrics[name])),
      ]),
    );
  }
  const last = epochLosses.at(-1);
  if (last !== undefined) {
    return markup`<p>The mean loss of the last whole epoch was ${figure(last.y)}.</p>`;
  }
  return progress.status === "running" || progress.status === "paused"
    ? markup`<p>The first epoch is not over yet.</p>`
    : markup`<p>The run ended before its first epoch was over.</p>`;
}
