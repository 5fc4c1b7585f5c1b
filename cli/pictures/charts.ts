/**
 * Charts that several commands draw, each from plain data. Texts are data: any character may stand in
 * them.
 */
import type { Picture, PictureTitle } from "./render.ts";
import { textWidth } from "./text-width.ts";
import { WIDTH } from "./theme.ts";

/** What every chart says of itself. */
export interface Saying {
  /** What is seen. */
  readonly title: string;
  readonly subtitle?: string;
  /** For who cannot see it. */
  readonly description: string;
}

/** A quantity on an axis, with its unit where it has one: `loss`, `time (s)`. */
export interface Quantity {
  readonly name: string;
  /** Powers of ten at equal distances. Wants positive numbers. */
  readonly logarithmic?: boolean;
  /** Whether the axis begins at 0 though no value is there. */
  readonly zero?: boolean;
}

/** Pixels of title beside the plot that an axis takes anyway. */
const MARGIN = 80;

/** A title whose lines are no longer than the picture is wide. */
export function titleOf({ title, subtitle }: Saying, width = WIDTH): PictureTitle {
  return {
    text: wrapped(title, width + MARGIN, 15, true),
    ...(subtitle === undefined ? {} : { subtitle: wrapped(subtitle, width + MARGIN, 12) }),
  };
}

/** Lines of at most `width` pixels; a longer word is a line by itself. */
export function wrapped(text: string, width: number, size: number, bold = false): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer, size, bold) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Whether values are better told by their powers of ten: positive, over more than two of them. */
export function spansDecades(values: readonly number[]): boolean {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  return low > 0 && high / low > 100;
}

const scaleOf = ({ logarithmic = false, zero = false }: Quantity): object =>
  logarithmic ? { type: "log", nice: false } : { zero };

/** Decades between which 2 and 5 have ticks too. */
const FEW = 2;

/** Ticks of a logarithmic axis over these values; of any other, Vega's own. */
function ticksOf({ logarithmic = false }: Quantity, values: readonly (number | null)[]): object {
  if (!logarithmic) return {};
  const logs = values.flatMap((value) => (value !== null && value > 0 ? [Math.log10(value)] : []));
  const low = logs.reduce((a, b) => Math.min(a, b), Infinity);
  const high = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low > high) return {};
  const factors = high - low > FEW ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    // As it is written, since powers of ten are not exact.
    ticks.push(...factors.map((factor) => Number(`${factor}e${power}`)));
  }
  return { axis: { values: ticks, format: "~g" } };
}

// ------------------------------------------------------------------------------------------------------- lines

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

/** Lines over a common axis, each with a band where its points have one. A value that is not finite is a gap. */
export function linesChart(
  saying: Saying,
  x: Quantity,
  y: Quantity,
  lines: readonly Line[],
  /** What tells the lines apart; without it there is no legend. */
  legend?: string,
): Picture {
  const known = (value: number | undefined): number | null =>
    value === undefined || !Number.isFinite(value) || (y.logarithmic === true && value <= 0) ? null : value;
  const values = lines.flatMap(({ name, points }) =>
    points.map((point) => ({
      series: name,
      x: point.x,
      y: known(point.y),
      low: known(point.low),
      high: known(point.high),
    })),
  );
  const ticks = ticksOf(
    y,
    values.flatMap((point) => [point.y, point.low, point.high]),
  );
  const color = {
    field: "series",
    type: "nominal" as const,
    scale: { domain: lines.map(({ name }) => name) },
    legend: legend === undefined ? null : { title: legend },
  };
  return {
    title: titleOf(saying),
    description: saying.description,
    data: { values },
    width: WIDTH,
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        title: x.name,
        scale: scaleOf(x),
        ...ticksOf(
          x,
          values.map((point) => point.x),
        ),
      },
      color,
    },
    layer: [
      {
        mark: { type: "area", opacity: 0.18, clip: true },
        encoding: {
          y: { field: "low", type: "quantitative", title: y.name, scale: scaleOf(y), ...ticks },
          y2: { field: "high" },
        },
      },
      { mark: { type: "line", clip: true }, encoding: { y: { field: "y", type: "quantitative" } } },
    ],
  };
}

// --------------------------------------------------------------------------------------------- points and boxes

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
        mark: { type: "tick", thickness: 3, bandSize: ROW * 0.75 },
        encoding: { y, x: x("median") },
      },
    ],
  };
}

/** The i-th place of points in a row, from -0.7 to 0.7: far from those before it. */
const spread = (i: number): number => 1.4 * (((i + 0.5) * GOLDEN) % 1) - 0.7;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

// ---------------------------------------------------------------------------------------------------- heat maps

export interface Cell {
  readonly x: string;
  readonly y: string;
  /** Its color; a cell that is not finite is empty. */
  readonly value: number;
  /** What is written in it. */
  readonly label: string;
}

/** A table whose cells are colored by a value, with the values in them. The first of `rows` is at the top. */
export function heatMap(
  saying: Saying,
  x: { readonly name: string; readonly columns: readonly string[] },
  y: { readonly name: string; readonly rows: readonly string[] },
  value: Quantity,
  cells: readonly Cell[],
): Picture {
  const size = { width: 64, height: 36 };
  const numbers = cells.map((cell) => cell.value).filter(Number.isFinite);
  const scale = value.logarithmic === true ? Math.log : (number: number): number => number;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)].map(scale) as [number, number];
  // Cividis is light in its upper half: there text is dark.
  const isLight = (number: number): boolean => (scale(number) - low) / (high - low || 1) > 0.55;
  const values = cells.filter((cell) => Number.isFinite(cell.value));
  const labels = (ink: string, of: readonly Cell[]) => ({
    data: { values: of },
    mark: { type: "text" as const, color: ink },
    encoding: { text: { field: "label", type: "nominal" as const } },
  });
  const width = Math.max(size.width * x.columns.length, 200);
  return {
    title: titleOf(saying, width),
    description: saying.description,
    width,
    height: size.height * y.rows.length,
    encoding: {
      x: {
        field: "x",
        type: "nominal",
        title: x.name,
        scale: { domain: [...x.columns] },
        axis: { labelAngle: 0, ticks: false, domain: false },
      },
      y: {
        field: "y",
        type: "nominal",
        title: y.name,
        scale: { domain: [...y.rows] },
        axis: { ticks: false, domain: false },
      },
    },
    layer: [
      {
        data: { values },
        mark: { type: "rect" },
        encoding: {
          color: {
            field: "value",
            type: "quantitative",
            title: value.name,
            scale:
              value.logarithmic === true
                ? { type: "log", scheme: "cividis" }
                : { zero: false, scheme: "cividis" },
            legend: { gradientLength: Math.min(180, Math.max(60, size.height * y.rows.length)) },
          },
        },
      },
      labels(
        "#000000",
        values.filter((cell) => isLight(cell.value)),
      ),
      labels(
        "#ffffff",
        values.filter((cell) => !isLight(cell.value)),
      ),
    ],
  };
}
