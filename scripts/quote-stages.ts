/**
 * Writes the quotes of ARCHITECTURE.md anew: what each stage prints of the program above it. A quote
 * begins with the line it began with, and ends with the block that it is of; one that stops within
 * a block keeps its number of lines.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { compile, type StageName } from "../compiler/index.ts";

const file = new URL("../ARCHITECTURE.md", import.meta.url);
const page = readFileSync(file, "utf8");

/** The lines of `text` from the one that is the first of `quote` to the end of its block. */
function again(quote: string, text: string): string {
  const old = quote.split("\n");
  const lines = text.split("\n");
  const start = lines.indexOf(old[0] ?? "");
  if (start < 0) throw new Error(`no stage prints the line any more: ${old[0]}`);
  const isFunction = old.at(-1) === "}";
  const end = lines.findIndex((line, i) => i > start && (isFunction ? line === "}" : line === ""));
  const whole = lines.slice(start, isFunction ? end + 1 : end < 0 ? lines.length : end);
  return (old[0]?.startsWith("arena:") ? whole.slice(0, old.length) : whole).join("\n");
}

// What stands before the first program, then each with what follows it.
const parts = page.split(/^(?=```nndsl$)/m);
const written = await Promise.all(
  parts.map(async (part) => {
    const source = /^```nndsl\n([\s\S]*?)```/.exec(part)?.[1];
    if (source === undefined) return part;
    const { stages } = await compile(source, { file: "page.nn", wat: true });
    return part.replaceAll(
      /(<!-- stage: (\w+) -->\n+```text\n)([\s\S]*?)(\n```)/g,
      (_, head: string, stage: string, quote: string, tail: string) =>
        // The test of the page holds that each is a stage; all are asked for.
        head +
        quote
          .split("\n…\n")
          .map((lines) => again(lines, stages[stage as StageName]!))
          .join("\n…\n") +
        tail,
    );
  }),
);
writeFileSync(file, written.join(""));
