/**
 * Pictures from specifications: Vega-Lite draws them as SVG, in this process and without a browser.
 *
 * A picture is a Vega-Lite specification with a `title` that says what is seen and a `description`
 * for who cannot see it. The theme gives fonts, sizes and colors; charts that several commands need
 * are made by the functions of `charts.ts`. Two rules keep names and texts of users data:
 *
 * - fields of `data.values` have fixed names of ours (`x`, `y`, `series`), never a user's, since
 *   Vega-Lite reads dots and brackets in them;
 * - nothing of a user's stands in an expression, as `transform: { calculate }`, `filter` and
 *   `sort: […]` are. An order is given by `scale: { domain }`.
 *
 * The libraries are loaded when the first picture is drawn.
 */
import { createHash } from "node:crypto";
import type { Item, LoggerInterface } from "vega";
import type { TopLevelSpec } from "vega-lite";
import { visible } from "../../grammar/text-position.ts";
import { configOf, type Theme } from "./theme.ts";
import { textWidth } from "./text-width.ts";

/** A title, and beneath it a smaller one; of several lines where it is a list. */
export interface PictureTitle {
  readonly text: string | string[];
  readonly subtitle?: string | string[];
}

export type Picture = TopLevelSpec & {
  /** What is seen. */
  readonly title: PictureTitle;
  /** What it shows, in a sentence or two. */
  readonly description: string;
};

export interface DrawOptions {
  /** Light where nothing is said. */
  readonly theme?: Theme;
}

/**
 * A picture as SVG: the same text for the same picture, on every machine. It refers to nothing
 * outside of itself, and its ids are its own, so that one page may hold several.
 */
export function drawSvg(picture: Picture, { theme = "light" }: DrawOptions = {}): Promise<string> {
  // Vega numbers what it defines as it draws, for all pictures of the process: one at a time.
  const drawn = drawing.then(() => draw(picture, theme));
  drawing = drawn.catch(() => undefined);
  return drawn;
}

let drawing: Promise<unknown> = Promise.resolve();

async function draw(picture: Picture, theme: Theme): Promise<string> {
  const { vega, compile } = await libraries();
  const { spec } = compile(withoutMembers(picture), { config: configOf(theme), logger: quiet() });
  const view = new vega.View(vega.parse(spec), { renderer: "none", loader: noLoader, logger: quiet() });
  try {
    vega.resetSVGDefIds();
    return finish(await view.toSVG(), picture, theme);
  } finally {
    view.finalize();
  }
}

/**
 * Vega looks a title up among its operators by name, and takes for one what every object has, such as `constructor`. A space
 * at the end makes another name of it that looks the same.
 */
function withoutMembers<T>(part: T, key = ""): T {
  if (typeof part === "string")
    // The text with a space is a string as the one without.
    return (titles.has(key) && part in Object.prototype ? `${part} ` : part) as T;
  if (typeof part !== "object" || part === null || key === "data") return part;
  if (Array.isArray(part)) {
    // Lines of a title, or parts of the picture, each as it was.
    return part.map((entry: unknown) => withoutMembers(entry, key)) as T;
  }
  // As above, by the name of each.
  return Object.fromEntries(
    Object.entries(part).map(([name, entry]: [string, unknown]) => [name, withoutMembers(entry, name)]),
  ) as T;
}

const titles: ReadonlySet<string> = new Set(["title", "subtitle", "text"]);

/** Vega warns of what a picture is allowed to be, such as one with no points. */
function quiet(): LoggerInterface {
  const logger: LoggerInterface = {
    // A getter and a setter in one, as Vega has it.
    level: (() => logger) as LoggerInterface["level"],
    error: (...args) => {
      throw args[0] instanceof Error ? args[0] : new Error(args.map(String).join(" "));
    },
    warn: () => logger,
    info: () => logger,
    debug: () => logger,
  };
  return logger;
}

/** An image may be part of a picture; nothing is fetched. */
const noLoader = {
  options: {},
  load: () => Promise.reject(new Error("a picture loads nothing")),
  file: () => Promise.reject(new Error("a picture loads nothing")),
  http: () => Promise.reject(new Error("a picture loads nothing")),
  sanitize: (href: string) =>
    href.startsWith("data:image/png;base64,")
      ? Promise.resolve({ href })
      : Promise.reject(new Error("a picture refers to nothing")),
};

/** What Vega measures text with; its types do not tell of it. */
interface TextMetrics {
  /** Whether a canvas measures, where the package `canvas` happens to be there. */
  canvas(use: boolean): void;
  width(item: Item & TextStyle, text: string): number;
}

interface TextStyle {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
  /** The most pixels that it may take; longer text is cut. */
  readonly limit?: number;
}

/** Loads the libraries, for who will draw when something else is done. */
export function warmUp(): void {
  // A failure is told by the call that draws.
  libraries().catch(() => {});
}

let loaded: ReturnType<typeof loadLibraries> | undefined;

const libraries = (): ReturnType<typeof loadLibraries> => (loaded ??= loadLibraries());

async function loadLibraries() {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  // The module exports it, see vega-scenegraph/src/util/text.js.
  const { textMetrics } = vega as unknown as { readonly textMetrics: TextMetrics };
  textMetrics.canvas(false);
  textMetrics.width = ({ fontSize = 11, fontWeight = 400, limit = 0 }, text) => {
    const isBold = fontWeight === "bold" || Number(fontWeight) >= 600;
    const width = textWidth(String(text ?? "").trim(), fontSize, isBold);
    // Vega asks for a text before and after it cuts it.
    return limit > 0 ? Math.min(width, limit) : width;
  };
  return { vega, compile };
}

// ----------------------------------------------------------------------------------------------- afterwards

/** Characters that XML has no way to write, or that turn text around. */
const unwritable = /[^\P{C}\n\t]|[\u2028\u2029]/gu;
const isNoCharacter = /[\uFFFE\uFFFF]/;

const written = (text: string): string =>
  text.replaceAll(unwritable, (character) => (isNoCharacter.test(character) ? "\uFFFD" : visible(character)));

/** Title, description and ids of its own. */
function finish(svg: string, picture: Picture, theme: Theme): string {
  const { text, subtitle = [] } = picture.title;
  const title = [text].flat().join(" ");
  const description = [[subtitle].flat().join(" "), picture.description]
    .filter((part) => part !== "")
    .join(". ");
  const own = createHash("sha256")
    .update(JSON.stringify([picture, theme]))
    .digest("hex")
    .slice(0, 8);
  return `${written(svg)
    .replaceAll(/(\bid="|url\(#)((?:clip|p_|gradient_)\w+)/g, `$1${own}-$2`)
    .replace(
      /^<svg [^>]*>/,
      (tag) =>
        `${tag.slice(0, -1)} role="img" aria-label="${escaped(title)}"><title>${escaped(title)}</title><desc>${escaped(description)}</desc>`,
    )}\n`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escaped = (text: string): string =>
  written(text).replaceAll(/[&<>"]/g, (character) => entities[character]!);
