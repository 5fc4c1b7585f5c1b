/**
 * A loop over the places 0 … length - 1 of an axis, from the last to the first where `reverse`. Its
 * body is what depends on its `carried` and `pick` nodes; see `loops.ts`.
 */
export interface Loop {
  readonly id: number;
  readonly length: number;
  readonly reverse: boolean;
}
