/** The pictures of a sweep. */
import { groupsChart, heatMap, linePanels, linesChart, spansDecades, type Line } from "../pictures/charts.ts";
import type { Picture } from "../pictures/render.ts";
import { counted, figure } from "../terminal/numbers.ts";
import type { PictureFile } from "./files.ts";
import { numberOf, varying, type Axis, type Grid } from "./grid.ts";
import { cellsOf, measuresOf, quartiles, telling, valuesOf, type Cell, type Measure } from "./measures.ts";
import type { History, Run, Trained } from "./run.ts";

export interface Drawn extends PictureFile {
  readonly picture: Picture;
}

/** Lines that can be told apart by their color. */
const MOST_COLORS = 8;

/** Pairs of settings that are drawn as a heat map. */
const MOST_PAIRS = 3;

export function drawSweep(model: string, grid: Grid, runs: readonly Run[]): readonly Drawn[] {
  const cells = cellsOf(grid, runs).map((cell) => ({ ...cell, label: labelOf(cell, model) }));
  const measures = measuresOf(runs);
  const about = {
    model,
    grid,
    cells,
    by: varying(grid.axes)
      .map(({ name }) => name)
      .join(", "),
  };
  const drawn = [
    ...measures.map((measure) => distribution(about, measure)),
    ...curves(about, "loss"),
    ...curves(about, "validation"),
    ...heatMaps(about, measures),
  ];
  // `Far` and `far` are two metrics, and one file on some disks.
  return drawn.map((one, i) => {
    const before = drawn.slice(0, i).filter(({ file }) => file === one.file).length;
    return before === 0 ? one : { ...one, file: one.file.replace(/\.svg$/, `-${before + 1}.svg`) };
  });
}

type LabeledCell = Cell & { readonly label: string };

interface About {
  readonly model: string;
  readonly grid: Grid;
  readonly cells: readonly LabeledCell[];
  /** The settings that change. */
  readonly by: string;
}

/** The combination, and how many of its runs failed. */
function labelOf({ combination, trained, failed }: Cell, model: string): string {
  const name = combination.short === "" ? model : combination.short;
  return failed === 0 ? name : `${name} (${failed} of ${trained.length + failed} failed)`;
}

const fileName = (...parts: readonly string[]): string =>
  `${parts
    .join("-")
    .replaceAll(/[^\w]+/g, "-")
    .toLowerCase()}.svg`;

const seedsOf = ({ seeds, combinations }: Grid): string =>
  `${counted(seeds.length, "seed")}${combinations.length === 1 ? "" : " each"}`;

// ---------------------------------------------------------------------------------------------------- distributions

