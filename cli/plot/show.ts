/** A plot's numbers as characters, for a terminal. */
import pico from "picocolors";
import { printable } from "../../grammar/text-position.ts";
import {
  areaLines,
  Canvas,
  framed,
  lineSign,
  markAt,
  type Area,
  type Rgb,
  type Screen,
} from "../terminal/canvas.ts";
import { colored } from "../terminal/depth.ts";
import { table } from "../terminal/table.ts";
import { spansDecades } from "../pictures/charts.ts";
import { rampOf } from "../pictures/pixels.ts";
import { colorsOf } from "../pictures/theme.ts";
import { ORDERS } from "./draw-functions.ts";
import { INK, isSigned } from "./draw-images.ts";
import { extent } from "./features.ts";
import { heightsOf } from "./heights.ts";
import { parameterNorm } from "./layers.ts";
import type {
  Axis,
  CurvePlot,
  DataPoint,
  FunctionsPlot,
  ImagesPlot,
  LayersPlot,
  LossSurfacePlot,
  Plot,
  SurfacePlot,
} from "./plot.ts";

/** Nobody looks at more of them one below the other. */
const MOST_AREAS = 4;

const { categories, diverging } = colorsOf.light;
/** Of data classes and lines. */
const inks: readonly Rgb[] = categories.map((hex) => rampOf([hex, hex])(0));
const inkOf = (k: number): Rgb => inks[k % inks.length]!;
/** From dark to light, as cividis is. */
const sequential = rampOf(["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"]);
const GRAY: Rgb = [128, 128, 128];

/** The picture with its title and what explains it, lines ended. */
export function showPlot(plot: Plot, screen: Screen): string {
  const lines = [plot.title, ...("subtitle" in plot && plot.subtitle !== "" ? [plot.subtitle] : []), ""];
  return `${[...lines.map(printable), ...linesOf(plot, screen)].join("\n")}\n`;
}

function linesOf(plot: Plot, screen: Screen): string[] {
  switch (plot.kind) {
    case "functions":
      return showFunctions(plot, screen);
    case "surface":
      return showSurface(plot, screen);
    case "curve":
      return showCurve(plot, screen);
    case "weights":
    case "mistakes":
      return showImages(plot, screen);
    case "loss-surface":
      return showLoss(plot, screen);
    case "layers":
      return showLayers(plot);
    default:
      return plot satisfies never;
  }
}

const short = (value: number): string => String(Number(value.toPrecision(3)));
const ends = ({ name, from, to }: Axis): { name: string; from: string; to: string } => ({
  name: printable(name),
  from: short(from),
  to: short(to),
});

/** What each line or class looks like. */
const legend = (names: readonly string[], signs: (k: number) => string, screen: Screen): string =>
  `  ${names.map((name, k) => `${colored(signs(k), inkOf(k), null, screen.depth)} ${printable(name)}`).join("   ")}`;

function showFunctions({ axis, functions }: FunctionsPlot, screen: Screen): string[] {
  const width = Math.max(20, Math.min(screen.columns - 12, 72));
  return functions.flatMap(({ name, lines }) => {
    const [low, high] = heightsOf(lines);
    const canvas = new Canvas(width, 14, { x: [axis.from, axis.to], y: [low, high] }, screen);
    // The function itself over its derivatives.
    for (const k of [2, 1, 0] as const) for (const piece of lines[k].pieces) canvas.line(piece, inkOf(k), k);
    for (const k of [2, 1, 0] as const) {
      for (const end of lines[k].ends)
        canvas.mark(
          [end.x, end.y],
          end.closed ? (screen.unicode ? "●" : "O") : screen.unicode ? "○" : "o",
          inkOf(k),
        );
    }
    const y = { name: printable(name), from: short(low), to: short(high) };
    return [
      ...framed(canvas.lines(), width, ends(axis), y, screen.unicode),
      legend(screen.unicode ? ORDERS : ["f", "f'", "f''"], (k) => lineSign(k, screen), screen),
      "",
    ];
  });
}

