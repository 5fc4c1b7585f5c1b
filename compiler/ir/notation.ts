/** How formulas are spelled, as the language spells them: infix operators and numbers. */
import type { OpName } from "./node.ts";

interface Infix {
  readonly symbol: string;
  /** Of two operators the one with the higher rank binds tighter. */
  readonly rank: number;
}

export const INFIX: Readonly<Partial<Record<OpName, Infix>>> = {
  or: { symbol: "or", rank: 1 },
  and: { symbol: "and", rank: 2 },
  eq: { symbol: "==", rank: 3 },
  ne: { symbol: "!=", rank: 3 },
  lt: { symbol: "<", rank: 3 },
  le: { symbol: "<=", rank: 3 },
  gt: { symbol: ">", rank: 3 },
  ge: { symbol: ">=", rank: 3 },
  add: { symbol: "+", rank: 4 },
  sub: { symbol: "-", rank: 4 },
  mul: { symbol: "*", rank: 5 },
  div: { symbol: "/", rank: 5 },
  matmul: { symbol: "@", rank: 6 },
  // Unary minus has rank 7.
  pow: { symbol: "^", rank: 8 },
};

/** `0.5`, `-0`, `inf`, `NaN` */
export function showNumber(value: number): string {
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
