/** What a model of one feature gives, as lines over it, with the data. */
import type { Net } from "../../runtime/index.ts";
import { classNames, entriesOfRow } from "../data/row-names.ts";
import { thinCloud } from "../pictures/thin.ts";
import { ask, outputsByRow } from "./ask.ts";
import { extent, featureValues, isWhole } from "./features.ts";
import { lineOf } from "./jumps.ts";
import type { CurvePlot, DataPoint, Line } from "./plot.ts";
import { describe, MOST_PANELS, MOST_POINTS, type Drawn } from "./surface.ts";
import { targetAt, targetsOf, type Targets } from "./targets.ts";

/** Numbers at which the model is asked, jumps aside. */
const SAMPLES = 401;

export function plotCurve(net: Net, { title, features, ranges, data, known }: Drawn): CurvePlot {
  const feature = features[0]!;
  const axis = { name: feature.name, ...ranges[0]! };
  const targets = data === null ? null : targetsOf(net.manifest, data);
  const target = net.manifest.inputs.find(({ role }) => role === "target");
  const lines = outputsByRow(net.manifest).flatMap((output, k) => {
    const width = entriesOfRow(output.shape, net.manifest.free)!;
    const names = target === undefined ? [] : (targets?.classes ?? classNames(target.name, width, known));
    return Array.from({ length: width }, (_, entry): CurvePlot["lines"][number] => {
      const sample = (xs: Float64Array): Float64Array => {
        const { values } = ask(net, features, [xs])[k]!;
        return Float64Array.from(xs, (_unused, i) => values[i * width + entry]!);
      };
      const line: Line = lineOf(sample, axis, SAMPLES, net.manifest.dtype === "f64");
      const name = width === 1 ? output.name : `${output.name}: ${names[entry] ?? entry}`;
      return { name, line };
    });
  });
  const shown = lines.slice(0, MOST_PANELS);
  const notes = [
    ...(shown.length < lines.length
      ? [`the first ${shown.length} of ${lines.length} numbers of the outputs`]
      : []),
    ...(isWhole(feature) ? [`${feature.name} is a whole number: between two of them the nearest`] : []),
  ];
  const ys = shown.flatMap(({ line }) => line.pieces.flatMap((piece) => piece.map(([, y]) => y)));
  const points: DataPoint[] = [];
  if (data !== null && targets !== null) {
    const xs = featureValues(feature, data);
    const place = heightOf(targets, shown.length, extent(ys));
    const at = (row: number) => [xs[row]!, targets.values[row]!, row] as const;
    for (const [x, value, row] of thinCloud(data.rows, at, MOST_POINTS))
      points.push({ x, y: place(value), target: targetAt(targets, row) });
    notes.unshift(describe(points, data.rows, { ...targets, classes: targets.classes ?? [] }));
  }
  return {
    kind: "curve",
    title: `What ${title} gives for each ${axis.name}`,
    subtitle: notes.join("; "),
    axis,
    lines: shown,
    points,
    target: targets?.name ?? null,
  };
}

/**
 * Where a row stands: numbers at their height; two classes at the bottom and the top of the one line that tells them apart;
 * more of them in rows beneath the lines.
 */
function heightOf(
  { classes }: Targets,
  lines: number,
  [low, high]: readonly [number, number],
): (value: number) => number {
  if (classes === null) return (value) => value;
  if (classes.length === 2 && lines === 1) return (value) => (value === 0 ? low : high);
  return (value) => low - ROW * (value + 1) * (high - low || 1);
}

/** Between two rows of points, as a part of what the lines span. */
const ROW = 0.05;
