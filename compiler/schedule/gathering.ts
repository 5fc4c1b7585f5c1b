/**
 * Factors of products whose rows, columns or depth are lists of loops, such as the windows of an
 * image: they are never stored whole. The left one is gathered a block of rows at a time, where
 * those then lie side by side, or along the depth; the right one some columns at a time, for all
 * rows. What tiles read is as that of a product of the same counts.
 */
import {
  type Affine,
  affineAt,
  constantOf,
  countOf,
  isFree,
  isKnown,
  isOne,
  isUnit,
  type Shape,
  type Size,
  sizeAt,
} from "../ir/size.ts";
import type { Access } from "./formed.ts";
import { loopsAlong, type Product } from "./kernel.ts";
import type { View } from "./view.ts";

export interface Gathering {
  readonly rows: GatheredRows | null;
  readonly columns: GatheredColumns | null;
}

export interface GatheredRows {
  /** Whether each row lies along the depth; else at each step of depth rows lie side by side. */
  readonly along: "depth" | "rows";
  /** Rows of a block; `null` where the depth of a stretch decides. */
  readonly count: number | null;
  /** Bytes of a block. */
  readonly room: number;
}

export interface GatheredColumns {
  /** Tiles of columns that are gathered at a time. */
  readonly tiles: number;
}

/** A depth beyond which a row is stored. */
const DEEPEST = 2 ** 16;
/** Of a block of rows: it stays in the second-level cache, beside the columns. */
const BLOCK_BYTES = 128 * 1024;
/** Of columns that are gathered together, but at least so many tiles: rows are gathered again for the next ones. */
const PANEL_BYTES = 512 * 1024;
const LEAST_TILES = 4;

/** Columns that are gathered for a stretch of a depth that is not known, at most. */
const WIDEST = 256;

/**
 * Whether a factor of lists is gathered, not stored once in the order in which it is read: where it
 * reads entries several times over, as windows that overlap do, or is as small as a weight. Else all
 * products that read it share one copy.
 */
export const isWorthGathering = ({ shape, strides }: View): boolean =>
  !shape.some(isFree) || readsTwice(shape, strides);

/** Whether loops of a view step into each other's way, as seen with two rows; not whether one stands still. */
function readsTwice(shape: Shape, strides: readonly Affine[]): boolean {
  const rows = 2;
  const loops = shape
    .map((size, axis) => ({
      reach: sizeAt(size, rows) - 1,
      stride: Math.abs(affineAt(strides[axis]!, rows)),
    }))
    .toSorted((a, b) => a.stride - b.stride);
  let reached = 0;
  for (const { reach, stride } of loops) {
    if (reach > 0 && stride > 0 && stride <= reached) return true;
    reached += reach * stride;
  }
  return false;
}

/** Which of two factors has to be stored after all, if any. */
export function refusedFactor({
  left,
  right,
  depth,
  columns,
}: Factors & { readonly depth: Size; readonly columns: Size }): "left" | "right" | null {
  const isDeep = isKnown(depth) && countOf(depth) > DEEPEST;
  if (right.lists !== undefined && (isDeep || !isKnown(columns))) return "right";
  if (right.lists !== undefined && isFree(depth) && !hasOneStride(right, columns)) return "right";
  return left.lists !== undefined && isDeep ? "left" : null;
}

/** Whether columns, of which there are not too many, are one loop. */
const hasOneStride = ({ view, lists }: Factors["right"], columns: Size): boolean =>
  lists?.at(-1) === 1 && constantOf(view.strides.at(-1)!) !== null && countOf(columns) <= WIDEST;

/**
 * Whether a product with these factors reads its right one by columns side by side, or both along
 * the depth.
 */
export function liesWell(left: Pick<Access, "view">, right: Pick<Access, "view" | "lists">): boolean {
  if (right.lists !== undefined || unitAlong(right.view, -1)) return true;
  return unitAlong(right.view, -2) && unitAlong(left.view, -1);
}

const unitAlong = ({ shape, strides }: View, axis: number): boolean =>
  shape.length === 0 || isOne(shape.at(axis)!) || isUnit(strides.at(axis)!);

