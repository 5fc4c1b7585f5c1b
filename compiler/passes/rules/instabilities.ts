/**
 * Formulas that `stabilize` has left, and that give ∞ - ∞, ∞ / ∞, 0 / 0 or log 0 for numbers that
 * networks meet. Each is told with its stable spelling. Where a value cannot be seen to be large,
 * or to vanish, nothing is said: a warning must be worth reading.
 */
import type { Node, OpName } from "../../ir/node.ts";
import { behindViews, isRest, overflows, vanishes } from "./extremes.ts";
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

export const instabilities: readonly Instability[] = [
  {
    name: "log-of-overflow",
    reason: "e^x is infinite from x = 89 in f32, and so is the logarithm of a sum with it",
    help: "use `logsumexp`: log(Σ a e^x) is logsumexp(x + log(a)), and `stack` makes one tensor of several terms",
    at: ["log", "log1p"],
    matches: ({ operands: [x] }) => overflows(x!),
  },
  {
    name: "log-of-rest",
    reason: "what is subtracted from 1 rounds to 1, and the logarithm of 0 is -inf",
    help: "these functions have no stable form: keep the argument away from 0, as in log(max(1 - erf(z), 1e-7)), or use a logistic function instead",
    at: ["log", "log1p"],
    matches: ({ op, operands: [x] }) => isRest(x!, op === "log1p" ? 1 : 0),
  },
  {
    name: "log-of-underflow",
    reason: "a probability or an e^x that is small is 0 in floating point, and its logarithm is -inf",
    help: "take the logarithm of each factor, log(a b) = log(a) + log(b), and use `logsumexp` for that of a sum of exponentials",
    at: ["log"],
    matches: ({ operands: [x] }) => vanishes(x!),
  },
  {
    name: "quotient-of-overflow",
    reason:
      "numerator and denominator are infinite where an e^x is, from x = 89 in f32, and inf / inf is NaN",
    help: "use `softmax`, in which `where(mask, x, -inf)` leaves entries out, or `sigmoid`: e^a / (e^a + e^b) is sigmoid(a - b)",
    at: ["div"],
    matches: ({ operands: [a, c] }) => overflows(a!) && overflows(c!),
  },
  {
    name: "quotient-by-norm",
    reason: "the norm is 0 where all its entries are, and then this is 0 / 0",
    help: "keep the root away from 0, as in x / sqrt(sum(x^2) + 1e-12), or the deviation, as in d / sqrt(var(x) + 1e-5)",
    at: ["div"],
    matches: ({ operands: [, c] }) => factors(c!).some(isNorm),
  },
  {
    name: "variance-by-difference",
    reason:
      "mean(x^2) - mean(x)^2 loses all its digits where the mean is much larger than the spread, and may be negative",
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
