/**
 * Formulas that `stabilise` has left, and that give ∞ - ∞, ∞ / ∞, 0 / 0 or log 0 for numbers that networks meet. Each is told with its stable
 * spelling. Where a value cannot be seen to be large, or to vanish, nothing is said: a warning must be worth reading.
 */
import type { Node, OpName } from "../../ir/node.ts";
import { isNonNegative } from "../../ops/bounds.ts";
import { isConstant } from "./match.ts";

export interface Instability {
  readonly name: string;
  /** What is wrong, in mathematics. */
  readonly reason: string;
  /** The stable spelling. */
  readonly help: string;
  readonly at: readonly OpName[];
  readonly matches: (node: Node) => boolean;
}

/** Sums and products inside one another that are read; each branches, so the cost is 2 to this power. */
const DEPTH = 7;

export const instabilities: readonly Instability[] = [
  {
    name: "log-of-overflow",
    reason: "e^x is infinite from x = 89 in f32, and so is the logarithm of a sum with it",
    help: "use `logsumexp`: log(Σ a e^x) is logsumexp(x + log(a)), and `stack` makes one tensor of several terms",
    at: ["log"],
    matches: ({ operands: [x] }) => overflows(x!, DEPTH),
  },
  {
    name: "log-of-underflow",
    reason: "a probability or an e^x that is small is 0 in floating point, and its logarithm is -inf",
    help: "take the logarithm of each factor, log(a b) = log(a) + log(b), and use `logsumexp` for that of a sum of exponentials",
    at: ["log"],
    matches: ({ operands: [x] }) => vanishes(x!, DEPTH),
  },
  {
    name: "log-of-one-minus",
    reason: "what is subtracted from 1 rounds to 1, and the logarithm of 0 is -inf",
    help: "log(1 - tanh(z)) is log(2) - softplus(2 * z); log(1 - softmax(z)) is the `logsumexp` of the other entries less that of all",
    at: ["log1p"],
    matches({ operands: [x] }) {
      const negative = behindViews(x!);
      return negative.op === "neg" && ["softmax", "tanh"].includes(behindViews(negative.operands[0]!).op);
    },
  },
  {
    name: "quotient-of-overflow",
    reason:
      "numerator and denominator are infinite where an e^x is, from x = 89 in f32, and inf / inf is NaN",
    help: "use `softmax`, in which `where(mask, x, -inf)` leaves entries out, or `sigmoid`: e^a / (e^a + e^b) is sigmoid(a - b)",
    at: ["div"],
    matches: ({ operands: [a, c] }) => overflows(a!, DEPTH) && overflows(c!, DEPTH),
  },
  {
    name: "quotient-by-norm",
    reason: "the norm is 0 where all its entries are, and then this is 0 / 0",
    help: "keep the root from 0, as in x / sqrt(sum(x^2) + 1e-12), or the deviation, as in d / sqrt(var(x) + 1e-5)",
    at: ["div"],
    matches: ({ operands: [, c] }) => factors(c!).some(isNorm),
  },
  {
    name: "variance-by-difference",
    reason:
      "mean(x^2) - mean(x)^2 loses all its digits where the mean is large beside the spread, and may be negative",
    help: "use `var(x, correction = 0)`, which subtracts the mean first",
    at: ["sub"],
    matches({ operands: [a, c] }) {
      const x = squared(behindViews(c!));
      const mean = x === null ? null : meanOf(x);
      const square = meanOf(a!);
      return mean !== null && square !== null && squared(square) === mean;
    },
  },
];

const VIEWS: ReadonlySet<OpName> = new Set<OpName>(["reshape", "broadcast", "permute", "slice", "gather"]);

function behindViews(node: Node): Node {
  while (VIEWS.has(node.op)) node = node.operands[0]!;
  return node;
}

/** Whether e^x with an x that nothing bounds is a term or a factor. */
function overflows(given: Node, depth: number): boolean {
  const x = behindViews(given);
  switch (x.op) {
    case "exp":
    case "expm1":
      return !isBounded(x.operands[0]!, "above", DEPTH);
    case "add":
    case "sub":
    case "mul":
    case "sum":
      return depth > 0 && x.operands.some((operand) => overflows(operand, depth - 1));
    case "div":
      return depth > 0 && overflows(x.operands[0]!, depth - 1) && !overflows(x.operands[1]!, depth - 1);
    default:
      return false;
  }
}

