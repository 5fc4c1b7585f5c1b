/**
 * What overflows, and what underflows to 0, for numbers that networks meet, as far as a formula
 * shows it. Rules ask before they make a formula longer, and warnings before they speak: where a
 * value cannot be seen to be large, or to vanish, the answer is no.
 */
import type { Node, OpName } from "../../ir/node.ts";
import { isNonNegative } from "../../ops/bounds.ts";
import { isView } from "../../ops/movement.ts";
import { ops } from "../../ops/table.ts";
import { affine, isConstant, type Look } from "./match.ts";

/**
 * Sums and products inside one another that are read; each branches, so the cost is 2 to this
 * power.
 */
const DEPTH = 7;

/** Whether each entry is one of the first operand's. */
const isPick = (node: Node): boolean => isView(node) || node.op === "gather";

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
      return !isBounded(x.operands[0]!, "above", DEPTH);
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
      return !isShifted(x.operands[0]!) && !isBounded(x.operands[0]!, "below", DEPTH);
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

type Side = "above" | "below";
const opposite = { above: "below", below: "above" } as const;

/** Values that are given near 0, and functions so slow that their exponential is a power. */
const SMALL: ReadonlySet<OpName> = new Set<OpName>([
  "constant",
  "extent",
  "step",
  "random",
  "cast",
  "log",
  "log1p",
]);
const isSmall = ({ op }: Node): boolean => SMALL.has(op) || ops[op].range.every(Number.isFinite);

/**
 * Whether x has a bound on that side, or may have one: what is clamped or shifted by a maximum
 * passes.
 */
function isBounded(given: Node, side: Side, depth: number): boolean {
  const x = behindViews(given);
  if (isSmall(x) || depth === 0) return true;
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
      if (side === "above" && (isShifted(x) || ["reduce_max", "logsumexp"].includes(behindCut(c!).op)))
        return true;
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
  while (isPick(node) || node.op === "stop_gradient") node = node.operands[0]!;
  return node;
}

/**
 * Whether x is an exponent less the largest of its sum, as `scaled.ts` writes it: x - where(|m| =
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
