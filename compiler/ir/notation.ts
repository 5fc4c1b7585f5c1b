/** How formulas are spelled, as the language spells them: infix operators and numbers. */
import type { OpName } from "./node.ts";

interface Infix {
  readonly symbol: string;
  /** Of two operators the one with the higher rank binds tighter. */
  readonly rank: number;
}

/** Rank of comparisons, of which none may stand in another without parentheses. */
export const COMPARISON = 3;

export const INFIX: Readonly<Partial<Record<OpName, Infix>>> = {
  or: { symbol: "or", rank: 1 },
  and: { symbol: "and", rank: 2 },
  eq: { symbol: "==", rank: COMPARISON },
  ne: { symbol: "!=", rank: COMPARISON },
  lt: { symbol: "<", rank: COMPARISON },
  le: { symbol: "<=", rank: COMPARISON },
  gt: { symbol: ">", rank: COMPARISON },
  ge: { symbol: ">=", rank: COMPARISON },
  add: { symbol: "+", rank: 4 },
  sub: { symbol: "-", rank: 4 },
  mul: { symbol: "*", rank: 5 },
  div: { symbol: "/", rank: 5 },
  matmul: { symbol: "@", rank: 5 },
  // Unary minus has rank 7.
  pow: { symbol: "^", rank: 8 },
};

/** `0.5`, `-0`, `inf`, `NaN` */
export function showNumber(value: number): string {
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
