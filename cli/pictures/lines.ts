/** Values over a common axis, as lines with bands. */
import { scaleOf, ticksOf, titleOf, type Quantity, type Saying } from "./axes.ts";
import type { Picture } from "./render.ts";
import { WIDTH } from "./theme.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly LinePoint[];
}

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** Ends of a band around the line, such as quartiles. */
  readonly low?: number;
  readonly high?: number;
}

/**
 * Lines over a common axis, each with a band where its points have one. A value that is not finite is
 * a gap.
 * @param legend what tells the lines apart; without it there is no legend
 */
export function linesChart(
  saying: Saying,
  x: Quantity,
  y: Quantity,
  lines: readonly Line[],
  legend?: string,
): Picture {
  const color = {
    field: "series",
    type: "nominal" as const,
    scale: { domain: lines.map(({ name }) => name) },
    legend: legend === undefined ? null : { title: legend },
  };
  return {
    title: titleOf(saying),
    description: saying.description,
    data: { values: lines.flatMap((line) => rowsOf(line, y)) },
    width: WIDTH,
    encoding: { x: axisX(x, lines), color },
    layer: layers(axisY(y, lines)),
  };
}

/** Panels in a row. */
const ACROSS = 4;
const PANEL = { width: 150, height: 110 };

/** Each line in a panel of its own, where there are too many for one. All have the same axes. */
export function linePanels(saying: Saying, x: Quantity, y: Quantity, lines: readonly Line[]): Picture {
  const [common, upright] = [axisX(x, lines), axisY(y, lines)];
  return {
    title: titleOf(saying, ACROSS * PANEL.width),
    description: saying.description,
    columns: ACROSS,
    spacing: 16,
    resolve: { scale: { x: "shared", y: "shared" } },
    concat: lines.map((line, i) => {
      // The names of the axes stand at the edges.
      const [isFirst, isLast] = [i % ACROSS === 0, i + ACROSS >= lines.length];
      return {
        ...PANEL,
        title: { text: line.name, fontSize: 11, fontWeight: "normal", offset: 4, limit: PANEL.width },
        data: { values: rowsOf(line, y) },
        encoding: { x: isLast ? common : { ...common, title: null } },
        layer: layers(isFirst ? upright : { ...upright, title: null }),
      };
    }),
  };
}

/** A band and a line on it. */
const layers = (y: object) => [
  {
    mark: { type: "area" as const, opacity: 0.18, clip: true },
    encoding: { y: { ...y, field: "low" }, y2: { field: "high" } },
  },
  { mark: { type: "line" as const, clip: true }, encoding: { y: { ...y, field: "y" } } },
];

const axisX = (x: Quantity, lines: readonly Line[]) => ({
  field: "x",
  type: "quantitative" as const,
  title: x.name,
  scale: scaleOf(x),
  ...ticksOf(
    x,
    lines.flatMap(({ points }) => points.map((point) => point.x)),
  ),
});

const axisY = (y: Quantity, lines: readonly Line[]) => ({
  type: "quantitative" as const,
  title: y.name,
  scale: scaleOf(y),
  ...ticksOf(
    y,
    lines.flatMap(({ points }) =>
      points.flatMap((point) => [point.y, ...(point.low === undefined ? [] : [point.low])]),
    ),
  ),
});

/** As data of a picture; what its axis cannot show is a gap. */
function rowsOf({ name, points }: Line, { logarithmic = false }: Quantity) {
  const known = (value: number | undefined): number | null =>
    value === undefined || !Number.isFinite(value) || (logarithmic && value <= 0) ? null : value;
  return points.map(({ x, y, low, high }) => ({
    series: name,
    x,
    y: known(y),
    low: known(low),
    high: known(high),
  }));
}
