/** The body of a kernel before its loops are permuted and merged: over the domain of its group. */
import type { ElementType } from "../ir/node.ts";
import type { Size } from "../ir/size.ts";
import type { Group, Item } from "./group.ts";
import type { Value } from "./kernel.ts";
import type { Region } from "./place.ts";
import { placelessKey } from "./value-key.ts";
import { type View, viewKey } from "./view.ts";

/**
 * An operand before its loops are permuted and merged: `view` is over the domain (and then the
 * depth, for a product's factors).
 */
export interface Access {
  readonly region: Region;
  readonly view: View;
  readonly type: ElementType;
  /** Whether it is the first row of a table, of which others are read. */
  readonly isTable: boolean;
  /** Of a product's factor that is no strided view: how many loops each of its axes is in `view`. */
  readonly lists?: readonly number[];
}

export interface Write extends Access {
  readonly item: Item;
  /** Which row it adds to; null where it overwrites. */
  readonly row: number | null;
}

export interface Body {
  readonly reads: readonly Access[];
  readonly writes: readonly Write[];
  readonly values: readonly FormedValue[];
  /** Numbers of values, beside `writes`. */
  readonly stored: readonly number[];
  /** In `reads`: the factors of a product, which carry one more axis. */
  readonly left: number;
  readonly right: number;
  readonly depth: Size;
  /** Whether a product is computed as B' A': its left factor's lines are then the domain's columns. */
  readonly isTurned: boolean;
}

/**
 * As `Value`, with an access in place of an operand and views over the domain in place of strides
 * over loops.
 */
export type FormedValue =
  | Exclude<Value, { kind: "index" | "random" | "load" | "fetch" | "rank" }>
  | { readonly kind: "load"; readonly access: number }
  | { readonly kind: "fetch"; readonly access: number; readonly row: number }
  | { readonly kind: "rank"; readonly access: number; readonly descending: boolean }
  | { readonly kind: "index"; readonly view: View }
  | {
      readonly kind: "random";
      readonly distribution: "uniform" | "normal";
      readonly site: number;
      readonly view: View;
    };

/** Equal text for equal values. */
export function valueKey(value: FormedValue): string {
  switch (value.kind) {
    case "load":
      return `load ${value.access}`;
    case "fetch":
      return `fetch ${value.access} ${value.row}`;
    case "rank":
      return `rank ${value.access} ${value.descending}`;
    case "index":
      return `index ${viewKey(value.view)}`;
    case "random":
      return `${value.distribution} ${value.site} ${viewKey(value.view)}`;
    default:
      return placelessKey(value);
  }
}

/** A kernel of more values than this would be more than an engine compiles well. */
const VALUE_LIMIT = 640;
/** An epilogue works on a register tile: it stays small. */
const EPILOGUE_LIMIT = 48;

/** Values beyond which a kernel takes no further item. */
export const valueLimit = ({ matmul }: Group): number => (matmul === null ? VALUE_LIMIT : EPILOGUE_LIMIT);
