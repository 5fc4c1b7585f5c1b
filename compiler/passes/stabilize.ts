import type { Model } from "../graph/model.ts";
import { applyRules } from "./rewrite.ts";
import { stabilizations } from "./rules/stabilizations.ts";

/**
 * The model with formulas as textbooks write them replaced by ops that have good values and good
 * derivatives. Comes before differentiation, while the patterns are still whole.
 */
export const stabilize = (model: Model): Model => applyRules(model, "stabilize", stabilizations);
