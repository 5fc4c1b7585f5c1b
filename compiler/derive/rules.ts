import { simplifications } from "../passes/rules/simplifications.ts";

/** Rules of `simplify` that spare work and hide the formula: 1/x by itself, products of depth 1 as outer ones. */
const UNREADABLE: ReadonlySet<string> = new Set([
  "constant-last",
  "divide-by-power-of-two",
  "merge-factors",
  "outer-product",
  "product-with-scale",
  "permute-ones",
]);

/** The simplifications that make a formula easier to read. */
export const readableSimplifications = simplifications.filter(({ name }) => !UNREADABLE.has(name));
