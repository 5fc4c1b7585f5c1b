/**
 * Programs of the reference with a few words wrong: whatever stands in a file, the compiler answers
 * with diagnostics that help.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../compiler/analyze.ts";
import { primitives } from "../compiler/elaborate/primitives/table.ts";
import { page, programBlocks } from "./helpers/markdown.ts";

const programs = programBlocks(page("language.md"))
  .filter((block) => !block.options.includes("inside"))
  .map(({ text }) => text.match(/\/\/[^\n]*\n|\s+|\w+(?:\.\d+)?|\|>|=>|\.{2,3}|[<>=!]=|./g) ?? []);

const words = [
  ...new Set(programs.flat().filter((word) => !/^(?:\s|\/\/)/.test(word))),
  ...primitives.keys(),
  "0",
  "-1",
  "1.5",
  "1e9",
  "inf",
  "[]",
  "true",
  "all",
  "weights",
  "params",
];

const edit = fc.record({
  kind: fc.constantFrom("remove", "replace", "insert", "swap"),
  at: fc.nat(),
  other: fc.nat(),
  word: fc.constantFrom(...words),
});

function edited(
  program: readonly string[],
  edits: readonly (typeof edit extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const tokens = [...program];
  for (const { kind, at, other, word } of edits) {
    const [i, j] = [at % tokens.length, other % tokens.length];
    if (kind === "remove") tokens[i] = "";
    else if (kind === "replace") tokens[i] = word;
    else if (kind === "insert") tokens[i] = ` ${word} ${tokens[i]}`;
    else [tokens[i], tokens[j]] = [tokens[j]!, tokens[i]!];
  }
  return tokens.join("");
}

test(
  "a wrong program ends in diagnostics, each with a place and a way out",
  { timeout: 120_000 },
  async () => {
    const program = fc.tuple(fc.constantFrom(...programs), fc.array(edit, { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(program, async ([tokens, edits]) => {
        for (const d of await check(edited(tokens, edits), { file: "main.nn" })) {
          expect(d.message.length, d.code).toBeGreaterThan(0);
          expect(d.help, `${d.code}: ${d.message}`).toBeDefined();
          if (d.code !== "too-many-errors")
            expect(d.labels.length, `${d.code}: ${d.message}`).toBeGreaterThan(0);
        }
      }),
      { numRuns: Number(process.env["MUTATIONS"] ?? 1500), seed: 1 },
    );
  },
);

test.each([
  ["an operator of tensors on a number", "model M { input x: [N, 2] output y = 3' + x }"],
  ["an index into a number", "model M { input x: [N, 2] output y = x + 3[0] }"],
  ["a truth of a number", "model M { input x: [N, 2] output y = x output z = not 1 }"],
  ["a product with a scalar", "model M { input x: [N, 2] output y = 3 @ x }"],
  ["a return in a model", "model M { input x: [N, 2] output y = x return x }"],
  ["a row that not every batch has", "model M { input x: [N, 2] output y = x[1] }"],
])("%s is one error", async (_, text) => {
  const diagnostics = await check(text, { file: "main.nn" });
  expect(diagnostics.map((d) => d.severity)).toEqual(["error"]);
  expect(diagnostics[0]!.help).toBeDefined();
});
