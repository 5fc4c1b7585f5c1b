import type { Span } from "../../grammar/diagnostic.ts";

/**
 * Where a node comes from, for printing, for messages and for whoever asks what a layer computes.
 * Not part of its identity: of equal nodes the first one's stays.
 */
export interface Origin {
  /** The name it was bound to in the source. */
  readonly name?: string;
  readonly span?: Span;
  /** Absent where no layer has a part in it, as in optimizers. */
  readonly layer?: LayerSide;
}

/** The layer call that a node belongs to, and which side of it. */
export interface LayerSide {
  /** The call's number in the model's table. */
  readonly call: number;
  /** 0 forward, 1 what flows back through that, 2 what flows back through what flowed back, … */
  readonly order: number;
  /**
   * A call that it is written around in one statement: of `h = relu(dense(x, 4))` relu is no part
   * of dense, but of h.
   */
  readonly around?: number;
}

/** The number of the model's own body, which calls the layers. */
export const MODEL_CALL = 0;

/** Of what flows back through what comes from `origin`. */
export const backwardOf = (origin: Origin): Origin =>
  origin.layer === undefined
    ? origin
    : { ...origin, layer: { ...origin.layer, order: origin.layer.order + 1 } };

/** Of what bears the name of another node in its place; it belongs where it is computed. */
export const inPlaceOf = (other: Origin, { layer = other.layer }: Origin): Origin =>
  layer === undefined ? other : { ...other, layer };

/** Of what is made on the way to what bears the name. */
export function unnamed(origin: Origin): Origin {
  if (origin.name === undefined) return origin;
  const { name: _, ...rest } = origin;
  return rest;
}
