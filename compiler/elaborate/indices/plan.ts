/** What is found out about a formula with indices before its entries are made. */
import type { Expression, IndexBinder } from "../../../grammar/ast.ts";
import type { Size } from "../../ir/size.ts";
import type { Value } from "../values.ts";
import type { Axis, Space } from "./space.ts";

export interface Plan {
  /** The range of each index bound in the formula. */
  readonly sizes: ReadonlyMap<IndexBinder, Size>;
  /** The axes that `...` stands for; null where the formula has none. */
  readonly dots: readonly Axis[] | null;
  /**
   * What is written in the formula and does not depend on an index: read once, since a layer called
   * there owns one set of parameters.
   */
  readonly known: ReadonlyMap<Expression, Value>;
}

/** The formula around a place. */
export interface Indices {
  readonly space: Space;
  /** Null in the body of a definition that is called with entries. */
  readonly plan: Plan | null;
}
