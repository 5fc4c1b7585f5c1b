import type { Model } from "../graph/model.ts";
import { runPasses } from "../passes/pipeline.ts";
import { applyRules } from "../passes/rewrite.ts";
import { simplifications } from "../passes/rules/simplifications.ts";

/**
 * Rules of `simplify` that spare work and hide the formula: 1/x by itself, products of depth 1 as
 * outer ones.
 */
const UNREADABLE: ReadonlySet<string> = new Set([
  "constant-last",
  "divide-by-power-of-two",
  "merge-factors",
  "outer-product",
  "product-with-scale",
  "permute-ones",
]);

const readableSimplifications = simplifications.filter(({ name }) => !UNREADABLE.has(name));

/** Values and gradients as a person would write them: simplified by the readable rules alone. */
export const derivedReadably = (model: Model): Model =>
  runPasses(model, "differentiate", "simplify", {
    // A recurrence is read as it was written.
    fission: (given) => given,
    simplify: (given) => applyRules(given, "simplify", readableSimplifications),
  });
