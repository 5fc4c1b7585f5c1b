/** Derivatives as formulas: what `nndsl derive` shows. */
export {
  DerivationError,
  type Derivation,
  type DerivedFormula,
  type DeriveOptions,
  type Line,
} from "./derivation.ts";
export { derive } from "./derive.ts";
export { libraryModel } from "./library.ts";
export {
  functionOfOneNumber,
  functionsOfOneNumber,
  type FunctionOfOneNumber,
  type Surroundings,
} from "./one-number.ts";
