/**
 * Formulas with indices, read wrongly: ranges, subscripts, and reductions. Random formulas must differ
 * from loops, or what is said of wrong ones from what it was.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type * as notation from "../../test/helpers/notation.ts";
import {
  entriesIn,
  entryCases,
  faultOfFormula,
  formulas,
  rangeCases,
  rangesIn,
} from "../../test/helpers/indexed-formulas.ts";
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
  "compiler/elaborate/indices/entries.ts": [
    ["minus is nothing", "ofForm(scaleForm(a, -1))", "ofForm(a)"],
    ["a difference is a sum", "ofForm(addForms(a, b, -1))", "ofForm(addForms(a, b))"],
    ["no factor on the right", "ofForm(scaleForm(a, b.constant))", "ofForm(a)"],
    ["no factor on the left", "ofForm(scaleForm(b, a.constant))", "ofForm(b)"],
    [
      "indices without factors as numbers",
      "coefficient === 1 ? counted : build.mul(counted, coefficient)",
      "counted",
    ],
    ["indices from 0 on as numbers", "constant === 0 ? sum : build.add(sum, constant)", "sum"],
    ["the last of a sum of indices", "sum === null ? term : build.add(sum, term)", "term"],
    ["every index is the first as a number", "space.axes.indexOf(axis),", "0,"],
  ],
  "compiler/elaborate/indices/space.ts": [
    ["indices one longer", "coefficient * (countOf(axis.size) - 1)", "coefficient * countOf(axis.size)"],
    ["bounds exchanged", "if (reach > 0) most += reach;", "if (reach < 0) most += reach;"],
    ["signs of terms", "?? 0) + factor * coefficient", "?? 0) + coefficient"],
    ["signs of constants", "a.constant + factor * b.constant", "a.constant + b.constant"],

    ["an index and a number is an index", "constant === 0 && first![1] === 1", "first![1] === 1"],
    ["an index times a number is an index", "constant === 0 && first![1] === 1", "constant === 0"],
    ["inner indices outside", "axes: [...around.axes, ...axes]", "axes: [...axes, ...around.axes]"],
  ],
  "compiler/elaborate/indices/read-sites.ts": [
    ["signs of terms", "?? 0) + factor * coefficient", "?? 0) + coefficient"],
    ["signs of constants", "a.constant + factor * b.constant", "a.constant + b.constant"],
    [
      "minus is plus",
      'if (e.operator === "-") return combine(left, right, -1);',
      'if (e.operator === "-") return combine(left, right, 1);',
    ],
    ["no factor on the left", "combine(zero, right, left.constant)", "combine(zero, right, 1)"],
    ["of the first axis", "size: shape[axis]!, span", "size: shape[0]!, span"],
    ["dots for the first axes", "shape.slice(axis, axis + count)", "shape.slice(0, count)"],
    ["ranges from anywhere", "start.value !== 0", "start.value < 0"],
    ["no index stands alone", "(names.get(item.value.text) ?? null) : null", "null : null"],
  ],
  "compiler/elaborate/indices/align.ts": [
    ["dots for one axis fewer", "shape.length - (e.items.length - 1)", "shape.length - e.items.length"],
    ["one axis for dots", "axis += count;", "axis += 1;"],
    ["any number of subscripts", "(dots.length === 0 && shape.length !== e.items.length)", "false"],
  ],
};

export const notationMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof notation>(mistakes, "test/helpers/notation.ts", isNoticed);

async function isNoticed({ analyze, check, read }: typeof notation): Promise<boolean> {
  for (const [formula, found] of rangeCases) if ((await rangesIn(formula, read)) !== found) return true;
  for (const [formula, entries] of entryCases)
    if (!isDeepStrictEqual(await entriesIn(formula, read), entries)) return true;
  for (const one of drawn) if ((await faultOfFormula(one, analyze)) !== null) return true;
  for (const { source, said } of wrong) {
    const messages = (await check(source)).map(({ code, message }) => `error[${code}]: ${message}`);
    if (messages.some((message) => !said.includes(message))) return true;
    if (messages.length !== said.match(/^error\[/gm)?.length) return true;
  }
  return false;
}