/** Whether all of x underflows to 0: a probability, or e^x with an x that nothing bounds, is a factor of each term. */
function vanishes(given: Node, depth: number): boolean {
  const x = behindViews(given);
  if (depth === 0) return false;
  switch (x.op) {
    case "sigmoid":
    case "softmax":
      return true;
    case "exp":
      return !isBounded(x.operands[0]!, "below", DEPTH);
    case "add":
      return x.operands.every((term) => vanishes(term, depth - 1));
    case "mul":
      return x.operands.some((factor) => vanishes(factor, depth - 1));
    case "sum":
    case "div":
      return vanishes(x.operands[0]!, depth - 1);
    default:
      return false;
  }
}

type Side = "above" | "below";
const opposite = { above: "below", below: "above" } as const;

/** Values near 0 whatever is given, and functions so slow that their exponential is a power. */
const SMALL: ReadonlySet<OpName> = new Set<OpName>([
  "constant",
  "extent",
  "step",
  "random",
  "sigmoid",
  "softmax",
  "tanh",
  "erf",
  "sin",
  "cos",
  "sign",
  "one_hot",
  "cast",
  "log",
  "log1p",
]);

/** Whether x has a bound on that side, or may have one: what is clamped or shifted by a maximum passes. */
function isBounded(given: Node, side: Side, depth: number): boolean {
  const x = behindViews(given);
  if (SMALL.has(x.op) || depth === 0) return true;
  if (side === "below" && isNonNegative(x, depth)) return true;
  const [a, c] = x.operands;
  const bounded = (operand: Node, where: Side): boolean => isBounded(operand, where, depth - 1);
  switch (x.op) {
    case "neg":
      return bounded(a!, opposite[side]);
    case "where":
      return x.operands.slice(1).some((branch) => bounded(branch, side));
    case "min":
      return side === "above"
        ? bounded(a!, side) || bounded(c!, side)
        : bounded(a!, side) && bounded(c!, side);
    case "max":
      return side === "below"
        ? bounded(a!, side) || bounded(c!, side)
        : bounded(a!, side) && bounded(c!, side);
    case "add":
      return bounded(a!, side) && bounded(c!, side);
    case "sub":
      if (side === "above" && ["reduce_max", "logsumexp"].includes(behindCut(c!).op)) return true;
      return bounded(a!, side) && bounded(c!, opposite[side]);
    case "mul": {
      const constant = [a!, c!].map(behindViews).find((factor) => isConstant(factor));
      if (constant === undefined || !isConstant(constant)) {
        return [a!, c!].every((factor) => bounded(factor, "above") && bounded(factor, "below"));
      }
      const other = behindViews(a!) === constant ? c! : a!;
      return bounded(other, constant.attributes.value < 0 ? opposite[side] : side);
    }
    case "div":
    case "sum":
    case "reduce_max":
    case "reduce_min":
    case "stop_gradient":
      return bounded(a!, side);
    default:
      return false;
  }
}

function behindCut(node: Node): Node {
  while (VIEWS.has(node.op) || node.op === "stop_gradient") node = node.operands[0]!;
  return node;
}

/** What is multiplied to give x. */
function factors(given: Node): readonly Node[] {
  const found: Node[] = [];
  const stack = [given];
  for (let top = stack.pop(); top !== undefined && found.length < 100; top = stack.pop()) {
    const x = behindViews(top);
    if (x.op === "mul") stack.push(...x.operands);
    else found.push(x);
  }
  return found;
}

/** What the rule `norm` writes for √ Σ x²: where(Σ x² = 0, 0, √…). */
const isNorm = (x: Node): boolean =>
  x.op === "where" &&
  x.operands[0]!.op === "eq" &&
  behindViews(x.operands[1]!).op === "constant" &&
  behindViews(x.operands[2]!).op === "sqrt";

/** a, where x is a². */
function squared(x: Node): Node | null {
  const [a, c] = x.operands.map(behindViews);
  if (x.op === "mul" && a === c) return a!;
  return x.op === "pow" && isConstant(c!, 2) ? a! : null;
}

/** a, where x is Σ a divided by something. */
function meanOf(x: Node): Node | null {
  const quotient = behindViews(x);
  const total = quotient.op === "div" ? behindViews(quotient.operands[0]!) : null;
  return total?.op === "sum" ? behindViews(total.operands[0]!) : null;
}
