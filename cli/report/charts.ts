/** The charts of the page: curves over steps, drawn once for light and dark. */
import { linesChart, spansDecades, titleOf, type Quantity, type Saying } from "../pictures/charts.ts";
import { rampOf } from "../pictures/pixels.ts";
import { drawSvg, type Picture } from "../pictures/render.ts";
import { colorsOf } from "../pictures/theme.ts";
import { Html } from "./html.ts";
import type { Curve } from "./run.ts";

/** Pixels of a plot, without its axes: a chart fits on a phone nearly unscaled. */
const WIDTH = 330;
const HEIGHT = 190;

/** Lines that eyes can tell apart by their colors; more get a scale of colors by depth. */
const MOST_CATEGORIES = 6;

/** A chart of curves over the steps of the run. */
export function stepsChart(
  saying: Saying,
  value: string,
  curves: readonly Curve[],
  more: {
    readonly legend: string;
    /** The axis begins at 0 and is linear. */
    readonly zero?: boolean;
    /** The first curve is what the others are means of: it stands back. */
    readonly firstIsFaint?: boolean;
  },
): Picture {
  const shown = curves.filter(({ points }) => points.length > 0);
  const values = shown.flatMap(({ points }) => points.map(({ y }) => y));
  // A loss may round to 0 at times, which such an axis has no place for.
  const decades = values.every((value) => value >= 0) && spansDecades(values.filter((value) => value > 0));
  const y: Quantity = { name: value, logarithmic: decades && more.zero !== true, zero: more.zero === true };
  const chart = linesChart(saying, { name: "step" }, y, shown, more.legend);
  // `linesChart` tells lines apart by the field `series`; what it is shown by is replaced.
  const { encoding, ...rest } = chart as Picture & { readonly encoding: object };
  const domain = shown.map(({ name }) => name);
  const perSeries = (range: readonly (string | number)[]): object => ({
    field: "series",
    type: "nominal",
    scale: { domain, range },
    legend: null,
  });
  const faint = more.firstIsFaint === true && shown.length > 1;
  return {
    ...rest,
    width: WIDTH,
    height: HEIGHT,
    title: titleOf(saying, WIDTH - 40),
    encoding: {
      ...encoding,
      color: {
        ...perSeries(
          shown.length > MOST_CATEGORIES
            ? shown.map((_, i) => along(i / (shown.length - 1)))
            : pageCategories,
        ),
        legend: shown.length === 1 ? null : legendOf(more.legend, domain),
      },
      strokeWidth: perSeries(shown.map((_, i) => (faint && i === 0 ? 1 : 2))),
      opacity: perSeries(shown.map((_, i) => (faint && i === 0 ? 0.45 : 1))),
    },
  } as Picture;
}

const pageCategories = colorsOf.light.categories;

/** Beneath the plot, in as many columns as the longest name allows. */
function legendOf(title: string, names: readonly string[]): object {
  const longest = Math.max(...names.map((name) => name.length));
  return {
    title: title === "" ? null : title,
    orient: "bottom",
    columns: Math.max(1, Math.floor(WIDTH / (longest * 6.5 + 34))),
    symbolLimit: 24,
    labelLimit: WIDTH - 40,
    symbolType: "stroke",
    symbolStrokeWidth: 3,
  };
}

/** Colors that are seen on light and on dark ground. */
const shades = rampOf(["#0072b2", "#009e73", "#e69f00", "#d55e00"]);

const along = (share: number): string =>
  `#${shades(share)
    .map((channel) => channel.toString(16).padStart(2, "0"))
    .join("")}`;

/**
 * A picture as part of the page: the colors of the light theme become the page's own, which are
 * others in the dark.
 */
export async function pageSvg(picture: Picture): Promise<Html> {
  const svg = await drawSvg(picture, { theme: "light" });
  return new Html(svg.replaceAll(/#[0-9a-f]{6}\b/g, (color) => variables.get(color) ?? color));
}

const names = (theme: "light" | "dark"): readonly (readonly [name: string, color: string])[] => {
  const { background, text, quiet, grid, categories } = colorsOf[theme];
  return [
    ["background", background],
    ["text", text],
    ["quiet", quiet],
    ["grid", grid],
    ...categories.map((color, i) => [`category-${i}`, color] as const),
  ];
};

const variables: ReadonlyMap<string, string> = new Map(
  names("light")
    .toReversed()
    .map(([name, color]) => [color, `var(--chart-${name})`]),
);

/** The page's colors for pictures, as declarations of CSS. */
export const chartColors = (theme: "light" | "dark"): string =>
  names(theme)
    .map(([name, color]) => `--chart-${name}: ${color};`)
    .join(" ");
