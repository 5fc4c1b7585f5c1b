/** The page of a run: one file that asks for nothing from anywhere. */
import { createHash } from "node:crypto";
import { pageScript } from "../generated/page-script.ts";
import { Html, markup } from "./html.ts";
import { mathStyle } from "./math.ts";
import type { RunFacts, RunState } from "./run.ts";
import { classes } from "./sections/classes.ts";
import { learntFunction } from "./sections/function.ts";
import { formulas, graph, memory } from "./sections/inside.ts";
import { layers } from "./sections/layers.ts";
import { learning } from "./sections/learning.ts";
import { named, type Section } from "./sections/section.ts";
import { settings } from "./sections/settings.ts";
import { statusLine, summary } from "./sections/summary.ts";
import { style } from "./style.ts";

/** What a page that is served has beside that of a file. */
export interface Live {
  readonly token: string;
  /** Of which run it is, and which version: what the server is told when it connects. */
  readonly place: string;
  /** The controls, as HTML. */
  readonly controls: Html;
}

const scriptHash = createHash("sha256").update(pageScript).digest("base64");

/**
 * What the page may do: nothing but show its own style, fonts and images, and run its own script.
 * @param live whether it may ask the server that it came from
 */
export const policy = (live: boolean): string =>
  [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${scriptHash}'`,
    "img-src data:",
    "font-src data:",
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

/** The parts that do not change while the run goes on. */
export async function fixedSections(facts: RunFacts): Promise<readonly Section[]> {
  return [await formulas(facts), graph(facts), memory(facts)];
}

/** All parts, in their order. */
export async function sectionsOf(
  facts: RunFacts,
  state: RunState,
  fixed: readonly Section[],
): Promise<readonly Section[]> {
  const sections = [
    summary(facts, state),
    await learning(facts, state),
    learntFunction(state),
    classes(state),
    await layers(facts, state),
    ...fixed,
    settings(facts, state),
  ];
  return sections.flatMap((section) => (section === null ? [] : [section]));
}

/** Text with `code` in it. */
const withCode = (text: string): Html =>
  markup`${text.split("`").map((piece, i) => (i % 2 === 1 ? markup`<code>${piece}</code>` : markup`${piece}`))}`;

export const inner = ({ title, body }: Section): Html => markup`<h2>${title}</h2>${body}`;

export const contents = (sections: readonly Section[]): Html =>
  markup`${sections.map(({ id, title }) => markup`<a href="#${id}">${title}</a>`)}`;

export const titleOf = ({ model }: RunFacts, { progress }: RunState): string =>
  progress.status === "done" ? `${named(model)}: training report` : `${named(model)}: ${progress.status}`;

export async function pageOf(
  facts: RunFacts,
  state: RunState,
  sections: readonly Section[],
  live: Live | null = null,
): Promise<string> {
  const parts = sections.map((section) => markup`<section id="${section.id}">${inner(section)}</section>`);
  const math = await mathStyle(parts.map(({ text }) => text).join(""));
  const attributes = live === null ? null : markup` data-token="${live.token}" data-place="${live.place}"`;
  return markup`<!doctype html>
<html lang="en"${attributes}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(live !== null)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${titleOf(facts, state)}</title>
<style>${new Html(math)}${new Html(style)}</style>
</head>
<body>
<header>
<h1>${named(facts.model)}</h1>
${facts.doc === null ? null : markup`<p class="doc">${withCode(facts.doc)}</p>`}
<div id="status">${statusLine(state.progress)}</div>
${live?.controls ?? null}
</header>
<nav id="contents" aria-label="Contents">${contents(sections)}</nav>
<main id="parts">
${parts}
</main>
<footer>nndsl ${facts.version}, ${named(facts.file)}</footer>
<script>${new Html(pageScript)}</script>
</body>
</html>
`.text;
}
