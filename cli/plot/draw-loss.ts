/** The loss in a plane through the weights as a figure, with the course of training. */
import { bandsOf, inPlace } from "../pictures/contours.ts";
import { spansDecades, titleOf } from "../pictures/charts.ts";
import type { Picture } from "../pictures/render.ts";
import { extent } from "./features.ts";
import type { Axis, LossSurfacePlot } from "./plot.ts";

const BANDS = 24;
const SIDE = 380;

export async function drawLoss(plot: LossSurfacePlot): Promise<Picture> {
  const { title, subtitle, x, y, columns, rows, loss, path } = plot;
  const known = loss.filter((value) => value !== null);
  const [low, high] = extent(known);
  const logarithmic = spansDecades(known);
  const to = logarithmic ? Math.log : (value: number): number => value;
  const from = logarithmic ? Math.exp : (value: number): number => value;
  const step = (to(high) - to(low)) / BANDS || 1;
  const thresholds = Array.from({ length: BANDS }, (_, k) => from(to(low) + k * step));
  // Between the points the logarithm of a loss is straighter than the loss. Where it is not finite nothing is drawn.
  const values = loss.map((value) => (value === null ? NaN : to(value)));
  const regions = await bandsOf({ columns, rows, values }, thresholds.map(to), { width: SIDE, height: SIDE });
  const bands = regions.map((geometry, k) => ({
    type: "Feature",
    geometry,
    value: from(to(low) + (k + 0.5) * step),
  }));
  const axis = ({ name, from: least, to: most }: Axis, field: string) => ({
    field,
    type: "quantitative" as const,
    title: name,
    scale: { domain: [least, most], nice: false },
    axis: { grid: false },
  });
  const place = { x: axis(x, "x"), y: axis(y, "y") };
  const marks = [
    ...(path.length === 0 ? [] : [{ x: path[0]![0], y: path[0]![1], name: "start" }]),
    { x: 0, y: 0, name: "these weights" },
  ];
  const lines = path.map(([a, b], i) => ({ x: a, y: b, i }));
  const picture = {
    title: titleOf({ title, subtitle, description: "" }, SIDE + 60),
    description: `The loss goes from ${Number(low.toPrecision(4))} to ${Number(high.toPrecision(4))} in this plane${path.length === 0 ? "" : `; the path of training is ${path.length} points`}`,
    width: SIDE,
    height: SIDE,
    layer: [
      {
        data: { values: bands },
        projection: inPlace,
        mark: { type: "geoshape", clip: true, stroke: "#ffffff", strokeOpacity: 0.35, strokeWidth: 0.6 },
        encoding: {
          color: {
            field: "value",
            type: "quantitative",
            title: "loss",
            scale: logarithmic
              ? { type: "log", domain: [low, high], scheme: "cividis", nice: false }
              : { domain: [low, high], scheme: "cividis", nice: false },
            legend: { gradientLength: 220, ...(logarithmic ? { format: "~g" } : {}) },
          },
        },
      },
      {
        data: { values: lines },
        mark: { type: "line", clip: true, color: "#ffffff", strokeWidth: 2 },
        encoding: { ...place, order: { field: "i", type: "quantitative" } },
      },
      {
        data: { values: lines },
        mark: { type: "point", filled: true, clip: true, fill: "#d55e00", opacity: 1, size: 14 },
        encoding: place,
      },
      {
        data: { values: marks },
        mark: {
          type: "point",
          filled: true,
          clip: true,
          opacity: 1,
          size: 110,
          fill: "#ffffff",
          stroke: "#1a1d21",
          strokeWidth: 1.2,
        },
        encoding: {
          ...place,
          shape: {
            field: "name",
            type: "nominal",
            title: null,
            scale: {
              domain: marks.map(({ name }) => name),
              range: path.length === 0 ? ["cross"] : ["circle", "cross"],
            },
            legend: { symbolFillColor: "#8a8f96", orient: "bottom" },
          },
        },
      },
    ],
  };
  // Vega-Lite's types do not take polygons for data; `test/plot.test.ts` draws it.
  return picture as unknown as Picture;
}
