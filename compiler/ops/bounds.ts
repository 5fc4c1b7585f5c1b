/** What can be said of the sign of a value from its formula alone. Derivative rules ask it whether a pole can be met. */
import type { Node } from "../ir/node.ts";

/** How far up a formula is read; beyond it nothing is known. Sums branch, so the cost is 2 to this power. */
const DEPTH = 6;

/** Whether x may be 0 (or NaN, which is no pole), as far as can be seen: a size and 1 + |z| are not. */
export function mayBeZero(x: Node, depth = DEPTH): boolean {
  if (depth === 0) return true;
  const [a, c] = x.operands;
  switch (x.op) {
    case "constant":
      return x.attributes.value === 0;
    case "extent":
    case "step":
      return false;
    case "broadcast":
    case "reshape":
    case "permute":
    case "slice":
    case "neg":
    case "sqrt":
    case "abs":
      return mayBeZero(a!, depth - 1);
    case "add":
      return !(
        isNonNegative(a!, depth - 1) &&
        isNonNegative(c!, depth - 1) &&
        (!mayBeZero(a!, depth - 1) || !mayBeZero(c!, depth - 1))
      );
    default:
      return true;
  }
}

/** Whether x is 0 or more (or NaN), as far as can be seen. */
export function isNonNegative(x: Node, depth = DEPTH): boolean {
  if (depth === 0) return false;
  const [a, c] = x.operands;
  switch (x.op) {
    case "constant":
      return x.attributes.value >= 0;
    case "extent":
    case "step":
    case "iota":
    case "exp":
    case "sqrt":
    case "abs":
    case "sigmoid":
    case "softplus":
    case "relu":
    case "softmax":
    case "one_hot":
      return true;
    case "cast":
      return a!.type === "bool" || isNonNegative(a!, depth - 1);
    case "pow":
      return c!.op === "constant" && c.attributes.value % 2 === 0;
    case "broadcast":
    case "reshape":
    case "permute":
    case "slice":
    case "sum":
    case "prod":
    case "reduce_max":
    case "reduce_min":
    case "reciprocal":
      return isNonNegative(a!, depth - 1);
    case "mul":
      return a === c || (isNonNegative(a!, depth - 1) && isNonNegative(c!, depth - 1));
    case "add":
    case "div":
      return isNonNegative(a!, depth - 1) && isNonNegative(c!, depth - 1);
    case "max":
      return isNonNegative(a!, depth - 1) || isNonNegative(c!, depth - 1);
    default:
      return false;
  }
}
