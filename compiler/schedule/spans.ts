/**
 * How long sums are cut. Each addition in f32 rounds, and where many like addends follow each other
 * all of them round the same way: the mean of a million rows of 0.1 was 0.24 % off. So at most a
 * span of addends is added one after the other, and what spans come to is added up apart: in f64
 * where a result has a register for that (reductions), else pairwise (products), which of equal
 * parts rounds nothing.
 *
 * n equal addends come to within (n + 2) / 4 · 2⁻²⁴ of their sum, whatever they are (tried for all
 * significands).
 */

/** Additions of a reduction that follow each other: within 7.5e-7. */
export const SPAN = 48;
/**
 * Of a product: within 9.3e-7, and of ten million, whose spans are no power of two, within 9.8e-7.
 * What a span costs beside its additions is felt here. A span is of whole steps, which are of four.
 */
export const PRODUCT_SPAN = 60;
/**
 * Of a product whose depth is known, that many stay one span: a layer's own width, at which cutting
 * would take 3 % of its time.
 */
export const LONGEST_SPAN = 256;