function showCurve({ axis, lines, points, target }: CurvePlot, screen: Screen): string[] {
  const width = Math.max(20, Math.min(screen.columns - 12, 72));
  const [low, high] = heightsOf(
    lines.map(({ line }) => line),
    points.map(({ y }) => y),
  );
  const canvas = new Canvas(width, 18, { x: [axis.from, axis.to], y: [low, high] }, screen);
  for (const { x, y } of points) canvas.mark([x, y], screen.unicode ? "·" : ".", GRAY);
  lines.forEach(({ line }, k) => line.pieces.forEach((piece) => canvas.line(piece, inkOf(k), k)));
  const y = { name: "", from: short(low), to: short(high) };
  const data = points.length === 0 ? "" : `   ${screen.unicode ? "·" : "."} ${printable(target ?? "data")}`;
  return [
    ...framed(canvas.lines(), width, ends(axis), y, screen.unicode),
    legend(
      lines.map(({ name }) => name),
      (k) => lineSign(k, screen),
      screen,
    ) + data,
  ];
}

/** Pixels of an area that fit the screen, as a square. */
const sideOf = ({ columns }: Screen): number => 2 * Math.floor(Math.max(16, Math.min(columns - 12, 48)) / 2);

/** The numbers of a grid whose rows go from the bottom, as pixels whose rows go from the top. */
function resampled(
  values: readonly (number | null)[],
  columns: number,
  rows: number,
  side: number,
): number[] {
  return Array.from({ length: side * side }, (_, i) => {
    const x = Math.round(((i % side) / (side - 1)) * (columns - 1));
    const y = Math.round((1 - Math.floor(i / side) / (side - 1)) * (rows - 1));
    return values[y * columns + x] ?? NaN;
  });
}

function showSurface(plot: SurfacePlot, screen: Screen): string[] {
  const side = sideOf(screen);
  const classes =
    plot.map?.classes ??
    [...new Set(plot.points.flatMap(({ target }) => (typeof target === "string" ? [target] : [])))].sort();
  const marks = marksOf(plot.points, plot.x, plot.y, side, classes);
  const frame = (area: Area, name: string): string[] =>
    framed(
      areaLines(area, screen),
      side,
      ends(plot.x),
      { ...ends(plot.y), name: `${printable(name)}, upwards ${printable(plot.y.name)}` },
      screen.unicode,
    );
  const shown = plot.panels.slice(0, MOST_AREAS);
  const left = plot.panels.length - shown.length;
  return [
    ...shown.flatMap(({ name, values, low, high, boundary }) => {
      const shares = resampled(values, plot.columns, plot.rows, side).map(
        (value) => (value - low) / (high - low),
      );
      const ramp = boundary === null ? sequential : rampOf(diverging);
      const scale = `  ${scaleOf(ramp, screen)} ${short(low)} to ${short(high)}`;
      return [...frame({ width: side, height: side, shares, ramp, marks }, name), scale, ""];
    }),
    ...(classes.length === 0 || plot.points.length === 0
      ? []
      : [
          `  ${plot.target === null ? "" : `${printable(plot.target)}: `}${legend(classes, (k) => digit(k), screen).trim()}`,
        ]),
    ...(left === 0 ? [] : [`  and ${left} more: give -o FILE.svg`]),
  ];
}

const digit = (k: number): string => "0123456789abcdefghijklmnopqrstuvwxyz"[k % 36]!;

/** The colors or shades from the least to the largest. */
const scaleOf = (ramp: (share: number) => Rgb, screen: Screen): string =>
  areaLines(
    { width: 10, height: 2, shares: Array.from({ length: 20 }, (_, i) => (i % 10) / 9), ramp },
    screen,
  )[0]!;

function marksOf(
  points: readonly DataPoint[],
  x: Axis,
  y: Axis,
  side: number,
  classes: readonly string[],
): Map<number, string> {
  const marks = new Map<number, string>();
  for (const point of points) {
    const px = Math.round(((point.x - x.from) / (x.to - x.from)) * (side - 1));
    const py = Math.round((1 - (point.y - y.from) / (y.to - y.from)) * (side - 1));
    if (!(px >= 0 && px < side && py >= 0 && py < side)) continue;
    const place = typeof point.target === "string" ? classes.indexOf(point.target) : -1;
    marks.set(markAt({ width: side }, px, py), place < 0 ? "o" : digit(place));
  }
  return marks;
}

