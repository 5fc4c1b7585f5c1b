import type { Rule } from "../rewrite.ts";
export const stabilisations: readonly Rule[] = [];
