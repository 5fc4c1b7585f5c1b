import type { Rule } from "../rewrite.ts";
export const simplifications: readonly Rule[] = [];
