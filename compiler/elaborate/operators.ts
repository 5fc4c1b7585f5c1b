/** Operators on values: on numbers at once, on tensors as nodes. */
import type { BinaryOperator } from "../../grammar/ast.ts";
import type { Comparison } from "../../grammar/operators.ts";
import type { Build } from "../graph/build.ts";
import type { ElementwiseName, Node } from "../ir/node.ts";
import { opOf } from "../ir/notation.ts";
import { OpError } from "../ir/op-error.ts";
import { keepsInts } from "../ops/elementwise.ts";
import { scalar } from "../ops/scalar.ts";
import { product } from "./product.ts";
import { isStatic, toFloat, toNode } from "./tensors.ts";
import { boolean, isCallable, kindOf, number, tensor, type Value } from "./values.ts";

type Arithmetic = "+" | "-" | "*" | "/" | "^";

/**
 * `left operator right`. `and` and `or` of booleans that are known are decided before, so that the
 * right side may be left alone.
 */
export function binary(build: Build, operator: BinaryOperator, left: Value, right: Value): Value {
  switch (operator) {
    case "+":
    case "-":
    case "*":
    case "/":
    case "^":
      return staticArithmetic(operator, left, right) ?? elementwise(build, opOf[operator], left, right);
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "==":
    case "!=": {
      const known = staticComparison(operator, left, right);
      return known === null ? elementwise(build, opOf[operator], left, right) : boolean(known);
    }
    case "@":
      return tensor(product(build, toFloat(build, left), toFloat(build, right)));
    case "and":
    case "or":
      return tensor(
        build.elementwise(operator, toTruth(build, left, operator), toTruth(build, right, operator)),
      );
    default:
      return operator satisfies never;
  }
}

/**
 * Elementwise, broadcast to one another; a number needs no node of its own shape. What gives whole
 * numbers of whole numbers (`+ - * max min`) is `int` for them; all else is of floats.
 */
export function elementwise(build: Build, op: ElementwiseName, left: Value, right: Value): Value {
  const operands = [left, right].map((value) =>
    value.kind === "number" ? value.value : toNode(build, value),
  );
  const whole =
    keepsInts(op) && operands.every((x) => (typeof x === "number" ? Number.isInteger(x) : isInt(x)));
  return tensor(
    build.elementwise(op, ...operands.map((x) => (whole || typeof x === "number" ? x : build.toFloat(x)))),
  );
}

const isInt = ({ type }: Node): boolean => type === "int";

/** `op` of one value: of whole numbers where it gives whole numbers for them, else of floats. */
export function ofEach(build: Build, op: ElementwiseName, x: Value): Node {
  const node = toNode(build, x);
  return build.elementwise(op, keepsInts(op) && isInt(node) ? node : build.toFloat(node));
}

/** `null` where the value is not known, or is not a size or a number. */
function staticArithmetic(operator: Arithmetic, left: Value, right: Value): Value | null {
  if (operator === "+" && isPlainList(left) && isPlainList(right)) {
    throw new OpError(
      "type-mismatch",
      "`+` of two lists does not join them",
      [],
      "write `[...a, ...b]` to join lists, `[...a, x]` to add an item, and `stack(a) + stack(b)` to add up their entries",
    );
  }
  if (left.kind === "number" && right.kind === "number")
    return number(scalar(opOf[operator], left.value, right.value));
  if (left.kind === "boolean" || right.kind === "boolean") {
    throw new OpError(
      "type-mismatch",
      `\`${operator}\` needs numbers, and one side is true or false`,
      [],
      "choose numbers with `where(c, 1, 0)`",
    );
  }
  return sizeArithmetic(operator, left, right);
}

/** A list without lists in it: a table of numbers is read as a matrix. */
const isPlainList = (value: Value): boolean => value.kind === "list" && value.depth === 1;

/**
 * Multiples of N stay sizes as long as they are whole; anything else becomes a number of run time.
 */
