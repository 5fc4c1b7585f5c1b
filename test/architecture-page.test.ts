/**
 * ARCHITECTURE.md quotes what each stage prints of its examples; this holds the quotes to the
 * compiler. `node scripts/quote-stages.ts` writes them anew.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile, type StageName } from "../compiler/index.ts";

const page = readFileSync(new URL("../ARCHITECTURE.md", import.meta.url), "utf8");
/** Each program, with the quotes up to the next one. */
const programs = page
  .split(/^(?=```nndsl$)/m)
  .slice(1)
  .map((part) => ({
    source: /```nndsl\n([\s\S]*?)```/.exec(part)![1]!,
    quotes: [...part.matchAll(/<!-- stage: (\w+) -->\n+```text\n([\s\S]*?)\n```/g)].map((match) => ({
      // The pattern's group is one word, and the test fails where no stage has that name.
      stage: match[1] as StageName,
      parts: match[2]!.split("\n…\n"),
    })),
  }));

test("a linear classifier is quoted at every stage", () => {
  expect(new Set(programs[0]!.quotes.map(({ stage }) => stage))).toEqual(
    new Set(["ast", "ir", "grad", "kernels", "as"]),
  );
});

test.each(programs)("every stage that is quoted prints that", async ({ source, quotes }) => {
  const { stages } = await compile(source, { file: "page.nn", wat: true });
  for (const { stage, parts } of quotes) for (const part of parts) expect(stages[stage]).toContain(part);
});
