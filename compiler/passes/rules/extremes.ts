/**
 * What overflows, and what underflows to 0, for numbers that networks meet, as far as a formula
 * shows it. Rules ask before they make a formula longer, and warnings before they speak: where a
 * value cannot be seen to be large, or to vanish, the answer is no.
 */
import { fact } from "../../ir/fact.ts";
import type { Node, OpName } from "../../ir/node.ts";
import { rangeFrom } from "../../ops/bounds.ts";
import type { Interval } from "../../ops/interval.ts";
import { isView } from "../../ops/movement.ts";
import { affine, isConstant, type Look } from "./match.ts";

/**
 * Sums and products inside one another that are read; each branches, so the cost is 2 to this
 * power.
 */
export const DEPTH = 7;

/** Whether each entry is one of the first operand's. */
const isPick = (node: Node): boolean => isView(node) || node.op === "gather" || node.op === "take";

export function behindViews(node: Node): Node {
  while (isPick(node)) node = node.operands[0]!;
  return node;
}

/** Whether e^x with an x that nothing bounds is a term or a factor. */
export function overflows(given: Node, depth = DEPTH): boolean {
  const x = behindViews(given);
  const some = (operands: readonly Node[]): boolean =>
    depth > 0 && operands.some((operand) => overflows(operand, depth - 1));
  switch (x.op) {
    case "exp":
    case "expm1":
      return usualRange(x.operands[0]!)[1] === Infinity;
    case "add":
    case "sub":
    case "neg":
    case "mul":
    case "matmul":
    case "sum":
    case "concat":
      return some(x.operands);
    case "where":
      return some(x.operands.slice(1));
    case "div":
      return some(x.operands.slice(0, 1)) && !some(x.operands.slice(1));
    default:
      return false;
  }
}

/**
 * Whether all of x underflows to 0: a probability, or e^x with an x that nothing bounds, is a
 * factor of each term.
 */
export function vanishes(given: Node, depth = DEPTH): boolean {
  const x = behindViews(given);
  if (depth === 0) return false;
  const deeper = (operand: Node): boolean => vanishes(operand, depth - 1);
  switch (x.op) {
    case "sigmoid":
    case "softmax":
      return true;
    case "exp":
      return !isShifted(x.operands[0]!) && usualRange(x.operands[0]!)[0] === -Infinity;
    case "add":
    case "sub":
      return isRest(x) || x.operands.every(deeper);
    case "mul":
      return isRest(x) || x.operands.some(deeper);
    case "where":
      return x.operands.slice(1).some(deeper);
    case "concat":
      return x.operands.some(deeper);
    case "matmul":
      return x.operands.every(deeper);
    case "pow":
      return isConstant(x.operands[1]!) && x.operands[1].attributes.value > 0 && deeper(x.operands[0]!);
    case "sum":
    case "prod":
    case "div":
    case "neg":
    case "sqrt":
    case "abs":
      return deeper(x.operands[0]!);
    default:
      return false;
  }
}

const look: Look = (node, op) =>
  // The comparison of `op` is what the cast states.
  node.op === op ? (node as never) : null;

/** Functions that round to 1 for arguments that networks meet. */
const SATURATED: ReadonlySet<OpName> = new Set<OpName>(["sigmoid", "softmax", "tanh", "erf"]);

/**
 * Whether `plus` + x is what a function leaves that comes close to a bound: 1 - softmax z, ½ + ½
 * tanh z, 1 - tanh² z, 1 - p q.
 */
export function isRest(x: Node, plus = 0): boolean {
  const { core, slope, ...from } = affine(look, x);
  const offset = from.offset + plus;
  if (offset === 0 || Math.abs(offset) !== Math.abs(slope)) return false;
  if (core.op === "tanh" || core.op === "erf") return true;
  if (offset !== -slope) return false;
  const [a, c] = core.operands.map(behindViews);
  if (core.op === "mul") return isSaturated(a!) && isSaturated(c!);
  return isSaturated(core) || ((core.op === "pow" || core.op === "prod") && isSaturated(a!));
}

const isSaturated = (x: Node): boolean => SATURATED.has(x.op);

/** What grows so slowly that its exponential is a power, and what is given near 0. */
const SMALL: ReadonlySet<OpName> = new Set<OpName>([
  "constant",
  "extent",
  "step",
  "random",
  "cast",
  "log",
  "log1p",
]);

const small = ([least, most]: Interval): Interval => [limited(least), limited(most)];
const limited = (x: number): number => Math.min(Math.max(x, -1), 1);

/**
 * Where x lies for numbers that networks meet: a bound that it may have counts, and what is clamped
 * in one branch or shifted by a maximum has one. Only whether an end is infinite, and its sign, are
 * meant.
 */
const usualRange: (x: Node) => Interval = fact<Interval>((x, ranges) => {
  if (SMALL.has(x.op)) return small(rangeFrom(x, ranges));
  switch (x.op) {
    case "where": {
      const ends = (end: 0 | 1): readonly number[] => ranges.slice(1).map((range) => range[end]);
      return [Math.min(...finite(ends(0), -Infinity)), Math.max(...finite(ends(1), Infinity))];
    }
    case "div":
    case "sum":
      return ranges[0]!;
    case "sub": {
      const [least, most] = rangeFrom(x, ranges);
      const isBelowZero = isShifted(x) || ["reduce_max", "logsumexp"].includes(behindCut(x.operands[1]!).op);
      return [least, isBelowZero ? Math.min(most, 0) : most];
    }
    default:
      return rangeFrom(x, ranges);
  }
});

/** Those of the numbers that are finite; `none` where none is. */
function finite(numbers: readonly number[], none: number): readonly number[] {
  const found = numbers.filter(Number.isFinite);
  return found.length === 0 ? [none] : found;
}

function behindCut(node: Node): Node {
  while (isPick(node) || node.op === "stop_gradient") node = node.operands[0]!;
  return node;
}

/**
 * Whether x is an exponent less the largest of its sum, as `log-sums.ts` writes it: x - where(|m| =
 * ∞, 0, m).
 */
function isShifted(given: Node): boolean {
  const x = behindViews(given);
  if (x.op === "min" && isConstant(x.operands[1]!)) return isShifted(x.operands[0]!);
  if (x.op !== "sub") return false;
  const shift = behindViews(x.operands[1]!);
  return (
    shift.op === "where" &&
    shift.operands[0]!.op === "eq" &&
    shift.operands[0]!.operands[0]!.op === "abs" &&
    shift.operands[0]!.operands[0]!.operands[0] === shift.operands[2] &&
    shift.operands[2]!.op === "stop_gradient"
  );
}
