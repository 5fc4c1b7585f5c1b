/**
 * Long depths of products, a stretch at a time. A sum over the batch reads both factors once for
 * each tile of results; those of a large batch do not fit the cache, and each step of depth is on
 * another page of memory: at 4,096 rows such a product took four times as long a row as at 256. So
 * all tiles of a block of results sum over one stretch of the depth, whose lines of both factors
 * stay in the cache, and put what they have aside until the next.
 *
 * A stretch is a power of two of spans, so their sums are added up as those of spans are, like the
 * carries of a binary counter: the order of additions, and so every bit, is that of one loop over
 * the whole depth.
 */
import { isKnown } from "../ir/size.ts";
import type { Product } from "./kernel.ts";
import { PRODUCT_SPAN } from "./spans.ts";

export interface Stretches {
  /** Steps of depth of each but the last. */
  readonly entries: number;
  /** What they are in spans, a power of two. */
  readonly spans: number;
  /** Where the whole depth is less, nothing is copied. */
  readonly shallowest: number;
  /** Bytes of a block's rows of the left factor, over a stretch. */
  readonly block: number;
  /** Steps of depth between the lines of a tile and those of the next, where they are packed. */
  readonly gap: number;
  /** Bytes of room for sums that are put aside; of a block, as many columns are taken as it holds. */
  readonly room: number;
}

/** Measured: at 32 rows a copy costs 2 % of a product, at 256 it gains 6 %. */
const SHALLOWEST = 48;
const SPANS = 16;
/** With these, a block's rows take 256 KB and the columns that are packed with them 120 KB. */
export const STRETCH = SPANS * PRODUCT_SPAN;
const ROOM_BYTES = 512 * 1024;
/**
 * Between the lines of one tile and those of the next, where they are packed, so many steps of depth
 * are left empty. A step of depth is copied for all tiles, so writes are as far apart as the lines of
 * a tile are long; where that is many times a power of two, as at a depth of 256, all of them fall in
 * the same few places of the cache and push one another out: copying then took a fifth of a product.
 */
export const PACKING_GAP = 8;

/** Where the batch or a call decides on the depth. @param block bytes */
export const stretchesOf = ({ depth }: Product, block: number): Stretches | null =>
  !isKnown(depth)
    ? { entries: STRETCH, spans: SPANS, shallowest: SHALLOWEST, block, gap: PACKING_GAP, room: ROOM_BYTES }
    : null;
