/** A model over its one feature as a figure: a line for each number that it gives, with the data. */
import { titleOf } from "../pictures/charts.ts";
import type { Picture } from "../pictures/render.ts";
import { HEIGHT, WIDTH, type Colors } from "../pictures/theme.ts";
import { pointsOf, tickFormat, windowOf } from "./draw-functions.ts";
import { heightsOf } from "./heights.ts";
import type { CurvePlot } from "./plot.ts";

export function drawCurve(plot: CurvePlot, colors: Colors): Picture {
  const { title, subtitle, axis, lines, points, target } = plot;
  const [low, high] = heightsOf(
    lines.map(({ line }) => line),
    points.map(({ y }) => y),
  );
  const window = windowOf(axis, [low, high], { width: WIDTH, height: HEIGHT });
  const names = lines.map(({ name }) => name);
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: axis.name,
    scale: { domain: [axis.from, axis.to], nice: false },
    axis: { titleLimit: WIDTH },
  };
  const isClass = typeof points[0]?.target === "string";
  const label = [...new Set([names[0]!, ...(target === null || isClass ? [] : [target])])].join(", ");
  const y = {
    field: "y",
    type: "quantitative" as const,
    title: names.length === 1 ? label : "value",
    scale: { domain: [low, high], nice: false },
    axis: { ...tickFormat([low, high]), titleLimit: HEIGHT },
  };
  const color = {
    field: "order",
    type: "nominal" as const,
    title: "output",
    scale: { domain: names },
    legend: names.length === 1 ? null : { symbolType: "stroke" as const },
  };
  const classes = [...new Set(points.map((point) => point.target))].sort();
  const ends = lines.flatMap(({ name, line }) => line.ends.map((end) => ({ ...end, order: name })));
  const dots = (closed: boolean) => ({
    data: { values: ends.filter((end) => end.closed === closed) },
    mark: {
      type: "point" as const,
      size: 40,
      strokeWidth: 1.5,
      opacity: 1,
      clip: true,
      ...(closed ? { filled: true } : { filled: false, fill: colors.background }),
    },
    encoding: { x, y, color },
  });
  return {
    title: titleOf({ title, ...(subtitle === "" ? {} : { subtitle }), description: "" }),
    description: `${names.join(", ")} over ${axis.name} from ${axis.from} to ${axis.to}${points.length === 0 ? "" : `, with ${points.length} rows of the data`}`,
    width: WIDTH,
    height: HEIGHT,
    layer: [
      {
        data: { values: points.map((point) => ({ x: point.x, y: point.y, target: point.target })) },
        mark: {
          type: "point",
          filled: true,
          clip: true,
          size: points.length > 400 ? 10 : 26,
          opacity: points.length > 400 ? 0.4 : 0.75,
          ...(isClass ? {} : { color: colors.quiet }),
        },
        encoding: {
          x,
          y,
          ...(isClass
            ? {
                fill: {
                  field: "target",
                  type: "nominal" as const,
                  title: target,
                  scale: { domain: classes },
                },
              }
            : {}),
        },
      },
      {
        data: { values: lines.flatMap(({ name, line }) => pointsOf(line, name, window)) },
        mark: { type: "line", clip: true, strokeWidth: 2.5 },
        encoding: { x, y, color, detail: { field: "piece", type: "nominal" } },
      },
      dots(false),
      dots(true),
    ],
  };
}
