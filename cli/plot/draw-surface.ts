/** A model over the plane of its two features as a figure: a panel for each number that it gives, with the data. */
import { bandsOf, inPlace, regionsAbove, type Grid } from "../pictures/contours.ts";
import { titleOf } from "../pictures/charts.ts";
import type { Picture } from "../pictures/render.ts";
import type { Colors } from "../pictures/theme.ts";
import type { Axis, ClassMap, Panel, SurfacePlot } from "./plot.ts";

/** Bands of color between the least and the largest number. */
const BANDS = 24;

export async function drawSurface(plot: SurfacePlot, colors: Colors): Promise<Picture> {
  const { title, subtitle, x, y, panels, map, points } = plot;
  const count = panels.length + (map === null ? 0 : 1);
  const side = count === 1 ? 360 : count === 2 ? 280 : 220;
  const columns = count <= 3 ? count : count === 4 ? 2 : 3;
  const size = { width: side, height: side };
  const grid = (values: readonly number[]): Grid => ({ columns: plot.columns, rows: plot.rows, values });
  const share = panels.every(({ low, high }) => low === panels[0]!.low && high === panels[0]!.high);
  const dots = dotsOf(plot, colors);
  const drawn = [
    ...(map === null ? [] : [await mapPanel(map, grid, size, dots)]),
    ...(await Promise.all(
      panels.map((panel, k) =>
        valuePanel(panel, grid(panel.values), size, dots, {
          legend:
            share && k < panels.length - 1
              ? null
              : share && panels.length > 1
                ? legendOf(panels)
                : panel.name,
          // Alone, the middle of two classes is where neither is more probable.
          diverging: panel.boundary !== null,
        }),
      ),
    )),
  ];
  const width = columns * (side + 110) - 110;
  return {
    title: titleOf({ title, ...(subtitle === "" ? {} : { subtitle }), description: "" }, width),
    description: `${panels.map(({ name }) => name).join(", ")} over ${x.name} from ${x.from} to ${x.to} and ${y.name} from ${y.from} to ${y.to}${points.length === 0 ? "" : `, with ${points.length} rows of the data`}`,
    columns,
    concat: drawn.map(({ name, layer, resolve }) => ({
      // The legend of a single panel says what it shows.
      ...(count === 1 ? {} : { title: { text: name, fontSize: 12, offset: 6, limit: side } }),
      ...size,
      layer,
      resolve,
    })),
    resolve: { scale: { color: "independent", fill: "shared", shape: "shared" } },
  };
}

/** What a legend for all panels is called. */
const legendOf = (panels: readonly Panel[]): string =>
  panels.every(({ output }) => output === panels[0]!.output) ? panels[0]!.output : "value";

interface DrawnPanel {
  readonly name: string;
  readonly layer: never[];
  readonly resolve: object;
}

type Layers = readonly object[];
type Size = { readonly width: number; readonly height: number };

/** Vega-Lite's types do not reach a layer that is put together of parts; `test/plot.test.ts` draws all of them. */
const asPanel = (name: string, layer: Layers): DrawnPanel => ({
  name,
  layer: layer as never[],
  resolve: { scale: { color: "independent" } },
});

async function valuePanel(
  { name, low, high, boundary }: Panel,
  grid: Grid,
  size: Size,
  dots: Layers,
  { legend, diverging }: { readonly legend: string | null; readonly diverging: boolean },
): Promise<DrawnPanel> {
  const step = (high - low) / BANDS;
  const thresholds = Array.from({ length: BANDS }, (_, k) => low + k * step);
  const regions = await bandsOf(grid, thresholds, size);
  const scale = diverging
    ? { domain: [low, (low + high) / 2, high], range: "diverging", interpolate: "rgb" }
    : { domain: [low, high], scheme: "cividis" };
  const values = regions.map((geometry, k) => ({
    type: "Feature",
    geometry,
    // The color of the middle of the band.
    value: thresholds[k]! + step / 2,
  }));
  const line =
    boundary === null ? [] : await regionsAbove(grid, [boundary], size).then((found) => [outline(found, 2)]);
  return asPanel(name, [
    {
      data: { values },
      projection: inPlace,
      mark: { type: "geoshape", clip: true, stroke: null },
      encoding: {
        color: {
          field: "value",
          type: "quantitative",
          title: legend,
          scale,
          legend:
            legend === null ? null : { gradientLength: Math.min(200, size.height - 40), titleLimit: 160 },
        },
      },
    },
    ...line,
    ...dots,
  ]);
}

/** The edge of regions, over light and dark bands alike. */
const outline = (regions: readonly object[], strokeWidth: number): object => ({
  data: { values: regions.map((geometry) => ({ type: "Feature", geometry })) },
  projection: inPlace,
  mark: { type: "geoshape", clip: true, filled: false, fill: null, stroke: "#1a1d21", strokeWidth },
});

async function mapPanel(
  { name, classes, margins }: ClassMap,
  grid: (values: readonly number[]) => Grid,
  size: Size,
  dots: Layers,
): Promise<DrawnPanel> {
  const values: object[] = [];
  for (const [k, margin] of margins.entries()) {
    const [geometry] = await regionsAbove(grid(margin), [0], size);
    values.push({ type: "Feature", geometry, class: classes[k]! });
  }
  return asPanel(name, [
    {
      data: { values },
      projection: inPlace,
      mark: { type: "geoshape", clip: true, stroke: null, opacity: 0.45 },
      encoding: {
        color: {
          field: "class",
          type: "nominal",
          title: "class",
          scale: { domain: [...classes] },
          legend: dots.length > 1 ? null : {},
        },
      },
    },
    ...dots,
  ]);
}

/** The axes, and the rows of the data on them. */
function dotsOf({ x, y, points, target, panels, map }: SurfacePlot, colors: Colors): Layers {
  const axis = ({ name, from, to }: Axis, field: string) => ({
    field,
    type: "quantitative",
    title: name,
    scale: { domain: [from, to], nice: false },
    axis: { grid: false, tickCount: 6, titleLimit: 220 },
  });
  const place = { x: axis(x, "x"), y: axis(y, "y") };
  const mark = {
    type: "point",
    filled: true,
    clip: true,
    opacity: 1,
    size: points.length > 400 ? 14 : points.length > 60 ? 30 : 70,
    stroke: colors.background,
    strokeWidth: points.length > 400 ? 0.4 : 1,
  };
  // An empty layer still has the axes.
  if (points.length === 0) return [{ data: { values: [] }, mark, encoding: place }];
  const values = points.map((point) => ({ x: point.x, y: point.y, target: point.target }));
  if (points[0]!.target === null) {
    return [{ data: { values }, mark: { ...mark, fill: colors.text }, encoding: place }];
  }
  const isClass = typeof points[0]!.target === "string";
  const found = new Set(points.map((point) => point.target));
  const domain = map?.classes ?? [...found].sort();
  const { low, high } = panels[0]!;
  const channel = isClass
    ? {
        fill: { field: "target", type: "nominal", title: target, scale: { domain } },
        shape: { field: "target", type: "nominal", title: target, scale: { domain } },
      }
    : {
        fill: {
          field: "target",
          type: "quantitative",
          title: `${target} of the data`,
          scale: { domain: [low, high], scheme: "cividis", clamp: true },
          legend: null,
        },
      };
  return [
    { data: { values: [] }, mark, encoding: place },
    { data: { values }, mark, encoding: { ...place, ...channel } },
  ];
}
