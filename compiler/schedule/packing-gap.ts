/**
 * Between the lines of one tile and those of the next, where they are packed, so many steps of depth
 * are left empty. A step of depth is copied for all tiles, so writes are as far apart as the lines of
 * a tile are long; where that is many times a power of two, as at a depth of 256, all of them fall in
 * the same few places of the cache and push one another out: copying then took a fifth of a product.
 */
export const PACKING_GAP = 8;
