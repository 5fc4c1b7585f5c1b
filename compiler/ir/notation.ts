/**
 * How formulas are spelled, as the language spells them: the ops that operators stand for, and
 * numbers.
 */
import type { BinaryOperator } from "../../grammar/ast.ts";
import type { OpName } from "./node.ts";

/** What an operator does to tensors. */
export const opOf = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "^": "pow",
  "@": "matmul",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  "==": "eq",
  "!=": "ne",
  and: "and",
  or: "or",
} as const satisfies Readonly<Record<BinaryOperator, OpName>>;

// `Object.entries` forgets the type of the keys.
const operators: ReadonlyMap<OpName, BinaryOperator> = new Map(
  Object.entries(opOf).map(([operator, op]) => [op, operator as BinaryOperator]),
);

/** The operator that an op is written with. */
export const operatorOf = (op: OpName): BinaryOperator | undefined => operators.get(op);

/** `0.5`, `-0`, `inf`, `NaN` */
export function showNumber(value: number): string {
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