/** A depth up to which adding up lanes at the end of each sum takes longer than columns to be gathered. */
const SHALLOW = 64;

/**
 * Where the left factor is gathered, and columns of the right one do not lie side by side as they
 * should, these are gathered too.
 */
export function alsoGathered({
  left,
  right,
  columns,
  depth,
}: Factors & { readonly columns: Size; readonly depth: Size }): Pick<Access, "lists"> {
  if (left.lists === undefined || right.lists !== undefined || unitAlong(right.view, -1)) return {};
  if (!isKnown(columns) || !isKnown(depth) || countOf(columns) === 1) return {};
  if (liesWell(left, right) && countOf(depth) > SHALLOW) return {};
  return { lists: right.view.shape.map(() => 1) };
}

/** Two factors of a product, whose views are over the batch and [rows, depth] and [depth, columns]. */
interface Factors {
  readonly left: Pick<Access, "view" | "lists">;
  readonly right: Pick<Access, "view" | "lists">;
}

/**
 * Whether a product is computed as B' A': rows are gathered over any depth, and columns over one that
 * is not known where they are a single loop.
 */
export function isBetterTurned(left: Factors["left"], right: Factors["right"], depth: Size): boolean {
  if (right.lists === undefined || !isFree(depth)) return false;
  if (left.lists === undefined) return unitAlong(left.view, -2);
  return right.lists.at(-1)! > 1 && left.lists.at(-2) === 1;
}

/** The factor with its last two axes exchanged. */
export function transposed(factor: Omit<Access, "type" | "isTable">): Omit<Access, "type" | "isTable"> {
  const { view, lists } = factor;
  const [first, last] = [lists?.at(-2) ?? 1, lists?.at(-1) ?? 1];
  const exchanged = <T>(of: readonly T[]): T[] => {
    const begin = of.length - first - last;
    return [...of.slice(0, begin), ...of.slice(begin + first), ...of.slice(begin, begin + first)];
  };
  return {
    ...factor,
    view: { ...view, shape: exchanged(view.shape), strides: exchanged(view.strides) },
    ...(lists === undefined ? {} : { lists: [...lists.slice(0, -2), last, first] }),
  };
}

/** Whether any of a product's factors has lists of loops. */
export const isGathered = ({ operands, left, right }: Product): boolean =>
  operands[left]!.lists !== undefined || operands[right]!.lists !== undefined;

/** Whether the rows of a left factor of lists are gathered along the depth. */
export function liesAlongDepth(product: Product): boolean {
  const { operands, left, loops, depth } = product;
  const unit = (loop: number): boolean => {
    const innermost = loopsAlong(product, operands[left]!, loop).at(-1);
    return innermost !== undefined && isUnit(innermost.stride);
  };
  // Where the batch is the depth, a row has no known end.
  return !isFree(depth) && (unit(loops.length) || !unit(loops.length - 2));
}

/**
 * @param tile rows and columns of the largest
 * @param bytes of an entry
 */
export function gatheringOf(
  product: Product,
  tile: { readonly rows: number; readonly width: number },
  bytes: number,
): Gathering {
  const { operands, left, right, depth, loops } = product;
  const deep = Math.max(1, countOf(depth));
  const fitting = Math.max(1, Math.floor(BLOCK_BYTES / (deep * bytes * tile.rows))) * tile.rows;
  const all = Math.max(1, Math.floor(countOf(loops.at(-1)!) / tile.width));
  // Of a stretch all of them.
  const together = isFree(depth)
    ? all
    : Math.max(LEAST_TILES, Math.floor(PANEL_BYTES / (deep * bytes * tile.width)));
  return {
    rows:
      operands[left]!.lists === undefined
        ? null
        : isFree(depth)
          ? { along: "rows", count: null, room: 2 * BLOCK_BYTES }
          : {
              along: liesAlongDepth(product) ? "depth" : "rows",
              count: fitting,
              room: fitting * deep * bytes,
            },
    columns: operands[right]!.lists === undefined ? null : { tiles: Math.min(all, together) },
  };
}