function distribution({ model, grid, cells, by }: About, measure: Measure): Drawn {
  const values = cells.flatMap(({ trained }) => valuesOf(measure, trained));
  const groups = cells.map(({ label, trained }) => {
    const own = valuesOf(measure, trained);
    return { name: label, values: own, box: quartiles(own) };
  });
  const title = `${capital(measure.label)} of ${model}${by === "" ? "" : ` by ${by}`}`;
  const medians = groups.flatMap(({ name, box }) => (box === null ? [] : [`${name}: ${figure(box.median)}`]));
  return {
    file: fileName("distribution", measure.label),
    kind: "distribution",
    picture: groupsChart(
      {
        title,
        subtitle: `${seedsOf(grid)}: a point for each run, a box from quartile to quartile, a line at the median`,
        description: `Medians: ${medians.join("; ")}.`,
      },
      { name: measure.label, logarithmic: spansDecades(values) },
      groups,
      by,
    ),
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

// ----------------------------------------------------------------------------------------------------------- curves

/** None where no run got to the end of two epochs. */
function curves({ model, grid, cells, by }: About, of: keyof History): readonly Drawn[] {
  const lower = of === "loss" ? "training loss" : "validation loss";
  const name = capital(lower);
  const lines = cells.map(({ label, combination, trained }): Line => {
    const losses = trained.map(({ history }) => history[of] ?? []);
    const epochs = Math.max(0, ...losses.map(({ length }) => length));
    return {
      // A panel has no room for more.
      name: cells.length > MOST_COLORS ? combination.short : label,
      points: Array.from({ length: epochs }, (_, epoch) => {
        const spread = quartiles(losses.flatMap((all) => all[epoch] ?? []));
        return spread === null
          ? { x: epoch + 1, y: NaN }
          : { x: epoch + 1, y: spread.median, low: spread.low, high: spread.high };
      }),
    };
  });
  if (lines.every(({ points }) => points.length < 2)) return [];
  const saying = {
    title: `${name} of ${model} over epochs${by === "" ? "" : ` by ${by}`}`,
    subtitle: `${seedsOf(grid)}: the median, and a band from quartile to quartile`,
    description: `${counted(lines.length, "line")} of the ${lower} over epochs.`,
  };
  const values = lines.flatMap(({ points }) => points.map(({ y }) => y));
  const [x, y] = [{ name: "epoch" }, { name: lower, logarithmic: spansDecades(values) }];
  const picture =
    lines.length <= MOST_COLORS
      ? linesChart(saying, x, y, lines, by === "" ? undefined : by)
      : linePanels(saying, x, y, lines);
  return [{ file: of === "loss" ? "curves.svg" : "curves-validation.svg", kind: "curves", picture }];
}

// -------------------------------------------------------------------------------------------------------- heat maps

function heatMaps(about: About, measures: readonly Measure[]): readonly Drawn[] {
  const numeric = varying(about.grid.axes).filter(({ values }) =>
    values.every((value) => numberOf(value) !== null),
  );
  const pairs = numeric.flatMap((x, i) => numeric.slice(0, i).map((y) => ({ x, y })));
  return pairs
    .slice(0, MOST_PAIRS)
    .flatMap(({ x, y }) => telling(measures).map((measure) => heatMapOf(about, x, y, measure)));
}

function heatMapOf({ model, grid, cells }: About, x: Axis, y: Axis, measure: Measure): Drawn {
  const sorted = ({ values }: Axis): readonly string[] => values.toSorted((a, b) => Number(a) - Number(b));
  const [columns, rows] = [sorted(x), sorted(y).toReversed()];
  const [atX, atY] = [grid.axes.indexOf(x), grid.axes.indexOf(y)];
  const at = new Map<string, Trained[]>();
  const key = (column: string, row: string): string => `${column} ${row}`;
  for (const { combination, trained } of cells) {
    const place = key(combination.values[atX]!, combination.values[atY]!);
    const known = at.get(place);
    if (known === undefined) at.set(place, [...trained]);
    else known.push(...trained);
  }
  const found = columns.flatMap((column) =>
    rows.map((row) => {
      const trained = at.get(key(column, row)) ?? [];
      const median = quartiles(valuesOf(measure, trained))?.median ?? NaN;
      return { x: column, y: row, value: median, label: Number.isNaN(median) ? "failed" : brief(median) };
    }),
  );
  const known = found.flatMap(({ value }) => (Number.isNaN(value) ? [] : [value]));
  const others = varying(grid.axes).filter((axis) => axis !== x && axis !== y);
  const over = others.length === 0 ? "" : ` and all of ${others.map(({ name }) => name).join(", ")}`;
  return {
    file: fileName("heat", y.name, x.name, measure.label),
    kind: "heat map",
    picture: heatMap(
      {
        title: `${capital(measure.label)} of ${model} by ${y.name} and ${x.name}`,
        subtitle: `medians over ${counted(grid.seeds.length, "seed")}${over}`,
        description: found
          .map((cell) => `${y.name}=${cell.y}, ${x.name}=${cell.x}: ${cell.label}`)
          .join("; "),
      },
      { name: x.name, columns },
      { name: y.name, rows },
      { name: `median ${measure.label}`, logarithmic: spansDecades(known, 1) },
      found,
    ),
  };
}

/** For a cell: three digits. */
const brief = (value: number): string => {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)));
};
