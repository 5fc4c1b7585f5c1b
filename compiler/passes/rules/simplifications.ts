/**
 * Formulas that cost more than they need, and cheaper ones of the same value: to the bit, or to
 * rounding where a constant is folded or a sum is joined. None makes or hides a NaN or an infinity
 * (so `0 · x` stays), and none re-associates sums of tensors. Two exceptions: a zero may change its
 * sign, and x^±½ becomes a square root, which is NaN at -∞, as it is in PyTorch.
 */
import type { Rule } from "../rewrite.ts";
import { arithmetic } from "./arithmetic.ts";
import { products, reductions } from "./sums.ts";
import { views } from "./views.ts";

export const simplifications: readonly Rule[] = [...arithmetic, ...reductions, ...views, ...products];
