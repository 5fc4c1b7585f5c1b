/**
 * A placed picture as SVG: self-contained, in two colors, forward blue and backward red.
 */
import type { Diagram } from "./diagram.ts";
import type { Row } from "./content.ts";
import { escape } from "./escape.ts";
import {
  FONT,
  LINE,
  placeDiagram,
  textWidth,
  type Layout,
  type PlacedArrow,
  type PlacedBox,
  type PlacedGroup,
  type Point,
} from "./layout.ts";
import type { Numbers } from "./values.ts";

/** Colors by what they are for. */
export interface DiagramColors {
  readonly forward: string;
  readonly backward: string;
  readonly text: string;
  readonly quiet: string;
  readonly background: string;
  readonly forwardBox: string;
  readonly backwardBox: string;
  readonly input: string;
  readonly parameter: string;
  readonly parameterBox: string;
  readonly kept: string;
  readonly group: string;
  readonly groupEdge: string;
}

const COLORS: DiagramColors = {
  forward: "#1d4ed8",
  backward: "#c2240c",
  text: "#0f172a",
  quiet: "#64748b",
  background: "#ffffff",
  forwardBox: "#eff5ff",
  backwardBox: "#fff4f1",
  input: "#475569",
  parameter: "#a16207",
  parameterBox: "#fefbe8",
  kept: "#94a3b8",
  group: "#f8fafc",
  groupEdge: "#cbd5e1",
};

export interface SvgOptions {
  /** Any that CSS knows, `var(--ink)` too where the picture is part of a page. */
  readonly colors?: DiagramColors;
  /** What its rules of style are confined to, for a picture that is part of a page: `.graph`. */
  readonly scope?: string;
}

const styleOf = (c: DiagramColors, scope: string): string =>
  rulesOf(c)
    .map((rule) => `  ${scope === "" ? "" : `${scope} `}${rule}`)
    .join("\n");

const rulesOf = (c: DiagramColors): readonly string[] => [
  `text { font-family: "Inter", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; fill: ${c.text}; }`,
  `.label { font-size: ${FONT.label}px; text-anchor: middle; dominant-baseline: central; }`,
  `.row { font-size: ${FONT.row}px; text-anchor: middle; dominant-baseline: central; }`,
  `.name { font-style: italic; font-weight: 600; }`,
  `.formula { fill: ${c.quiet}; }`,
  `.shape { fill: ${c.quiet}; }`,
  `.value { fill: ${c.forward}; font-weight: 600; }`,
  `.gradient { fill: ${c.backward}; font-weight: 600; }`,
  `.title { font-size: 20px; font-weight: 700; }`,
  `.group { font-size: ${FONT.group}px; font-weight: 600; fill: ${c.quiet}; }`,
  `.box { stroke-width: 1.6; }`,
  `.forward { stroke: ${c.forward}; fill: ${c.forwardBox}; }`,
  `.backward { stroke: ${c.backward}; fill: ${c.backwardBox}; }`,
  `.input { stroke: ${c.input}; fill: ${c.background}; }`,
  `.parameter { stroke: ${c.parameter}; fill: ${c.parameterBox}; }`,
  `.kept { stroke: ${c.kept}; fill: ${c.background}; stroke-dasharray: 4 3; }`,
  `.result { stroke-width: 2.6; }`,
  `.stored { fill: none; stroke-width: 1.2; }`,
  `.arrow { fill: none; stroke-width: 1.5; }`,
  `.arrow.forward { stroke: ${c.forward}; fill: none; }`,
  `.arrow.backward { stroke: ${c.backward}; fill: none; }`,
  `.arrow.keeps { stroke: ${c.kept}; stroke-dasharray: 4 4; stroke-width: 1.2; }`,
  `.halo { fill: ${c.background}; fill-opacity: 0.88; }`,
  `.frame { fill: ${c.group}; stroke: ${c.groupEdge}; stroke-width: 1.2; }`,
];

const TITLE = 44;
const LEGEND = 52;

/** @throws whatever dagre does with a graph that it cannot place: none is known */
export function diagramSvg(
  diagram: Diagram,
  numbers: Numbers | null,
  { colors = COLORS, scope = "" }: SvgOptions = {},
): string {
  const layout = placeDiagram(diagram, numbers);
  const legend = legendOf(diagram, numbers);
  const width = Math.ceil(Math.max(layout.width, legend.width + 64, textWidth(diagram.title, 20) + 64));
  const height = Math.ceil(layout.height + TITLE + LEGEND);
  const left = (width - layout.width) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(`The ${diagram.what} graph of ${diagram.title}`)}">
<style>
${styleOf(colors, scope)}
</style>
<defs>${["forward", "backward", "keeps"].map((name) => arrowHead(name, colors)).join("")}</defs>
<rect width="100%" height="100%" fill="${colors.background}"/>
<text class="title" x="32" y="38">${escape(diagram.title)}</text>
<g transform="translate(${round(left)} ${TITLE})">
${drawing(layout)}
</g>
<g transform="translate(32 ${height - 30})">${legend.svg}</g>
</svg>
`;
}

const drawing = ({ groups, arrows, boxes }: Layout): string =>
  [
    ...groups.map(groupSvg),
    ...arrows.map(arrowSvg),
    ...boxes.map(boxSvg),
    ...arrows.map(({ at, rows }) => (at === null ? "" : rowsSvg(at, rows))),
  ].join("\n");

const arrowHead = (name: string, colors: DiagramColors): string => {
  const color = name === "forward" ? colors.forward : name === "backward" ? colors.backward : colors.kept;
  return `<marker id="head-${name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.6 8 4 0 7.4z" fill="${color}"/></marker>`;
};

function groupSvg({ group, x, y, width, height }: PlacedGroup): string {
  const [left, top] = [x - width / 2, y - height / 2];
  return `<rect class="frame" x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(height)}" rx="12"/><text class="group" x="${round(left + 12)}" y="${round(top + 19)}">${escape(group.label)}</text>`;
}

