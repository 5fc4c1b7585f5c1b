/** How the page looks: one column of text, charts side by side where there is room, light and dark. */
import { chartColors } from "./charts.ts";
import type { DiagramColors } from "../../compiler/diagram/svg.ts";

/** Of scales of colors: two-sided around nothing, one-sided from dark to light (cividis). */
const ramps = {
  light: ["#004c7f", "#5ba3cf", "#f4f4f2", "#f0a35e", "#a34700"],
  dark: ["#8fd0f7", "#2f7fb5", "#23272c", "#c66a1b", "#ffc07f"],
  oneSided: ["#00224e", "#414d6b", "#7c7b78", "#bcaf6f", "#fee838"],
} as const;

const declared = (name: string, stops: readonly string[]): string =>
  stops.map((color, i) => `--${name}-${i}: ${color};`).join(" ");

/** The graph's colors are the page's. */
export const graphColors: DiagramColors = {
  forward: "var(--forward)",
  backward: "var(--backward)",
  text: "var(--ink)",
  quiet: "var(--quiet)",
  background: "var(--paper)",
  forwardBox: "var(--forward-soft)",
  backwardBox: "var(--backward-soft)",
  input: "var(--quiet)",
  parameter: "var(--parameter)",
  parameterBox: "var(--parameter-soft)",
  kept: "var(--quiet)",
  group: "var(--group)",
  groupEdge: "var(--line)",
};

export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1d21; --quiet: #5b6168; --line: #e0e3e7; --group: #f8f9fb; --accent: #0060a0;
  --good: #00795a; --bad: #b3261e; --soft: #f3f5f7;
  --forward: #1d4ed8; --forward-soft: #eff5ff; --backward: #c2240c; --backward-soft: #fff4f1;
  --parameter: #8a5a0a; --parameter-soft: #fefbe8;
  --right: 0 114 178; --wrong: 213 94 0;
  --font: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
  ${chartColors("light")}
  ${declared("two-sided", ramps.light)}
  ${declared("one-sided", ramps.oneSided)}
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #eceef0; --quiet: #a3a9b1; --line: #2d3238; --group: #1b1f24; --accent: #7cc0f2;
    --good: #4cc9a0; --bad: #ff8a80; --soft: #1d2126;
    --forward: #8db4ff; --forward-soft: #1b2740; --backward: #ff9d8a; --backward-soft: #3a211c;
    --parameter: #e0b354; --parameter-soft: #322a17;
    --right: 86 180 233; --wrong: 230 159 0;
    ${chartColors("dark")}
    ${declared("two-sided", ramps.dark)}
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 16px/1.55 var(--font); -webkit-text-size-adjust: 100%; scroll-padding-top: 3.5rem; }
body { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: .95rem; margin: 1.25rem 0 .5rem; }
p { margin: 0 0 .75rem; max-width: 42rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
section { padding: 1.5rem 0 .75rem; border-top: 1px solid var(--line); }
section:first-child { border-top: 0; }
.doc, .quiet, .absent { color: var(--quiet); }
.absent { font-size: .9rem; }
.status { margin: .75rem 0; font-variant-numeric: tabular-nums; max-width: none; }
.status strong { display: inline-block; padding: 0 .55em; margin-right: .4em; border-radius: 1em; background: var(--soft); border: 1px solid var(--line); font-size: .85rem; }
.status.done strong { color: var(--good); }
.status.diverged strong, .status.interrupted strong { color: var(--bad); }
.note { border-left: 3px solid var(--bad); padding-left: .75rem; }
nav { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 1px solid var(--line); padding: .6rem 0; font-size: .875rem; display: flex; gap: .25rem 1.1rem; overflow-x: auto; white-space: nowrap; scrollbar-width: none; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; margin: 0 0 .75rem; }
th { text-align: left; font-weight: 600; color: var(--quiet); white-space: nowrap; }
th, td { padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.text { white-space: nowrap; }
td.wide { min-width: 12rem; max-width: 32rem; }
th.number, td.number { text-align: right; white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem 1.5rem; align-items: start; margin-bottom: .5rem; }
figure { margin: 0; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 32rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem; align-items: start; }
.columns > div { min-width: 0; }
.columns h3:first-child { margin-top: 0; }
.math .katex-display { margin: .25rem 0 .75rem; text-align: left; }
.math .katex-display > .katex { text-align: left; }
.graph svg { display: block; height: auto; }
.player { max-width: 32rem; }
.player canvas { display: block; width: 100%; aspect-ratio: 4 / 3; }
.bar { display: flex; align-items: center; gap: .75rem; margin: .5rem 0; font-size: .875rem; }
.bar input { flex: 1; min-width: 4rem; accent-color: var(--accent); }
.bar output { min-width: 7em; font-variant-numeric: tabular-nums; }
button { font: inherit; font-size: .875rem; color: var(--ink); background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .25rem .8rem; min-width: 2.6rem; cursor: pointer; }
button:hover { border-color: var(--quiet); }
button:disabled { opacity: .5; cursor: default; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; list-style: none; margin: 0 0 .75rem; padding: 0; font-size: .875rem; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend i { width: .8rem; height: .8rem; border-radius: 50%; }
.legend i.ramp { width: 9rem; border-radius: .2rem; }
.legend .two-sided { background: linear-gradient(to right, var(--two-sided-0), var(--two-sided-1), var(--two-sided-2), var(--two-sided-3), var(--two-sided-4)); }
.legend .one-sided { background: linear-gradient(to right, var(--one-sided-0), var(--one-sided-1), var(--one-sided-2), var(--one-sided-3), var(--one-sided-4)); }
.confusion th, .confusion td { padding: .3rem .55rem; border: 1px solid var(--line); text-align: right; }
.confusion thead th:first-child { font-weight: 400; border: 0; }
.confusion td.right { background: rgb(var(--right) / calc(var(--share) * .45)); }
.confusion td.wrong { background: rgb(var(--wrong) / calc(var(--share) * .9)); }
.confusion .none { color: var(--quiet); opacity: .45; }
.mistakes { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem 1rem; font-size: .875rem; line-height: 1.4; }
.mistakes img { width: 5.25rem; height: auto; image-rendering: pixelated; border: 1px solid var(--line); }
.mistakes p { margin: .25rem 0 0; }
.values { margin: 0; }
.values div { display: flex; gap: .5rem; justify-content: space-between; border-bottom: 1px solid var(--line); }
dl { margin: 0 0 .75rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: .25rem 2rem; font-size: .875rem; }
dl.values { display: block; }
dl div { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--line); padding: .2rem 0; }
dt { color: var(--quiet); min-width: 0; overflow-wrap: anywhere; }
dd { margin: 0; text-align: right; min-width: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.command { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem; margin: 0 0 1rem; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; }
details summary { cursor: pointer; }
#controls { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .75rem; margin: .75rem 0; font-size: .875rem; }
#controls[hidden] { display: none; }
#controls label { display: flex; align-items: center; gap: .5rem; }
#controls input { width: 12rem; accent-color: var(--accent); }
#controls output { min-width: 4.5em; font-variant-numeric: tabular-nums; }
#connection { color: var(--bad); font-size: .875rem; }
#connection:empty { display: none; }
footer { color: var(--quiet); font-size: .85rem; border-top: 1px solid var(--line); padding-top: 1rem; margin-top: 1rem; }
@media print { nav, .bar, #controls { display: none; } section { break-inside: avoid; } }
`;
