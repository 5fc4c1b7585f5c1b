/**
 * How pictures look: fonts, sizes, and colors that people with color blindness can tell apart, on
 * light and on dark ground.
 */
import type { Config } from "vega-lite";

export type Theme = "light" | "dark";

/** The first of these that a machine has; their widths are alike. */
export const FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/** Colors by what they are for. */
export interface Colors {
  readonly background: string;
  /** Of titles and labels. */
  readonly text: string;
  /** Of subtitles, axes and what explains. */
  readonly quiet: string;
  readonly grid: string;
  /** Of Okabe and Ito (2008), in an order that keeps neighbors apart, without what the ground hides. */
  readonly categories: readonly string[];
  /** From negative, blue, by the ground's own to positive, orange. */
  readonly diverging: readonly string[];
}

export const colorsOf: Readonly<Record<Theme, Colors>> = {
  light: {
    background: "#ffffff",
    text: "#1a1d21",
    quiet: "#5b6168",
    grid: "#e4e6e9",
    categories: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1a1d21", "#8a8f96"],
    diverging: ["#004c7f", "#5ba3cf", "#f4f4f2", "#f0a35e", "#a34700"],
  },
  dark: {
    background: "#15181c",
    text: "#eceef0",
    quiet: "#a3a9b1",
    grid: "#2d3238",
    categories: ["#56b4e9", "#e69f00", "#00b884", "#cc79a7", "#f0e442", "#d55e00", "#eceef0", "#8a8f96"],
    diverging: ["#8fd0f7", "#2f7fb5", "#23272c", "#c66a1b", "#ffc07f"],
  },
};

/** Width of the plot, without its axes, where a picture does not say. */
export const WIDTH = 480;
export const HEIGHT = 300;

/** Pixels of the longest label. */
const LABEL = 260;

/** What Vega-Lite is given for all that a picture leaves open. */
export function configOf(theme: Theme): Config {
  const { background, text, quiet, grid, categories, diverging } = colorsOf[theme];
  return {
    background,
    font: FONT,
    padding: 16,
    view: { continuousWidth: WIDTH, continuousHeight: HEIGHT, stroke: null },
    title: {
      anchor: "start",
      frame: "group",
      color: text,
      fontSize: 15,
      fontWeight: "bold",
      subtitleColor: quiet,
      subtitleFontSize: 12,
      subtitlePadding: 6,
      offset: 14,
    },
    axis: {
      labelColor: quiet,
      labelFontSize: 11,
      labelFlush: false,
      // The title stands beside the longest label.
      maxExtent: 2 * LABEL,
      labelLimit: LABEL,
      titleColor: text,
      titleFontSize: 12,
      titleFontWeight: "normal",
      titlePadding: 8,
      gridColor: grid,
      domainColor: quiet,
      tickColor: quiet,
    },
    axisDiscrete: { grid: false },
    header: { labelColor: text, labelFontSize: 12, titleColor: text, titleFontSize: 12, labelLimit: LABEL },
    legend: {
      labelColor: quiet,
      labelFontSize: 11,
      labelLimit: LABEL,
      titleColor: text,
      titleFontSize: 12,
      titleFontWeight: "normal",
      symbolOpacity: 1,
    },
    // A picture has its title and description; a label for each of 10,000 points would bury them.
    mark: { color: categories[0]!, aria: false },
    line: { strokeWidth: 2 },
    rule: { color: quiet },
    text: { color: text, fontSize: 11 },
    range: {
      category: [...categories],
      diverging: [...diverging],
      heatmap: { scheme: "cividis" },
      ramp: { scheme: "cividis" },
      ordinal: { scheme: "cividis" },
    },
  };
}
