/**
 * Programs in the pages of `docs/`: fenced blocks tagged `nndsl`, with the heading that they stand
 * under.
 */
import { readFileSync } from "node:fs";

export interface ProgramBlock {
  readonly text: string;
  /** What follows `nndsl` on the line of the fence: `set:units=4`, `model=A`. */
  readonly options: readonly string[];
  /** The last heading before it, without its marks. */
  readonly heading: string;
  /** Line of its fence, from 1. */
  readonly line: number;
}

export const page = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

export function programBlocks(markdown: string): ProgramBlock[] {
  const blocks: ProgramBlock[] = [];
  let heading = "";
  let open: { readonly tag: string; readonly line: number; readonly lines: string[] } | null = null;
  for (const [i, line] of markdown.split("\n").entries()) {
    if (open !== null) {
      if (line.trim() !== "```") open.lines.push(line);
      else {
        const [language, ...options] = open.tag.split(/\s+/);
        if (language === "nndsl")
          blocks.push({ text: open.lines.join("\n"), options, heading, line: open.line });
        open = null;
      }
    } else if (line.startsWith("```")) open = { tag: line.slice(3).trim(), line: i + 1, lines: [] };
    else if (/^#+ /.test(line)) heading = line.replace(/^#+ /, "").replaceAll("`", "");
  }
  if (open !== null) throw new Error(`the block in line ${open.line} is never closed`);
  return blocks;
}

/**
 * The values of options `key=value` or `key:name=value`, by what stands between `key` and the last
 * `=`.
 */
export const optionOf = (block: ProgramBlock, key: string): string | undefined =>
  block.options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);

export const settingsOf = (block: ProgramBlock): Record<string, string> =>
  Object.fromEntries(
    block.options.flatMap((option) => {
      const [, name, value] = /^set:(\w+)=(.*)$/.exec(option) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