function arrowSvg({ arrow, points }: PlacedArrow): string {
  const kind = arrow.kind === "stored" ? "keeps" : arrow.kind;
  return `<path class="arrow ${kind}" d="${curve(points)}" marker-end="url(#head-${kind})"/>`;
}

/** A smooth line through the middles between its points. */
function curve(points: readonly Point[]): string {
  const [first, ...others] = points;
  const last = others.at(-1);
  if (first === undefined || last === undefined) return "";
  let path = `M${at(first)}`;
  for (const [i, point] of others.slice(0, -1).entries()) {
    const next = others[i + 1]!;
    const end = next === last ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    path += `Q${at(point)} ${at(end)}`;
  }
  return others.length === 1 ? `${path}L${at(last)}` : path;
}

const at = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;
const round = (value: number): number => Math.round(value * 10) / 10;

function boxSvg({ box, body, rows, isRound, x, y, height }: PlacedBox): string {
  const kind = box.kind === "input" || box.kind === "parameter" || box.kind === "kept" ? box.kind : box.pass;
  const classes = `box ${kind}${box.kind === "result" ? " result" : ""}`;
  const shape = (style: string, more: number): string =>
    isRound
      ? `<circle class="${style}" cx="${round(body.x)}" cy="${round(body.y)}" r="${body.width / 2 + more}"/>`
      : `<rect class="${style}" x="${round(body.x - body.width / 2 - more)}" y="${round(body.y - body.height / 2 - more)}" width="${round(body.width + 2 * more)}" height="${round(body.height + 2 * more)}" rx="${box.kind === "operation" ? 17 + more : box.kind === "layer" ? 8 + more : 12 + more}"/>`;
  const top = isRound ? body.y : y - height / 2 + 17;
  const first = isRound ? body.y + body.height / 2 + 10 : top + LINE + 2;
  return [
    box.stored && box.kind !== "kept" ? shape(`stored ${box.pass}`, 4) : "",
    shape(classes, 0),
    `<text class="label${box.kind === "operation" ? "" : " name"}" x="${round(x)}" y="${round(top)}">${escape(box.label)}</text>`,
    ...rows.map((row, i) => rowSvg(row, x, first + i * LINE)),
  ].join("");
}

function rowsSvg(middle: Point, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ text }) => textWidth(text, FONT.row))) + 6;
  const height = rows.length * LINE - 2;
  const top = middle.y - ((rows.length - 1) * LINE) / 2;
  return `<rect class="halo" x="${round(middle.x - width / 2)}" y="${round(middle.y - height / 2)}" width="${round(width)}" height="${height}" rx="4"/>${rows.map((row, i) => rowSvg(row, middle.x, top + i * LINE)).join("")}`;
}

const rowSvg = ({ kind, text }: Row, x: number, y: number): string =>
  `<text class="row ${kind}" x="${round(x)}" y="${round(y)}">${escape(text)}</text>`;

/** What the colors and outlines mean, as far as the picture has them. */
function legendOf(
  { boxes, what, hasLoss }: Diagram,
  numbers: Numbers | null,
): { readonly svg: string; readonly width: number } {
  const entries: (readonly [string, string])[] = [];
  const swatch = (classes: string): string =>
    `<rect class="box ${classes}" x="0" y="-8" width="22" height="16" rx="6"/>`;
  if (boxes.some(({ kind }) => kind === "input")) entries.push([swatch("input"), "input"]);
  if (boxes.some(({ kind }) => kind === "parameter")) entries.push([swatch("parameter"), "parameter"]);
  if (what !== "backward") entries.push([swatch("forward"), "forward pass"]);
  if (what !== "forward") entries.push([swatch("backward"), "backward pass"]);
  if (boxes.some(({ kind }) => kind === "kept")) entries.push([swatch("kept"), "read from the forward pass"]);
  if (boxes.some(({ stored, kind }) => stored && kind !== "kept")) {
    entries.push([
      `<rect class="stored forward" x="-3" y="-11" width="28" height="22" rx="8"/>${swatch("forward")}`,
      "stored for the backward pass",
    ]);
  }
  if (numbers !== null) {
    entries.push([`<text class="row value" x="11" y="0">1.2</text>`, "value"]);
    if (hasLoss)
      entries.push([`<text class="row gradient" x="11" y="0">1.2</text>`, "derivative of the loss"]);
  }
  let x = 0;
  const parts = entries.map(([mark, text]) => {
    const part = `<g transform="translate(${round(x)} 0)">${mark}<text class="row" style="text-anchor:start" x="32" y="0">${escape(text)}</text></g>`;
    x += 32 + textWidth(text, FONT.row) + 28;
    return part;
  });
  return { svg: parts.join(""), width: x };
}
