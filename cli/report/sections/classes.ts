/** Which classes a classifier takes for which, and where it is wrong the most. */
import { count } from "../../terminal/numbers.ts";
import { markup, type Html } from "../html.ts";
import { pixelPng } from "../../pictures/pixel-png.ts";
import type { ClassesSeen, Look, Mistake, RunState } from "../run.ts";
import { absent, named, table, type Section } from "./section.ts";

/** A larger matrix would be no picture any more. */
const MOST_CLASSES = 20;

const MOST_PAIRS = 20;

export function classes({ classes: seen }: RunState): Section | null {
  if (seen === null) return null;
  const { counts, rows, of } = seen;
  const right = counts.reduce((sum, row, truth) => sum + row[truth]!, 0);
  const matrix = counts.length <= MOST_CLASSES ? confusion(seen) : pairs(seen);
  const body = markup`<p>
      ${count(right)} of ${count(rows)} rows of the ${of} are right (${((100 * right) / rows).toFixed(2)} %).
    </p>
    <h3>Truth against prediction</h3>
    ${matrix}
    <h3>Worst mistakes</h3>
    ${mistakes(seen)}`;
  return { id: "mistakes", title: "Right and wrong", body };
}

function confusion({ names, counts }: ClassesSeen): Html {
  // Few are mistaken: the root of their share is still seen.
  const cell = (value: number, share: number, right: boolean): Html =>
    markup`<td class="${right ? "right" : "wrong"}" style="--share: ${Math.round(100 * share)}%">
      ${value === 0 ? markup`<span class="none">0</span>` : count(value)}
    </td>`;
  return markup`<div class="scroll">
    <table class="confusion">
      <thead>
        <tr>
          <th scope="col">true \\ predicted</th>
          ${names.map((name) => markup`<th scope="col">${named(name)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${counts.map((row, truth) => {
          const total = row.reduce((a, b) => a + b, 0) || 1;
          return markup`<tr>
            <th scope="row">${named(names[truth]!)}</th>
            ${row.map((value, i) => cell(value, i === truth ? value / total : Math.sqrt(value / total), i === truth))}
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

/** The pairs that are mistaken most often. */
function pairs({ names, counts }: ClassesSeen): Html {
  const wrong = counts
    .flatMap((row, truth) =>
      row.flatMap((value, predicted) =>
        truth === predicted || value === 0 ? [] : [{ truth, predicted, value }],
      ),
    )
    .sort((a, b) => b.value - a.value);
  if (wrong.length === 0) return absent("None is mistaken.");
  return table(
    [{ title: "true" }, { title: "predicted" }, { title: "rows", kind: "number" }],
    wrong
      .slice(0, MOST_PAIRS)
      .map(({ truth, predicted, value }) => [named(names[truth]!), named(names[predicted]!), count(value)]),
  );
}

const mistakes = ({ worst, names, of }: ClassesSeen): Html =>
  worst.length === 0
    ? absent(`There are none in the ${of}.`)
    : markup`<ul class="mistakes">
        ${worst.map((mistake) => markup`<li>${look(mistake.look)}${caption(mistake, names)}</li>`)}
      </ul>`;

const percent = (share: number): string =>
  share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;

const caption = (m: Mistake, names: readonly string[]): Html =>
  markup`<p>
    <strong>${named(names[m.truth]!)}</strong> taken for <strong>${named(names[m.predicted]!)}</strong
    ><br /><span class="quiet"
      >row ${count(m.row)}: ${percent(m.truthShare)} against ${percent(m.predictedShare)}</span
    >
  </p>`;

function look(seen: Look): Html {
  if (seen.kind === "values") {
    return markup`<dl class="values">
      ${seen.values.map(
        ([name, value]) =>
          markup`<div>
            <dt>${named(name)}</dt>
            <dd>${Number(value.toPrecision(4))}</dd>
          </div>`,
      )}
    </dl>`;
  }
  const { width, height, channels, pixels } = seen;
  const data = Buffer.from(pixelPng(pixels, width, height, channels)).toString("base64");
  return markup`<img alt="" width="${width}" height="${height}" src="data:image/png;base64,${data}" />`;
}
