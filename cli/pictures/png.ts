/** SVG as pixels. */
import { createRequire } from "node:module";

export interface Png {
  readonly bytes: Uint8Array;
  /** Whether its text can be read: a machine may have no fonts. */
  readonly hasText: boolean;
}

/** Pixels of the image for one of the picture, so that it is sharp on screens of today. */
const DENSITY = 2;

/**
 * Fonts for machines that have none: those of KaTeX, where it is installed.
 */
const spareFonts = ["KaTeX_SansSerif-Regular.ttf", "KaTeX_SansSerif-Bold.ttf", "KaTeX_Main-Regular.ttf"];

/** @param fonts `none` does as if the machine had no fonts of its own */
export async function svgPng(svg: string, fonts: "system" | "none" = "system"): Promise<Png> {
  const { Resvg } = await import("@resvg/resvg-js");
  const draw = (text: string, font: object): Uint8Array =>
    new Resvg(text, { font, fitTo: { mode: "zoom", value: DENSITY }, logLevel: "off" }).render().asPng();
  const own = { loadSystemFonts: fonts === "system" };
  const spare = { loadSystemFonts: false, fontFiles: spareFiles(), defaultFontFamily: "KaTeX_SansSerif" };
  const font = [own, spare].find((candidate) => writes(draw, candidate));
  return { bytes: draw(svg, font ?? own), hasText: font !== undefined };
}

/** Whether a letter leaves a trace. */
function writes(draw: (text: string, font: object) => Uint8Array, font: object): boolean {
  const page = (text: string): string =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="16" font-family="sans-serif">${text}</text></svg>`;
  return Buffer.compare(draw(page("x"), font), draw(page(""), font)) !== 0;
}

function spareFiles(): string[] {
  const { resolve } = createRequire(import.meta.url);
  return spareFonts.flatMap((name) => {
    try {
      return [resolve(`katex/dist/fonts/${name}`)];
    } catch {
      return [];
    }
  });
}
