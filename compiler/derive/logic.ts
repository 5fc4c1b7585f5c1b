/** Conditions: their opposites, and how they are joined. */
import type { Comparison } from "../../grammar/operators.ts";
import { plain, type Formula } from "./formula.ts";

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = {
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
  "==": "!=",
  "!=": "==",
};

export function not(condition: Formula): Formula {
  if (condition.kind === "truth") return { kind: "truth", value: !condition.value };
  if (condition.kind === "compare") return { ...condition, name: OPPOSITE[condition.name] };
  if (condition.kind === "logic" && condition.name === "not") return condition.operands[0]!;
  return { kind: "logic", name: "not", operands: [condition] };
}

export function both(a: Formula, b: Formula): Formula {
  if (a.kind === "truth") return a.value ? b : a;
  if (b.kind === "truth") return b.value ? a : b;
  return { kind: "logic", name: "and", operands: [a, b] };
}

export const either = (a: Formula, b: Formula): Formula =>
  a.kind === "truth"
    ? a.value
      ? a
      : b
    : b.kind === "truth"
      ? b.value
        ? b
        : a
      : { kind: "logic", name: "or", operands: [a, b] };

export function indicator(condition: Formula): Formula {
  if (condition.kind === "truth") return plain(condition.value ? 1 : 0);
  // `onehot(y)` is 1 and 0 by itself.
  return condition.kind === "call" ? condition : { kind: "indicator", condition };
}
