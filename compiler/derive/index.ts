/** Derivatives as formulas: what `nndsl derive` shows. */
export {
  derive,
  DerivationError,
  type Derivation,
  type DerivedFormula,
  type DeriveOptions,
  type Line,
} from "./derive.ts";
export { libraryModel } from "./library.ts";