function showLayers({ layers }: LayersPlot): string[] {
  const figure = (value: number): string => (Number.isNaN(value) ? "-" : short(value));
  const rows = layers.map((layer) => [
    printable(layer.path),
    figure(layer.gradient),
    figure(parameterNorm(layer)),
    figure(layer.mean),
    figure(layer.std),
    `${(100 * layer.zeros).toFixed(0)} %`,
    `${layer.dead} of ${layer.units}`,
  ]);
  const header = ["layer", "gradient", "of parameters", "mean", "deviation", "zeros", "dead units"];
  return table(header, rows, pico.createColors(false)).split("\n");
}

function showLoss(plot: LossSurfacePlot, screen: Screen): string[] {
  const side = sideOf(screen);
  const known = plot.loss.filter((value) => value !== null);
  const to = spansDecades(known) ? Math.log : (value: number): number => value;
  const [low, high] = extent(known);
  const shares = resampled(plot.loss, plot.columns, plot.rows, side).map(
    (value) => (to(value) - to(low)) / (to(high) - to(low) || 1),
  );
  const path: DataPoint[] = plot.path.map(([x, y]) => ({ x, y, target: null }));
  const marks = marksOf(path, plot.x, plot.y, side, []);
  const cross = [...marksOf([{ x: 0, y: 0, target: null }], plot.x, plot.y, side, []).keys()][0];
  if (cross !== undefined) marks.set(cross, "+");
  const area: Area = { width: side, height: side, shares, ramp: sequential, marks };
  const y = { ...ends(plot.y), name: `loss; upwards ${plot.y.name}` };
  return [
    ...framed(areaLines(area, screen), side, { ...ends(plot.x), name: "" }, y, screen.unicode),
    `  to the right ${plot.x.name}`,
    `  ${scaleOf(sequential, screen)} ${short(low)} to ${short(high)}   + these weights${path.length === 0 ? "" : "   o on the way there"}`,
  ];
}

/** Pixels of an image in a terminal, at most, and images of one picture. */
const IMAGE = 14;
const MOST_IMAGES = 10;

function showImages(plot: ImagesPlot, screen: Screen): string[] {
  const { size, low, high } = plot;
  const shrink = Math.max(1, Math.ceil(Math.max(size.width, size.height) / IMAGE));
  const width = Math.ceil(size.width / shrink);
  const height = 2 * Math.ceil(size.height / shrink / 2);
  const ramp = isSigned(plot) ? rampOf(diverging) : rampOf(INK);
  const images = plot.images.slice(0, MOST_IMAGES);
  const cell = Math.max(width, isSigned(plot) ? 4 : 16);
  const across = Math.max(1, Math.floor((screen.columns - 2) / (cell + 2)));
  const lines: string[] = [];
  for (let from = 0; from < images.length; from += across) {
    const row = images.slice(from, from + across);
    const drawn = row.map(({ values }) => {
      const shares = Array.from({ length: width * height }, (_, i) => {
        const [x, y] = [(i % width) * shrink, Math.floor(i / width) * shrink];
        let [sum, count] = [0, 0];
        for (let dy = 0; dy < shrink && y + dy < size.height; dy++) {
          for (let dx = 0; dx < shrink && x + dx < size.width; dx++) {
            sum += values[(y + dy) * size.width + x + dx]!;
            count++;
          }
        }
        return count === 0 ? NaN : (sum / count - low) / (high - low || 1);
      });
      return areaLines({ width, height, shares, ramp }, screen).map(
        (line) => line + " ".repeat(cell - width),
      );
    });
    for (let k = 0; k < drawn[0]!.length; k++)
      lines.push(`  ${drawn.map((image) => image[k]!).join("  ")}`.trimEnd());
    lines.push(
      `  ${row.map(({ caption }) => printable(caption).slice(0, cell).padEnd(cell)).join("  ")}`.trimEnd(),
      "",
    );
  }
  const left = plot.images.length - images.length;
  return [...lines, ...(left === 0 ? [] : [`  and ${left} more: give -o FILE.svg`])];
}
