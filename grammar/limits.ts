/**
 * How much one source file may ask of the compiler. The parser, the builder of the tree and every
 * visitor after them are recursive; these limits are what keeps them off the end of the stack (V8's
 * default of 984 KB holds some 10,000 small frames, and a pass spends two to four on each level of
 * the tree).
 */

/** In UTF-16 units; the largest program in `std/` and `examples/` has a hundredth of it. */
export const MAX_SOURCE_LENGTH = 1 << 19;

/**
 * Brackets of all kinds inside one another, blocks included; Chevrotain itself overflows near 300
 * of them.
 */
export const MAX_NESTING = 128;

/** Levels of one expression's tree: `a + b + c` has three. */
export const MAX_EXPRESSION_HEIGHT = 1000;

/** Branches of one `if … else if … else if …`, which is a tree as deep as it is long. */
export const MAX_ELSE_IFS = 128;

/** Diagnostics reported of one file; past them the rest is noise. */
export const MAX_DIAGNOSTICS = 100;
