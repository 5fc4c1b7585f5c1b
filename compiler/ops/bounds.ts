/**
 * What can be said of the sign of a value from its formula alone. Derivative rules ask it whether a
 * pole can be met.
 */
import type { Node, OpName } from "../ir/node.ts";
import { isView } from "./movement.ts";
import { ops } from "./table.ts";

/**
 * How many sums and products inside one another are read; each branches, so the cost is 2 to this
 * power.
 */
const DEPTH = 6;

const KEEP_ZERO: ReadonlySet<OpName> = new Set<OpName>(["neg", "sqrt", "abs"]);
const KEEP_SIGN: ReadonlySet<OpName> = new Set<OpName>([
  "sum",
  "prod",
  "reduce_max",
  "reduce_min",
  "reciprocal",
]);

/** Whether x may be 0, as far as can be seen: a size and 1 + |z| are not. */
export function mayBeZero(given: Node, depth = DEPTH): boolean {
  const x = past(KEEP_ZERO, given);
  if (x.op === "constant") return x.attributes.value === 0;
  if (x.op === "extent" || x.op === "step") return false;
  if (x.op !== "add" || depth === 0) return true;
  const terms = x.operands;
  const someIsPositive = terms.some((term) => !mayBeZero(term, depth - 1));
  return !(someIsPositive && terms.every((term) => isNonNegative(term, depth - 1)));
}

/**
 * Whether x may be ∞ or -∞ where its operands are finite, as far as can be seen: a pole is met, or
 * an exponential overflows.
 */
export function mayBeInfinite(given: Node, depth = DEPTH): boolean {
  const x = past(KEEP_ZERO, given);
  switch (x.op) {
    case "exp":
    case "expm1":
      return !(x.operands[0]!.op === "neg" && isNonNegative(x.operands[0]!.operands[0]!, depth));
    case "log":
    case "reciprocal":
      return mayBeZero(x.operands[0]!, depth);
    case "log1p":
      return !isNonNegative(x.operands[0]!, depth);
    case "div":
      return mayBeZero(x.operands[1]!, depth);
    case "pow": {
      const exponent = x.operands[1]!;
      return (
        !(exponent.op === "constant" && exponent.attributes.value >= 0) && mayBeZero(x.operands[0]!, depth)
      );
    }
    case "add":
    case "sub":
    case "mul":
      return depth > 0 && x.operands.some((operand) => mayBeInfinite(operand, depth - 1));
    default:
      return ops[x.op].finite === "poles";
  }
}

/** Whether x is at least 0 or NaN, as far as can be seen. */
export function isNonNegative(given: Node, depth: number): boolean {
  const x = past(KEEP_SIGN, given);
  if (ops[x.op].range[0] >= 0) return true;
  const known = (operand: Node): boolean => depth > 0 && isNonNegative(operand, depth - 1);
  switch (x.op) {
    case "constant":
      return x.attributes.value >= 0;
    case "cast":
      return x.operands[0]!.type === "bool" || known(x.operands[0]!);
    case "pow": {
      const exponent = x.operands[1]!;
      return exponent.op === "constant" && exponent.attributes.value % 2 === 0;
    }
    case "mul":
      return x.operands[0] === x.operands[1] || x.operands.every(known);
    case "add":
    case "div":
      return x.operands.every(known);
    case "max":
      return x.operands.some(known);
    default:
      return false;
  }
}

/** The first node below that is no view and whose op is not among `names`, all of one operand. */
function past(names: ReadonlySet<OpName>, x: Node): Node {
  while (isView(x) || names.has(x.op)) x = x.operands[0]!;
  return x;
}
