/** How values are spread, group by group. */
import { scaleOf, ticksOf, titleOf, type Quantity, type Saying } from "./axes.ts";
import type { Picture } from "./render.ts";
import { WIDTH } from "./theme.ts";

export interface Group {
  readonly name: string;
  readonly values: readonly number[];
  /** Quartiles, drawn as a box; null where there are too few values for them. */
  readonly box: { readonly low: number; readonly median: number; readonly high: number } | null;
}

/** Pixels of a row of `groupsChart`. */
const ROW = 30;

/** Rows of points, one row a group, with a box from quartile to quartile and a mark at the median. */
export function groupsChart(
  saying: Saying,
  value: Quantity,
  groups: readonly Group[],
  /** What the groups are. */
  by: string,
): Picture {
  const shown = (number: number): boolean =>
    Number.isFinite(number) && (value.logarithmic !== true || number > 0);
  const domain = groups.map(({ name }) => name);
  const points = groups.flatMap(({ name, values }) =>
    values.flatMap((x, i) => (shown(x) ? [{ group: name, x, shift: spread(i) }] : [])),
  );
  const boxes = groups.flatMap(({ name, box }) =>
    box !== null && shown(box.low) ? [{ group: name, ...box }] : [],
  );
  const y = {
    field: "group",
    type: "nominal" as const,
    title: by,
    scale: { domain, paddingInner: 0.25, paddingOuter: 0.15 },
    axis: { ticks: false, domain: false, labelPadding: 8 },
  };
  const ticks = ticksOf(
    value,
    points.map((point) => point.x),
  );
  const x = (field: string): object => ({
    field,
    type: "quantitative",
    title: value.name,
    scale: scaleOf(value),
    ...ticks,
  });
  return {
    title: titleOf(saying),
    description: saying.description,
    width: WIDTH,
    height: ROW * groups.length,
    layer: [
      {
        data: { values: boxes },
        mark: { type: "bar", opacity: 0.22, cornerRadius: 2 },
        encoding: { y, x: x("low"), x2: { field: "high" } },
      },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 22, opacity: 0.65 },
        encoding: {
          y,
          yOffset: { field: "shift", type: "quantitative", scale: { domain: [-1, 1] } },
          x: x("x"),
        },
      },
      {
        data: { values: boxes },
        mark: { type: "tick", opacity: 1, thickness: 3, bandSize: ROW * 0.75 },
        encoding: { y, x: x("median") },
      },
    ],
  };
}

/** The i-th place of points in a row, from -0.7 to 0.7: far from those before it. */
const spread = (i: number): number => 1.4 * (((i + 0.5) * GOLDEN) % 1) - 0.7;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
