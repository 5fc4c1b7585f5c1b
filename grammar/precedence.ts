/** How tightly each operator binds: the one table that the reader and the writer of expressions share. */
import type { BinaryOperator, UnaryOperator } from "./ast.ts";

export type InfixOperator = BinaryOperator | "|>" | "..";

export interface Binding {
  /** Higher binds tighter. */
  readonly level: number;
  readonly associates: "left" | "right" | "none";
}

export const LAMBDA_LEVEL = 0;
export const NOT_LEVEL = 4;
export const NEGATION_LEVEL = 9;
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

const COMPARISON: Binding = { level: 5, associates: "none" };

export const infix: Readonly<Record<InfixOperator, Binding>> = {
  "|>": { level: 1, associates: "left" },
  or: { level: 2, associates: "left" },
  and: { level: 3, associates: "left" },
  "<": COMPARISON,
  "<=": COMPARISON,
  ">": COMPARISON,
  ">=": COMPARISON,
  "==": COMPARISON,
  "!=": COMPARISON,
  "..": { level: 6, associates: "none" },
  "+": { level: 7, associates: "left" },
  "-": { level: 7, associates: "left" },
  "*": { level: 8, associates: "left" },
  "/": { level: 8, associates: "left" },
  "@": { level: 8, associates: "left" },
  "^": { level: 10, associates: "right" },
};

export function isInfix(text: string): text is InfixOperator {
  return Object.hasOwn(infix, text);
}
