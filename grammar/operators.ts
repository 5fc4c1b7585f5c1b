/**
 * The operators of the language: how tightly each binds, for all that read or write expressions,
 * and how mathematics spells it.
 */
import type { BinaryOperator, Reducer, UnaryOperator } from "./ast.ts";

export type InfixOperator = BinaryOperator | "|>" | "..";
export type Comparison = "<" | "<=" | ">" | ">=" | "==" | "!=";

export interface Operator {
  /** Higher binds tighter. */
  readonly level: number;
  readonly associates: "left" | "right" | "none";
  /** In mathematics, and there in LaTeX, where it is written otherwise than here. */
  readonly sign?: string;
  readonly latex?: string;
}

export const LAMBDA_LEVEL = 0;
export const NOT_LEVEL = 4;
export const COMPARISON_LEVEL = 5;
export const SUM_LEVEL = 7;
/** A reduction over indices ends where a sum goes on. */
export const REDUCTION_LEVEL = 7.5;
export const PRODUCT_LEVEL = 8;
export const NEGATION_LEVEL = 9;
export const POWER_LEVEL = 10;
export const ATTRIBUTE_LEVEL = 11;
/** Call, index, member, transpose. */
export const POSTFIX_LEVEL = 12;
/** A name, a literal, or anything in brackets of its own. */
export const ATOM_LEVEL = 13;

export const prefix: Readonly<Record<UnaryOperator, number>> = {
  not: NOT_LEVEL,
  "-": NEGATION_LEVEL,
  "@recompute": ATTRIBUTE_LEVEL,
};

const comparison = { level: COMPARISON_LEVEL, associates: "none" } as const;

export const infix: Readonly<Record<InfixOperator, Operator>> = {
  "|>": { level: 1, associates: "left" },
  or: { level: 2, associates: "left" },
  and: { level: 3, associates: "left" },
  "<": comparison,
  "<=": { ...comparison, sign: "≤", latex: String.raw`\le` },
  ">": comparison,
  ">=": { ...comparison, sign: "≥", latex: String.raw`\ge` },
  "==": { ...comparison, sign: "=", latex: "=" },
  "!=": { ...comparison, sign: "≠", latex: String.raw`\ne` },
  "..": { level: 6, associates: "none" },
  "+": { level: SUM_LEVEL, associates: "left" },
  "-": { level: SUM_LEVEL, associates: "left", sign: "−" },
  "*": { level: PRODUCT_LEVEL, associates: "left", sign: "×" },
  "/": { level: PRODUCT_LEVEL, associates: "left", sign: "÷" },
  "@": { level: PRODUCT_LEVEL, associates: "left" },
  "^": { level: POWER_LEVEL, associates: "right" },
};

const reducers: Readonly<Record<Reducer, true>> = {
  sum: true,
  prod: true,
  max: true,
  min: true,
  mean: true,
  logsumexp: true,
  argmax: true,
};

export const isReducer = (text: string): text is Reducer => Object.hasOwn(reducers, text);

export function isInfix(text: string): text is InfixOperator {
  return Object.hasOwn(infix, text);
}

export const isComparison = (operator: BinaryOperator): operator is Comparison =>
  infix[operator].level === COMPARISON_LEVEL;

/** An expression as text, and how tightly it holds together. */
export interface Spelled {
  readonly text: string;
  readonly level: number;
}

/** An expression where nothing looser than `level` may stand. */
export const within = (
  { text, level: own }: Spelled,
  level: number,
  enclose = (inner: string): string => `(${inner})`,
): string => (own < level ? enclose(text) : text);

/** `left operator right` */
export function spellInfix(operator: InfixOperator, left: Spelled, right: Spelled): Spelled {
  const { level, associates } = infix[operator];
  const a = within(left, level + (associates === "left" ? 0 : 1));
  const b = within(right, level + (associates === "right" ? 0 : 1));
  return { text: `${a} ${operator} ${b}`, level };
}
