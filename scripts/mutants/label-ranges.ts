/** What values an input of labels may have, worked out wrongly. */
import { isDeepStrictEqual } from "node:util";
import type * as elaborated from "../../test/helpers/elaborated.ts";
import { labelCases, labelsOf } from "../../test/helpers/label-cases.ts";
import { type Mistake, tryMistakes } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: readonly Mistake[] = [
  ["one more", "least: 0, most: use.count - 1", "least: 0, most: use.count"],
  ["from 1 on", "least: 0, most: use.count - 1", "least: 1, most: use.count - 1"],
  ["the last use", "before === undefined ? range : common(before, range)", "range"],
  ["add is sub", "(c) => moved(range, -c)", "(c) => moved(range, c)"],
  ["c - x is x - c", "moved(negated(range), c))", "moved(range, c))"],
  ["x - c is x + c", ": beside(a!, b!, (c) => moved(range, c))", ": beside(a!, b!, (c) => moved(range, -c))"],
  ["mul is nothing", "divided(range, c)))", "range))"],
  ["neg is nothing", "[[a!, negated(range)]]", "[[a!, range]]"],
  ["min is max", "raised(negated(range), -c)", "raised(range, c)"],
  ["abs of positive numbers", "least: -range.most, most: range.most", "least: 0, most: range.most"],
  ["bounds the other way", "Math.ceil(low / c)", "Math.floor(low / c)"],
  ["a bound beyond", "Math.floor(high / c)", "Math.ceil(high / c)"],
  ["nothing below max", "least: -Infinity, most: range.most", "least: range.least, most: range.most"],
  ["labels that are ignored are refused", "[...range.besides, c]", "range.besides"],
  ["any other label will do", "|| !includes(range, given)", ""],
  ["of another tensor", "|| uncast(compared) !== uncast(x)", ""],
  ["not equal is equal", "equal ? [then!, otherwise!] : [otherwise!, then!]", "[then!, otherwise!]"],
  [
    "ignored by any use",
    "filter((v) => includes(a, v) && includes(b, v))",
    "filter((v) => includes(a, v) || includes(b, v))",
  ],
  ["the wider of two", "Math.max(a.least, b.least)", "Math.min(a.least, b.least)"],
  ["the longer of two", "Math.min(a.most, b.most)", "Math.max(a.most, b.most)"],
  ["tables are not looked at", "{ labels: y!, count: countOf(rows) }", "null"],
];

const code = {
  file: "compiler/elaborate/label-ranges.ts",
  entry: "test/helpers/elaborated.ts",
};

export const labelRangeMutants = async (): Promise<Tried[]> => [
  await tryMistakes<typeof elaborated>(code, mistakes, async ({ modelOf }) => {
    for (const [uses, labels] of labelCases)
      if (!isDeepStrictEqual(await labelsOf(uses, modelOf), labels)) return true;
    return false;
  }),
];
