/**
 * Formulas with indices, read wrongly: ranges, subscripts, and reductions. Random formulas must differ
 * from loops, or what is said of wrong ones from what it was.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type * as notation from "../../test/helpers/notation.ts";
import { faultOfFormula, formulas, rangeCases, rangesIn } from "../../test/helpers/indexed-formulas.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const drawn = fc.sample(fc.noBias(formulas), { numRuns: 40, seed: 5 });
const wrong = ["index-entries", "index-ranges"].map((name) => {
  const of = (end: string): string =>
    readFileSync(new URL(`../../test/errors/${name}.${end}`, import.meta.url), "utf8");
  return { source: of("nn"), said: of("txt") };
});

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/elaborate/indices/ranges.ts": [
    ["a longer range of an axis", "draft.size = first.size;", "draft.size = fixed(countOf(first.size) + 1);"],
    ["one fewer in sums", "/ Math.abs(coefficient)) + 1", "/ Math.abs(coefficient))"],
    ["one more in sums", "/ Math.abs(coefficient)) + 1", "/ Math.abs(coefficient)) + 2"],
    ["the largest of ranges", "fixed(Math.min(...", "fixed(Math.max(..."],
    ["factors are not counted", "factor * (countOf(other.size) - 1)", "countOf(other.size) - 1"],
    ["axes that differ", "!sameSize(size, first.size)", "false"],
    ["down is up", "coefficient > 0 ? countOf(size) - 1 - most : least", "countOf(size) - 1 - most"],
  ],
  "compiler/elaborate/indices/entry-of.ts": [
    ["diagonals the other way", "(rows * columns)", "(columns * columns)"],
    ["no step from row to row", "formAt(subscripts, p), columns)", "formAt(subscripts, p), 1)"],
    ["the last counted from the start", "countOf(whole) + constant) : constant", "-constant) : constant"],
    ["sums from 0 on", "at: { start: least, fromEnd: false", "at: { start: 0, fromEnd: false"],
    ["one index from 0 on", "at: { start: form.constant, fromEnd", "at: { start: 0, fromEnd"],
    ["one index step by step", "step: isOne(size) ? 1 : first![1]", "step: 1"],
    ["no dilation", "dilation: Math.abs(coefficient)", "dilation: 1"],
    ["no stride", "isLast ? Math.abs(terms[0]![1]) : 1", "1"],
    ["none counts down", "if (down.size > 0)", "if (down.size > 99)"],
    ["beyond the axis", "most < count;", "most <= count;"],
    ["below the axis", "least >= 0 &&", ""],
  ],
  "compiler/elaborate/indices/formula.ts": [
    ["the axes before", "axes = indices.map((_, i) => rank + i)", "axes = indices.map((_, i) => i)"],
    ["a mean that is a sum", "build.count(x.shape.slice(rank))", "build.count([])"],
    ["max is min", "`reduce_${reducer}`", '`reduce_${reducer === "max" ? "min" : "max"}`'],
    [
      "one index of a sum",
      "[...before, ...axes.map(({ size }) => size)]",
      "[...before, ...axes.map(() => ONE)]",
    ],
  ],
  "compiler/elaborate/indices/subscripts.ts": [
    ["nothing is outside", "if (isInside(form, size)) return;", "return;"],
    ["axes of dots from the first on", "slice(dots!.length - count)", "slice(0, count)"],
  ],
};

export const notationMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof notation>(mistakes, "test/helpers/notation.ts", isNoticed);

async function isNoticed({ analyze, check, read }: typeof notation): Promise<boolean> {
  for (const [formula, found] of rangeCases) if ((await rangesIn(formula, read)) !== found) return true;
  for (const one of drawn) if ((await faultOfFormula(one, analyze)) !== null) return true;
  for (const { source, said } of wrong) {
    const messages = (await check(source)).map(({ code, message }) => `error[${code}]: ${message}`);
    if (messages.some((message) => !said.includes(message))) return true;
    if (messages.length !== said.match(/^error\[/gm)?.length) return true;
  }
  return false;
}