function sizeArithmetic(operator: string, left: Value, right: Value): Value | null {
  const size = (count: number): Value | null =>
    Number.isSafeInteger(count) && count >= 1 ? { kind: "size", count } : null;
  if (left.kind === "size" && right.kind === "size") {
    if (operator === "/") return number(left.count / right.count);
    if (operator === "+") return size(left.count + right.count);
    return operator === "-"
      ? left.count === right.count
        ? number(0)
        : size(left.count - right.count)
      : null;
  }
  if (left.kind === "size" && right.kind === "number") {
    if (operator === "*") return size(left.count * right.value);
    return operator === "/" ? size(left.count / right.value) : null;
  }
  if (left.kind === "number" && right.kind === "size") {
    return operator === "*" ? size(left.value * right.count) : null;
  }
  return null;
}

/** `null` where it is a question for run time. */
function staticComparison(operator: Comparison, left: Value, right: Value): boolean | null {
  const holds = (a: number, b: number): boolean => scalar(opOf[operator], a, b) !== 0;
  if (left.kind === "number" && right.kind === "number") return holds(left.value, right.value);
  if (left.kind === "size" && right.kind === "size") return holds(left.count, right.count);
  if (operator !== "==" && operator !== "!=") return null;
  const equal = sameThing(left, right);
  return equal === null ? null : equal === (operator === "==");
}

/** Whether two values that are no numbers are the same; `null` where one of them is a tensor. */
function sameThing(left: Value, right: Value): boolean | null {
  if (left.kind === "boolean" && right.kind === "boolean") return left.value === right.value;
  if (left.kind === "all" || right.kind === "all") return left.kind === right.kind;
  if ([left, right].some((value) => value.kind === "scheduled" && value.asks)) return false;
  if (isCallable(left) || isCallable(right)) {
    if (left.kind === "function" && right.kind === "function") return left.declaration === right.declaration;
    if (left.kind === "primitive" && right.kind === "primitive") return left.name === right.name;
    return left === right;
  }
  return null;
}

/**
 * Whether two values are one: of tensors, whether they are one formula, since equal formulas are one
 * node.
 */
export function isSame(a: Value, b: Value): boolean {
  if (a.kind === "tensor") return b.kind === "tensor" && a.node === b.node;
  if (a.kind === "list") {
    return (
      b.kind === "list" &&
      a.items.length === b.items.length &&
      a.items.every((item, i) => isSame(item, b.items[i]!))
    );
  }
  return staticComparison("==", a, b) ?? false;
}

export function negate(build: Build, value: Value): Value {
  if (value.kind === "number") return number(-value.value);
  if (value.kind === "boolean")
    throw new OpError(
      "type-mismatch",
      "`-` needs a number, but this is true or false",
      [],
      "its opposite is `not`",
    );
  return tensor(ofEach(build, "neg", value));
}

export function not(build: Build, value: Value): Value {
  if (value.kind === "boolean") return boolean(!value.value);
  return tensor(build.not(toTruth(build, value, "not")));
}

/**
 * A tensor of booleans. @throws OpError for numbers: what is true of a number is for the program to
 * say
 */
export function toTruth(build: Build, value: Value, what: string): Node {
  if (isStatic(value) && value.kind !== "boolean") {
    throw new OpError(
      "type-mismatch",
      `\`${what}\` needs true or false, but this is ${kindOf(value)}`,
      [],
      "compare it with something, as in `n > 0`",
    );
  }
  const node = toNode(build, value);
  if (node.type === "bool") return node;
  throw new OpError(
    "type-mismatch",
    `\`${what}\` needs true or false, but these are numbers`,
    [],
    "compare them with something, as in `x > 0`",
  );
}

/** `x'`: the last two axes exchanged. */
export function transpose(build: Build, value: Value): Value {
  const node = toNode(build, value);
  if (node.shape.length < 2) {
    throw new OpError(
      "shape-mismatch",
      "`'` exchanges the last two axes, and there are not two",
      [],
      "a vector needs no transpose in `@`; `reshape(x, [n, 1])` makes it a column",
    );
  }
  return tensor(build.transpose(node));
}
