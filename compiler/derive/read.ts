/** From a node of the graph to the formula a person would write for it. */
import { isComparison } from "../../grammar/operators.ts";
import { pathOf, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { operatorOf } from "../ir/notation.ts";
import { countOf, isFree, isOne, sameSize, type Shape, showSize } from "../ir/size.ts";
import { chain, choice, compare, plus, transposed } from "./algebra.ts";
import { symbol, type Formula, type Total } from "./formula.ts";
import { both, either, indicator, not } from "./logic.ts";
import { negated, number, over, raised, times } from "./products.ts";

export interface Naming {
  /** The free dimension's name. */
  readonly freeName: string;
  readonly parameterPath: (index: number) => string;
  /** In a function of one number every tensor is written as that number. */
  readonly asNumber: boolean;
}

/** As `model` names its dimensions and parameters. */
export const namingOf = (model: Model, asNumber: boolean): Naming => ({
  freeName: model.freeName ?? "N",
  parameterPath: (index) => pathOf(model, index),
  asNumber,
});

/** Letters for the axes of fixed size, by place; the free one has its own name in lower case. */
const INDICES = "ijklmopqrst";
/** Entries of a table that are written out. */
const MOST_ENTRIES = 8;

/** What `node` is, where its operands are what `operands` says. */
export function readNode(node: Node, operands: readonly Formula[], naming: Naming): Formula {
  const [a, b, c] = operands;
  const operator = operatorOf(node.op);
  if (operator !== undefined && isComparison(operator)) return compare(operator, numeric(a!), numeric(b!));
  switch (node.op) {
    case "add":
    case "couple":
      return plus(numeric(a!), numeric(b!));
    case "sub":
      return plus(numeric(a!), negated(numeric(b!)));
    case "mul":
      return isOuterProduct(node) ? chain(a!, b!) : times(numeric(a!), numeric(b!));
    case "div":
      return over(numeric(a!), numeric(b!));
    case "reciprocal":
      return raised(numeric(a!), -1);
    case "neg":
      return negated(numeric(a!));
    case "pow":
      return b!.kind === "number" ? raised(a!, b!.value) : { kind: "power", base: a!, exponent: b! };
    case "cast":
      return numeric(a!);
    case "expm1":
      return plus(call("exp", a!), number(-1));
    case "log1p":
      return call("log", plus(number(1), a!));
    case "logsumexp":
      return call("log", total("Σ", node, call("exp", a!), naming));
    case "and":
      return both(a!, b!);
    case "or":
      return either(a!, b!);
    case "not":
      return not(a!);
    case "where":
      return choice(a!, b!, c!);
    case "sum":
      return total("Σ", node, numeric(a!), naming);
    case "prod":
      return total("Π", node, numeric(a!), naming);
    case "reduce_max":
      return total("max", node, numeric(a!), naming);
    case "reduce_min":
      return total("min", node, numeric(a!), naming);
    case "matmul":
      return productOfMatrices(node, a!, b!, naming);
    case "broadcast":
      return a!;
    case "reshape":
      if (a!.kind === "number" || a!.kind === "truth") return a!;
      if (isTransposedVector(node)) return transposed(a!);
      return sameShapeButOnes(node.operands[0]!.shape, node.shape) ? a! : call("reshape", a!);
    case "permute":
      if (a!.kind === "number" || a!.kind === "truth") return a!;
      return exchangesLastTwo(node) ? transposed(a!) : call("permute", a!);
    case "slice":
      if (a!.kind === "number" || a!.kind === "truth") return a!;
      return { kind: "entry", of: a!, at: sliceParts(node).join(", ") };
    case "embed":
      return call("embed", a!);
    case "windows":
    case "fold":
      return call(node.op, a!);
    case "gather":
    case "take":
      return { kind: "entry", of: a!, at: b! };
    case "one_hot":
      return call("onehot", a!);
    case "grad":
      return call("grad", ...operands);
    case "scan":
      return a!;
    case "pick":
      return call("entry", a!);
    case "carried":
      return symbol(node.origin.name ?? "carried", isOneNumber(node, naming));
    case "constant":
      if (node.type === "bool") return { kind: "truth", value: node.attributes.value !== 0 };
      return number(node.attributes.value);
    case "extent":
      return times(number(countOf(node.attributes.size)), symbol(naming.freeName, true));
    case "table": {
      const { values } = node.attributes;
      const shown = values.slice(0, MOST_ENTRIES).map(String).join(", ");
      return symbol(`[${shown}${values.length > MOST_ENTRIES ? ", …" : ""}]`, naming.asNumber);
    }
    case "input":
      return symbol(node.attributes.name, isOneNumber(node, naming));
    case "parameter":
      return symbol(naming.parameterPath(node.attributes.index), isOneNumber(node, naming));
    case "state":
      return symbol(
        `${naming.parameterPath(node.attributes.parameter)}.${node.attributes.name}`,
        isOneNumber(node, naming),
      );
    case "hyper":
      return symbol(node.attributes.name, true);
    case "step":
      return symbol("step", true);
    case "iota":
      return symbol(indexOf(node.shape, node.attributes.axis, naming), isOneNumber(node, naming));
    case "random":
      return symbol(`random${node.attributes.site}`, isOneNumber(node, naming));
    default:
      return call(node.op, ...operands);
  }
}

/** Whether the tensor is written as one number. */
export const isOneNumber = ({ shape }: Node, { asNumber }: Naming): boolean => asNumber || shape.every(isOne);

const call = (name: string, ...operands: readonly Formula[]): Formula => ({
  kind: "call",
  name,
  operands: operands.map(numeric),
});

/** A condition among numbers is 1 or 0. */
function numeric(formula: Formula): Formula {
  const isCondition = formula.kind === "compare" || formula.kind === "logic" || formula.kind === "truth";
  return isCondition ? indicator(formula) : formula;
}

type Reduction = Extract<Node, { op: "sum" | "prod" | "reduce_max" | "reduce_min" | "logsumexp" }>;

function total(name: Total["name"], node: Reduction, of: Formula, naming: Naming): Formula {
  const { shape } = node.operands[0]!;
  const { axes } = node.attributes;
  const indices = axes.filter((axis) => !isOne(shape[axis]!)).map((axis) => indexOf(shape, axis, naming));
  if (indices.length === 0) return of;
  return summed(name, indices, of, node.shape.every(isOne));
}

/** Σ -x = -Σ x */
function summed(name: Total["name"], indices: readonly string[], of: Formula, scalar: boolean): Formula {
  const isNegative = name === "Σ" && of.kind === "product" && of.coefficient < 0;
  const sum: Formula = { kind: "total", name, indices, of: isNegative ? negated(of) : of, scalar };
  return isNegative ? negated(sum) : sum;
}

/** A matrix of ones adds up the rows of what it multiplies, or its columns. */
function productOfMatrices(node: Node, a: Formula, b: Formula, naming: Naming): Formula {
  const [left, right] = node.operands;
  const rank = node.shape.length;
  const scalar = node.shape.every(isOne);
  const depth = left!.shape[rank - 1]!;
  if (a.kind === "number") {
    const sum = isOne(depth) ? b : summed("Σ", [indexOf(right!.shape, rank - 2, naming)], b, scalar);
    return times(a, sum);
  }
  if (b.kind === "number") {
    if (isOne(depth)) return times(a, b);
    const sum = summed("Σ", [indexOf(left!.shape, rank - 1, naming)], transposed(a), scalar);
    return times(b, transposed(sum));
  }
  return chain(a, b);
}

function indexOf(shape: Shape, axis: number, { freeName }: Naming): string {
  if (isFree(shape[axis]!)) return freeName.toLowerCase();
  const letters = [...INDICES].filter((letter) => letter !== freeName.toLowerCase());
  return letters[axis] ?? `i${axis}`;
}

/** A column times a row: entry i, j is a_i b_j. */
function isOuterProduct({ operands }: Node): boolean {
  const [a, b] = operands.map((operand) =>
    operand.op === "broadcast" ? operand.operands[0]!.shape : operand.shape,
  );
  if (a?.length !== 2 || b?.length !== 2) return false;
  return isOne(a[1]!) && isOne(b[0]!) && !isOne(a[0]!) && !isOne(b[1]!);
}

const isTransposedVector = (node: Node): boolean => {
  const before = node.operands[0]!.shape;
  const after = node.shape;
  if (before.length !== 2 || after.length !== 2) return false;
  const exchanged = sameSize(before[0]!, after[1]!) && sameSize(before[1]!, after[0]!);
  return exchanged && !sameSize(before[0]!, before[1]!) && before.some(isOne);
};

function sameShapeButOnes(a: Shape, b: Shape): boolean {
  const [left, right] = [a, b].map((shape) => shape.filter((size) => !isOne(size)));
  return left!.length === right!.length && left!.every((size, axis) => sameSize(size, right![axis]!));
}

function exchangesLastTwo(node: Extract<Node, { op: "permute" }>): boolean {
  const { axes } = node.attributes;
  const rank = axes.length;
  return (
    rank >= 2 && axes.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
  );
}

/** `:` and `0` of `x[:, 0]`. */
export function sliceParts(node: Extract<Node, { op: "slice" }>): string[] {
  const { shape } = node.operands[0]!;
  return node.attributes.axes.map(({ start, fromEnd, step }, axis) => {
    const size = node.shape[axis]!;
    if (start === 0 && !fromEnd && step === 1 && sameSize(size, shape[axis]!)) return ":";
    const from = fromEnd ? `-${start}` : String(start);
    if (isOne(size)) return from;
    const end = isFree(size) || fromEnd ? "" : String(start + countOf(size) * step);
    return step === 1 ? `${from}:${end}` : `${from}:${end}:${step} (${showSize(size)})`;
  });
}
