/**
 * `nndsl derive`: the gradient as the formulas that a person would write down, with the names of
 * the source. The same rules make them that make the gradients of training; what is left out is
 * what only rounding needs.
 */
import type { Model } from "../graph/model.ts";
import type { Derivation, DeriveOptions } from "./derivation.ts";
import { questionOf } from "./question.ts";
import { namingOf } from "./read.ts";
import { Writer } from "./write.ts";

/**
 * The derivatives of a model's loss; of a model without one, what flows back from a gradient δ of
 * its outputs, and for a function of single numbers its derivative.
 * @param model as it is before `differentiate`
 * @throws DerivationError `nothing-to-derive` `unknown-wrt` `no-gradient`, DiagnosticError where an
 * op has no derivative
 */
export function derive(model: Model, options: DeriveOptions = {}): Derivation {
  const question = questionOf(model, options);
  const naming = namingOf(model, question.isFunction);
  return new Writer(question, naming, options.functionName ?? null).derivation();
}
