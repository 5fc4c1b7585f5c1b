/**
 * Random formulas with indices are worth what loops over their indices give, and so are their
 * gradients: beside the notation itself this holds the views, and the products that sums become.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { read } from "./helpers/elaborated.ts";
import {
  entriesIn,
  entryCases,
  faultOfFormula,
  formulas,
  rangeCases,
  rangesIn,
} from "./helpers/indexed-formulas.ts";

it("are worth what loops give, and so are their gradients", async () => {
  await fc.assert(
    fc.asyncProperty(formulas, async (drawn) => {
      expect(await faultOfFormula(drawn, analyze)).toBeNull();
    }),
    { numRuns: 150 },
  );
});

it.each(rangeCases)("%s: %s", async (formula, found) => expect(await rangesIn(formula, read)).toBe(found));

it.each(entryCases)("%s: %j", async (formula, entries) =>
  expect(await entriesIn(formula, read)).toEqual(entries),
);
