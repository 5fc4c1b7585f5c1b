/** Characters of up to eight dots. */

/**
 * Dots of a braille character by row (0 … 3, from the top) and column (0, 1): U+2800 plus these
 * bits.
 */
export const dots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
