import type { Model } from "../graph/model.ts";
import { loopsApart } from "./loops-apart.ts";
import { applyRules } from "./rewrite.ts";
import { simplifications } from "./rules/simplifications.ts";

/**
 * The model with less to compute: every value is what it was, to rounding, and NaN and infinity
 * stay where they were.
 */
export const simplify = (model: Model): Model =>
  loopsApart(applyRules(model, "simplify", simplifications)).model;
