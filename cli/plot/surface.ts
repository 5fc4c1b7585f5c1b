/** What a model of two features gives, over the plane of them. */
import type { Net } from "../../runtime/index.ts";
import { isDistribution, largest } from "../data/distribution.ts";
import { classNames } from "../data/row-names.ts";
import type { Dataset, KnownTables } from "../data/load-data.ts";
import { thinCloud } from "../pictures/thin.ts";
import { count, counted } from "../terminal/numbers.ts";
import { ask, type Asked } from "./ask.ts";
import { featureValues, type Feature } from "./features.ts";
import { bulkOf } from "./heights.ts";
import { spread, type Axis, type ClassMap, type DataPoint, type Panel, type SurfacePlot } from "./plot.ts";
import { targetAt, targetsOf, type Targets } from "./targets.ts";

/** Points along each axis. */
export const GRID = 161;

/** Panels of one picture: an output with more entries shows its first. */
export const MOST_PANELS = 12;

/** Points of the data that are drawn. */
export const MOST_POINTS = 2000;

export interface Drawn {
  /** What is drawn, as in `Xor after 400 steps`. */
  readonly title: string;
  readonly features: readonly Feature[];
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
  readonly data: Dataset | null;
  readonly known: Partial<KnownTables>;
}

/** @param size points along each axis */
export function plotSurface(net: Net, drawn: Drawn, size = GRID): SurfacePlot {
  const [x, y] = drawn.features.map(({ name }, k): Axis => ({ name, ...drawn.ranges[k]! }));
  const [xs, ys] = [spread(x!, size), spread(y!, size)];
  const count = size * size;
  const columns = [
    Float64Array.from({ length: count }, (_, i) => xs[i % size]!),
    Float64Array.from({ length: count }, (_, i) => ys[Math.floor(i / size)]!),
  ];
  const asked = ask(net, drawn.features, columns);
  const targets = drawn.data === null ? null : targetsOf(net.manifest, drawn.data);
  const classes = (width: number): readonly string[] => namesOfClasses(net, width, targets, drawn.known);
  const chosen =
    asked.find(({ width, values }) => width > 1 && isDistribution(values, width)) ??
    asked.find(({ width }) => width > 1 && width === targets?.classes?.length);
  const panels = asked.flatMap((one) => panelsOf(one, count, classes(one.width)));
  const shown = panels.slice(0, MOST_PANELS);
  const points = drawn.data === null ? [] : pointsOf(drawn.features, drawn.data, targets);
  const notes = [
    ...(shown.length < panels.length
      ? [`the first ${shown.length} of ${panels.length} numbers of the outputs`]
      : []),
    ...(points.length === 0 ? [] : [describe(points, drawn.data!.rows, targets)]),
  ];
  return {
    kind: "surface",
    title: `What ${drawn.title} gives for each ${x!.name} and ${y!.name}`,
    subtitle: notes.join("; "),
    x: x!,
    y: y!,
    columns: size,
    rows: size,
    panels: shown,
    map: chosen === undefined ? null : mapOf(chosen, count, classes(chosen.width)),
    points,
    target: targets?.name ?? null,
  };
}

function namesOfClasses(
  { manifest }: Net,
  width: number,
  targets: Targets | null,
  known: Partial<KnownTables>,
): readonly string[] {
  if (targets?.classes?.length === width) return targets.classes;
  const target = manifest.inputs.find(({ role }) => role === "target");
  return target === undefined
    ? Array.from({ length: width }, (_, k) => String(k))
    : classNames(target.name, width, known).slice(0, width);
}

/** What the points of a picture are. */
export function describe(points: readonly DataPoint[], rows: number, targets: Targets | null): string {
  const some = points.length === rows ? "" : `${count(points.length)} of `;
  const colors = targets !== null && targets.classes === null ? ", in the same colors" : "";
  return `points: ${targets === null ? "" : `${targets.name} of `}${some}${counted(rows, "row")} of the data${colors}`;
}

function panelsOf({ output, width, values }: Asked, count: number, classes: readonly string[]): Panel[] {
  const areProbabilities = width > 1 && isDistribution(values, width);
  const shared = bulkOf(Array.from(values));
  return Array.from({ length: width }, (_, k): Panel => {
    const own = Array.from({ length: count }, (_unused, i) => values[i * width + k]!);
    const [low, high] = (width === 1 ? bulkOf(own) : shared) ?? [0, 1];
    // A number between 0 and 1 everywhere is the probability of one of two classes, or a threshold.
    const isChance = low >= 0 && high <= 1;
    const [from, to] = isChance
      ? [0, 1]
      : low < high
        ? [low, high]
        : low === high
          ? [low - 1, low + 1]
          : [0, 1];
    return {
      name:
        width === 1
          ? output.name
          : areProbabilities
            ? `${output.name}: ${classes[k]}`
            : `${output.name}[${k}]`,
      output: output.name,
      values: own,
      low: from,
      high: to,
      boundary: isChance && width === 1 ? 0.5 : null,
    };
  });
}

function mapOf({ output, width, values }: Asked, count: number, classes: readonly string[]): ClassMap {
  const margins = Array.from({ length: width }, (_, k) =>
    Array.from({ length: count }, (_unused, i) => {
      let best = -Infinity;
      for (let j = 0; j < width; j++) if (j !== k) best = Math.max(best, values[i * width + j]!);
      return values[i * width + k]! - best;
    }),
  );
  const winners = Array.from({ length: count }, (_, i) => largest(values, i * width, width));
  return { name: `largest of ${output.name}`, classes, values: winners, margins };
}

export function pointsOf(features: readonly Feature[], data: Dataset, targets: Targets | null): DataPoint[] {
  const [xs, ys] = features.map((feature) => featureValues(feature, data));
  const at = (row: number) => [xs![row]!, ys![row]!, row] as const;
  return thinCloud(data.rows, at, MOST_POINTS).map(([x, y, row]) => ({
    x,
    y,
    target: targetAt(targets, row),
  }));
}
