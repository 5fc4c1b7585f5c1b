/** The model itself: formulas, graph, memory. Nothing here changes during a run. */
import { bytes, count } from "../../terminal/numbers.ts";
import { Html, markup } from "../html.ts";
import { mathHtml } from "../math.ts";
import type { RunFacts } from "../run.ts";
import { absent, named, table, type Section } from "./section.ts";

/** Rows of a table that are shown. */
const MOST_ROWS = 200;

export async function formulas({ formulas: known }: RunFacts): Promise<Section> {
  const block = async (title: string, lines: readonly string[]): Promise<Html | null> =>
    lines.length === 0
      ? null
      : markup`<h3>${title}</h3>
          <div class="scroll math">${await mathHtml(lines)}</div>`;
  const body =
    "missing" in known
      ? absent(known.missing)
      : markup`<div class="columns">
            <div>${await block("Forward", known.forward)}</div>
            <div>${await block("Derived gradients", known.backward)}</div>
          </div>
          <p class="absent">
            δ<sub>h</sub> is the derivative of the loss L with respect to h; ∘ multiplies entry by entry, ⊤
            transposes.
          </p>`;
  return { id: "formulas", title: "Formulas", body };
}

/** The picture is the compiler's own, whose texts are escaped. */
export const graph = ({ graph: drawn }: RunFacts): Section => ({
  id: "graph",
  title: "Graph",
  body:
    "missing" in drawn
      ? absent(drawn.missing)
      : markup`<div class="scroll graph">${new Html(fitting(drawn.svg))}</div>`,
});

/** As wide as the page, but no larger than it was drawn, nor so small that nobody can read it. */
const fitting = (svg: string): string =>
  svg.replace(
    /^<svg ([^>]*?) width="(\d+)" height="\d+"/,
    (_, others: string, width: string) =>
      `<svg ${others} style="width: 100%; max-width: ${width}px; min-width: ${Math.round(0.55 * Number(width))}px"`,
  );

export function memory({ stored, arena }: RunFacts): Section {
  const total = arena.fixed + arena.perRow * arena.rows;
  const needs = markup`<p>
    A step needs ${bytes(total)}: ${bytes(arena.fixed)}, and ${bytes(arena.perRow)} for each of
    ${count(arena.rows)} rows.
  </p>`;
  const kept =
    stored.length === 0
      ? absent("Nothing is kept from one kernel to another.")
      : markup`${table(
          [
            { title: "value" },
            { title: "size" },
            { title: "bytes", kind: "number" },
            { title: "from" },
            { title: "until" },
            { title: "because", kind: "wide" },
          ],
          stored
            .slice(0, MOST_ROWS)
            .map((s) => [
              named(s.name),
              s.size,
              `${count(s.bytes)}${s.perRow ? " a row" : ""}`,
              named(s.from),
              named(s.until),
              s.because,
            ]),
        )}${stored.length > MOST_ROWS ? absent(`and ${count(stored.length - MOST_ROWS)} more: nndsl inspect lists them all.`) : null}`;
  return { id: "memory", title: "Stored for the backward pass", body: markup`${needs}${kept}` };
}
