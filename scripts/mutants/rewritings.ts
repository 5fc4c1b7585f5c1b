/**
 * Rules that make formulas stable, with wrong right sides: the cases of
 * `test/passes-stabilize.test.ts` must notice.
 */
import type { Build } from "../../compiler/graph/build.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Rule as Rewriting } from "../../compiler/passes/rewrite.ts";
import { stabilizations } from "../../compiler/passes/rules/stabilizations.ts";
import { cases, faultOfCase, rulesOfCase } from "../../test/helpers/stabilize-cases.ts";
import type { Outcome, Tried } from "./outcome.ts";
import { tryRightSide } from "./wrong-right-side.ts";

/**
 * Wrong right sides of a rewriting. Each keeps the shape, so that nothing but a wrong number tells.
 */
const rewritings: readonly { readonly name: string; readonly of: (b: Build, right: Node) => Node }[] = [
  { name: "sign", of: (b, right) => b.neg(right) },
  { name: "factor 2", of: (b, right) => b.mul(right, 2) },
  { name: "term 1", of: (b, right) => b.add(right, 1) },
  { name: "nothing", of: (b, right) => b.zeros(right.shape) },
  { name: "no gradient", of: (b, right) => b.elementwise("stop_gradient", right) },
];

/** Rules that have tests of their own kind. */
const ELSEWHERE: readonly string[] = ["log1p", "expm1", "norm", "slice-of-concat"];

const formulas = Object.values(cases).map((one) => ({ one, fired: rulesOfCase(one) }));

/** Whether a case to which the rule applies notices the wrong right side. */
function tryRewriting(rule: Rewriting, of: (b: Build, right: Node) => Node): Outcome {
  const told = formulas.filter(({ fired }) => fired.has(rule.name));
  const outcomes = told.map(({ one }) => tryRightSide(rule, of, () => faultOfCase(one) !== null));
  return outcomes.length === 0 ? "no mutant" : outcomes.includes("caught") ? "caught" : "missed";
}

export const rewritingMutants = (): Tried[] =>
  stabilizations
    // Of use between layers, and tested with the simplifications.
    .filter((rule) => !ELSEWHERE.includes(rule.name))
    .map((rule) => ({
      name: rule.name,
      unsound: false,
      outcomes: rewritings.map(({ name, of }) => ({ name, outcome: tryRewriting(rule, of) })),
    }));

/** Cases that do not pass as they are. */
export const unsoundCases = (): string[] =>
  Object.entries(cases)
    .filter(([, one]) => faultOfCase(one) !== null)
    .map(([name]) => name);
