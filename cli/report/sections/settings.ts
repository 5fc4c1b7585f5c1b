/** How the run was made, and how it is made again. */
import { count, figure } from "../../terminal/numbers.ts";
import { markup, type Html } from "../html.ts";
import type { Change, RunFacts, RunState } from "../run.ts";
import { absent, named, table, type Section } from "./section.ts";

const MOST_ROWS = 200;

export function settings(facts: RunFacts, { changes }: RunState): Section {
  const total = facts.parameters.reduce((sum, { count: own }) => sum + own, 0);
  const body = markup`<p>This makes the run again:</p>
    <pre class="command"><code>${facts.command}</code></pre>
    ${changed(changes)}
    <dl>
      ${facts.settings.map(
        ([name, value]) =>
          markup`<div>
            <dt>${named(name)}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <h3>Parameters: ${count(total)} numbers</h3>
    ${parameters(facts)}`;
  return { id: "settings", title: "Settings", body };
}

const changed = (changes: readonly Change[]): Html | null =>
  changes.length === 0
    ? null
    : markup`<p class="note">
        The command alone does not make it again: arguments of the optimizer were changed on the page.
        ${changes
          .map(
            ({ step, name, from, to }) =>
              `After step ${count(step)}, ${name} went from ${figure(from)} to ${figure(to)}.`,
          )
          .join(" ")}
      </p>`;

const parameters = ({ parameters: all }: RunFacts): Html =>
  all.length === 0
    ? absent("The model has none.")
    : markup`${table(
        [
          { title: "path" },
          { title: "shape" },
          { title: "count", kind: "number" },
          { title: "starts as", kind: "wide" },
        ],
        all
          .slice(0, MOST_ROWS)
          .map((p) => [
            named(p.path),
            `[${p.shape.join(", ")}]`,
            count(p.count),
            `${named(p.init)}${p.frozen ? ", frozen" : ""}`,
          ]),
      )}${all.length > MOST_ROWS ? absent(`and ${count(all.length - MOST_ROWS)} more.`) : null}`;
