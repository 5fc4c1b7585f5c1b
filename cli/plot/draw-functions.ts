/** Functions with their derivatives as a figure: a panel for each, with three lines. */
import { titleOf } from "../pictures/charts.ts";
import type { Picture } from "../pictures/render.ts";
import type { Colors } from "../pictures/theme.ts";
import { thinLine } from "../pictures/simplify.ts";
import { heightsOf } from "./heights.ts";
import type { Axis, FunctionGraph, FunctionsPlot, Line } from "./plot.ts";

/** How the lines are called: the function, its derivative, the derivative of that. */
export const ORDERS = ["f", "f′", "f″"] as const;

const panelWidth = (count: number): number => (count === 1 ? 480 : count === 2 ? 340 : 250);
const panelColumns = (count: number): number => (count <= 3 ? count : count === 4 ? 2 : count <= 9 ? 3 : 4);

export function drawFunctions({ title, axis, functions }: FunctionsPlot, colors: Colors): Picture {
  const width = panelWidth(functions.length);
  const columns = panelColumns(functions.length);
  const height = Math.round(width * 0.66);
  const single = functions.length === 1;
  return {
    title: titleOf({ title, description: "" }, columns * (width + 60) - 60),
    description: `${functions.map(({ name }) => name).join(", ")}: each with its first and second derivative, over ${axis.name} from ${axis.from} to ${axis.to}`,
    columns,
    spacing: { column: 28, row: 24 },
    concat: functions.map((one) => panel(one, axis, { width, height }, single, colors)),
    resolve: { scale: { y: "independent" } },
  };
}

function panel(
  { name, lines }: FunctionGraph,
  axis: Axis,
  size: { readonly width: number; readonly height: number },
  single: boolean,
  colors: Colors,
) {
  const [low, high] = heightsOf(lines);
  const style = (field: string) => ({
    field,
    type: "nominal" as const,
    title: null,
    scale: { domain: [...ORDERS] },
    legend: { orient: "top" as const, symbolStrokeWidth: 2, symbolSize: 300, symbolType: "stroke" },
  });
  const color = style("order");
  const dash = {
    ...style("order"),
    scale: {
      domain: [...ORDERS],
      range: [
        [1, 0],
        [7, 3],
        [2, 3],
      ],
    },
  };
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: axis.name,
    scale: { domain: [axis.from, axis.to], nice: false },
  };
  const y = {
    field: "y",
    type: "quantitative" as const,
    title: "value",
    scale: { domain: [low, high], nice: false },
    axis: tickFormat([low, high]),
  };
  const window = windowOf(axis, [low, high], size);
  const ends = lines.flatMap((line, k) => line.ends.map((end) => ({ ...end, order: ORDERS[k]! })));
  const dots = (closed: boolean) => ({
    data: { values: ends.filter((end) => end.closed === closed && end.y >= low && end.y <= high) },
    mark: {
      type: "point" as const,
      size: 30,
      strokeWidth: 1.5,
      opacity: 1,
      ...(closed ? { filled: true } : { filled: false, fill: colors.background }),
    },
    encoding: { x, y, color },
  });
  return {
    ...(single ? {} : { title: { text: name, fontSize: 12, offset: 4, limit: size.width } }),
    ...size,
    layer: [
      // The axes through 0, beneath the lines.
      rule({ x: { datum: 0 } }, axis.from < 0 && axis.to > 0),
      rule({ y: { datum: 0 } }, low < 0 && high > 0),
      {
        data: { values: lines.flatMap((line, k) => pointsOf(line, ORDERS[k]!, window)) },
        mark: { type: "line" as const, clip: true },
        encoding: { x, y, color, strokeDash: dash, detail: { field: "piece", type: "nominal" as const } },
      },
      dots(false),
      dots(true),
    ],
  };
}

const rule = (encoding: object, visible: boolean) => ({
  data: { values: [{}] },
  mark: { type: "rule" as const, strokeWidth: 1, opacity: visible ? 0.5 : 0 },
  encoding: visible ? encoding : {},
});

/** What of a line is drawn, and how finely. */
interface Window {
  readonly low: number;
  readonly high: number;
  readonly tolerance: { readonly x: number; readonly y: number };
}

/** A window in which nothing is seen of what is left out. */
export const windowOf = (
  axis: Axis,
  [low, high]: readonly [number, number],
  { width, height }: { readonly width: number; readonly height: number },
): Window => ({
  low,
  high,
  tolerance: { x: (axis.to - axis.from) / width / 8, y: (high - low) / height / 8 },
});

/** The points of a line, with the number of the piece that each belongs to. */
export function pointsOf(
  { pieces }: Line,
  order: string,
  { low, high, tolerance }: Window,
): { readonly x: number; readonly y: number; readonly piece: number; readonly order: string }[] {
  // Far outside of the picture a line is cut: what draws it has no room for such numbers.
  const span = high - low;
  const within = (y: number): number => Math.min(high + span, Math.max(low - span, y));
  return pieces.flatMap((points, piece) => {
    const cut = points.map(([x, y]) => [x, within(y)] as const);
    return thinLine(cut, tolerance).map((i) => ({ x: cut[i]![0], y: cut[i]![1], piece, order }));
  });
}

/** Large and small numbers in few letters. */
export const tickFormat = ([low, high]: readonly [number, number]): object => {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  return largest >= 1e6 || largest < 1e-4 ? { format: "~g" } : {};
};
