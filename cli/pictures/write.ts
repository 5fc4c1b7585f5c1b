/** Pictures as files. */
import { extname } from "node:path";
import { UsageError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import { expectWritable, writeFiles, type FileToWrite } from "../write-files.ts";
import { drawSvg, type DrawOptions, type Picture } from "./render.ts";

const formats = [".svg", ".png"] as const;
type Format = (typeof formats)[number];

/** What a picture was written as, and what its user should know of it. */
export interface DrawnFile {
  readonly file: FileToWrite;
  readonly notes: readonly string[];
}

/**
 * Sees to it that a picture can be written to `path` later, before long work is done for it.
 * @throws UsageError for another ending, and where the file cannot be written
 */
export function expectPicture(path: string): void {
  formatOf(path);
  expectWritable(path);
}

function formatOf(path: string): Format {
  const format = formats.find((f) => f === extname(path).toLowerCase());
  if (format !== undefined) return format;
  const named = `${extname(path) === "" ? path : path.slice(0, -extname(path).length)}.svg`;
  throw new UsageError("bad-option", `a picture is an .svg or a .png, but ${path} is named otherwise`, {
    file: path,
    help: `name it ${shellWord(named)}`,
  });
}

/** Draws a picture for `writeFiles`, as its file's ending says. @throws UsageError for another ending */
export async function pictureFile(
  path: string,
  picture: Picture,
  options: DrawOptions = {},
): Promise<DrawnFile> {
  const format = formatOf(path);
  const svg = await drawSvg(picture, options);
  if (format === ".svg") return { file: { path, bytes: svg }, notes: [] };
  const { svgPng } = await import("./png.ts");
  const { bytes, hasText } = await svgPng(svg);
  const notes = hasText
    ? []
    : [`this machine has no fonts, so ${path} has no text: write an .svg, or install a font`];
  return { file: { path, bytes }, notes };
}

/**
 * Draws a picture and writes it, as its file's ending says: .svg, or .png of twice as many pixels.
 * @returns notes for the user
 * @throws UsageError for another ending, and where the file cannot be written
 */
export async function writePicture(
  path: string,
  picture: Picture,
  options: DrawOptions = {},
): Promise<readonly string[]> {
  const { file, notes } = await pictureFile(path, picture, options);
  await writeFiles([file]);
  return notes;
}
