/** A net's layers as a figure: the gradients that arrive at them, their outputs, and their zeros. */
import { spansDecades, ticksOf, titleOf } from "../pictures/axes.ts";
import type { Picture } from "../pictures/render.ts";
import { WIDTH, type Colors } from "../pictures/theme.ts";
import { counted } from "../terminal/numbers.ts";
import { parameterNorm } from "./layers.ts";
import type { LayersPlot } from "./plot.ts";

const PANEL = 130;
/** Layers whose names fit below an axis side by side. */
const ABREAST = 11;

const shown = (value: number, positive: boolean): boolean =>
  Number.isFinite(value) && (!positive || value > 0);

export function drawLayers({ title, subtitle, layers }: LayersPlot, colors: Colors): Picture {
  const x = {
    field: "layer",
    type: "nominal" as const,
    title: "layer",
    scale: { domain: layers.map(({ path }) => path) },
    axis: { labelAngle: layers.length > ABREAST ? -60 : 0, labelLimit: 120 },
  };
  const norms = layers.flatMap((layer) => [
    { layer: layer.path, series: "of its output", y: layer.gradient },
    { layer: layer.path, series: "of its parameters", y: parameterNorm(layer) },
  ]);
  const isLogarithmic = spansDecades(norms.map(({ y }) => y).filter((y) => y > 0));
  const gradients = {
    width: WIDTH,
    height: PANEL,
    data: { values: norms.filter(({ y }) => shown(y, isLogarithmic)) },
    mark: { type: "line" as const, point: true },
    encoding: {
      x,
      y: {
        field: "y",
        type: "quantitative" as const,
        title: "norm of the gradient",
        scale: isLogarithmic ? { type: "log" as const } : { zero: true },
        ...ticksOf(
          { name: "", logarithmic: isLogarithmic },
          norms.map(({ y }) => y),
        ),
      },
      color: {
        field: "series",
        type: "nominal" as const,
        title: "gradient",
        scale: { domain: ["of its output", "of its parameters"] },
      },
    },
  };
  const spread = layers.filter(({ std }) => Number.isFinite(std));
  const value = (field: string) => ({
    field,
    type: "quantitative" as const,
    title: ["output: mean ± deviation,", "least to largest"],
    scale: { zero: false },
  });
  const outputs = {
    width: WIDTH,
    height: PANEL,
    data: {
      values: spread.map(({ path, mean, std, min, max }) => ({
        layer: path,
        mean,
        low: Math.max(min, mean - std),
        high: Math.min(max, mean + std),
        min,
        max,
      })),
    },
    encoding: { x },
    layer: [
      { mark: { type: "rule" as const }, encoding: { y: value("min"), y2: { field: "max" } } },
      {
        mark: { type: "bar" as const, width: 14, opacity: 0.35 },
        encoding: { y: value("low"), y2: { field: "high" } },
      },
      { mark: { type: "tick" as const, thickness: 2.5, width: 18 }, encoding: { y: value("mean") } },
    ],
  };
  const zeros = {
    width: WIDTH,
    height: PANEL,
    data: {
      values: layers.map(({ path, zeros: share, dead }) => ({
        layer: path,
        share: Number.isFinite(share) ? share : 0,
        label: dead === 0 ? "" : String(dead),
      })),
    },
    encoding: {
      x,
      y: {
        field: "share",
        type: "quantitative" as const,
        title: ["zeros of the output,", "number of dead units"],
        scale: { domain: [0, 1] },
        axis: { format: "%" },
      },
    },
    layer: [
      { mark: { type: "bar" as const, width: 14, color: colors.categories[2]! } },
      {
        mark: { type: "text" as const, dy: -7, align: "center" as const },
        encoding: { text: { field: "label", type: "nominal" as const } },
      },
    ],
  };
  const dead = layers.reduce((sum, layer) => sum + layer.dead, 0);
  const units = layers.reduce((sum, layer) => sum + layer.units, 0);
  return {
    title: titleOf({
      title,
      subtitle: `${subtitle === "" ? "" : `${subtitle}: `}${dead} of ${counted(units, "unit")} dead, that is 0 throughout`,
      description: "",
    }),
    description: `Gradients, outputs and zeros of ${counted(layers.length, "layer")}`,
    // Of units that are never exactly 0 there is nothing to see.
    vconcat: layers.some((layer) => layer.zeros > 0) ? [gradients, outputs, zeros] : [gradients, outputs],
    resolve: { scale: { x: "shared", color: "independent" } },
  };
}
