/**
 * ARCHITECTURE.md quotes what each stage prints of its example; this holds the quotes to the
 * compiler. `node scripts/quote-stages.ts` writes them anew.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile, type StageName } from "../compiler/index.ts";

const page = readFileSync(new URL("../ARCHITECTURE.md", import.meta.url), "utf8");
const source = /```nndsl\n([\s\S]*?)```/.exec(page)![1]!;
const quotes = [...page.matchAll(/<!-- stage: (\w+) -->\n+```text\n([\s\S]*?)\n```/g)].map((match) => ({
  // The pattern's group is one word, and the test fails where no stage has that name.
  stage: match[1] as StageName,
  parts: match[2]!.split("\n…\n"),
}));

test("every stage that is quoted prints that", async () => {
  const { stages } = await compile(source, { file: "linear.nn", wat: true });
  expect(new Set(quotes.map((quote) => quote.stage))).toEqual(
    new Set(["ast", "ir", "grad", "kernels", "as"]),
  );
  for (const { stage, parts } of quotes) for (const part of parts) expect(stages[stage]).toContain(part);
});
