/** What stands in boxes: signs, names, formulas. */
import { infix } from "../../grammar/operators.ts";
import { entryAt } from "../derive/entries.ts";
import { symbol, weight, type Formula } from "../derive/formula.ts";
import { LETTERS } from "../derive/loops.ts";
import { namingOf, readNode, type Naming } from "../derive/read.ts";
import { formulaText } from "../derive/text.ts";
import { reachable } from "../graph/graph.ts";
import type { Node } from "../ir/node.ts";
import { operatorOf } from "../ir/notation.ts";
import { carriedBy, loopsAround } from "../ir/loops.ts";
import { isOne, showShape } from "../ir/size.ts";
import type { Joint } from "./joint.ts";
import { isNumber, isView, unviewed } from "./visible.ts";

export class Labels {
  readonly #naming: Naming;
  readonly #names: ReadonlyMap<Node, string>;
  /** By what flows back, the value it flows back to. */
  readonly #valueOf: ReadonlyMap<Node, Node>;
  readonly #gradients: Joint["gradients"];
  readonly #forward: ReadonlySet<Node>;
  /** By the value that a loop carries on, what that is called inside of it. */
  readonly #carried: ReadonlyMap<Node, string>;

  constructor({ model, names, flows, gradients }: Joint, forward: ReadonlySet<Node>) {
    this.#naming = namingOf(model, false);
    this.#names = names;
    this.#valueOf = valuesByFlow(flows);
    this.#gradients = gradients;
    this.#forward = forward;
    this.#carried = carriedNames(forward);
  }

  shape(node: Node): string {
    // A reduction keeps its axes as size 1, which is no news.
    if (node.operands.length > 0 && node.shape.every(isOne)) return "";
    return node.shape.length === 0
      ? ""
      : (node.type === "float" ? "" : node.type) + showShape(node.shape, this.#naming.freeName);
  }

  caption(node: Node): string | null {
    if (node.operands.length === 0) return null;
    const own = this.#names.get(node);
    if (own !== undefined) return own === "loss" ? null : own;
    return this.#flowName(node);
  }

  /** `+`, `σ`, `÷ N`: with the numbers among its operands, and without the tensors. */
  label(node: Node): string {
    const { op } = node;
    if (op === "carried") return `${node.origin.name ?? "carried"}, from before`;
    if (op === "pick") return "entry";
    if (op === "scan") return "all places";
    if (node.operands.length === 0) {
      const formula = readNode(node, [], this.#naming);
      return formula.kind === "symbol" ? formula.name : formulaText(formula);
    }
    const operator = operatorOf(op);
    if (operator !== undefined) {
      const sign = infix[operator].sign ?? operator;
      const numbers = node.operands.map((operand) => {
        const source = unviewed(operand);
        return isNumber(source) && op !== "matmul" ? this.#numberText(source) : null;
      });
      const [left, right] = numbers;
      if (right !== null && right !== undefined) return `${sign} ${right}`;
      if (left !== null && left !== undefined) return `${left} ${sign}`;
      return sign;
    }
    if (isReduction(node)) {
      const unknown: Formula = symbol("", true);
      const name = {
        sum: "Σ",
        prod: "Π",
        reduce_max: "max",
        reduce_min: "min",
        logsumexp: "log Σ exp",
        argmax: "argmax",
      }[node.op];
      const text = formulaText(readNode(node, [unknown], this.#naming)).trim();
      return node.op === "sum" ? text : name;
    }
    return FUNCTIONS[op] ?? op;
  }

  #numberText(node: Node): string {
    return formulaText(readFormula(node, this.#naming, () => null));
  }

  /** What a folded layer computes of what it is given. */
  ofLayer(last: Node, inside: ReadonlySet<Node>): string | null {
    return fitting(this.#formula(last, inside));
  }

  /**
   * What the backward pass of a folded layer hands on; where that is nothing, the gradient of its
   * first parameter.
   */
  ofFlow(inside: ReadonlySet<Node>): string | null {
    const flow = [...this.#valueOf.keys()].find((node) => inside.has(node));
    const gradient = this.#gradients.find(({ node }) => inside.has(unviewed(node)));
    const node = flow ?? gradient?.node;
    if (node === undefined) return null;
    const nameOf = (part: Node): string | null =>
      isNumber(part)
        ? null
        : (this.#flowName(part) ?? (this.#forward.has(part) ? this.#outerName(part) : null));
    return fitting(formulaText(readFormula(node, this.#naming, nameOf)));
  }

  /** Of a value of the forward pass where the backward pass reads it. */
  ofKept(node: Node): string {
    if (node.operands.length === 0) return this.label(node);
    return this.#names.get(node) ?? this.#stackName(node) ?? this.#formula(node, new Set());
  }

  #formula(node: Node, inside: ReadonlySet<Node>): string {
    const nameOf = (part: Node): string | null =>
      isNumber(part) || inside.has(part) ? this.#localName(part) : this.#outerName(part);
    return formulaText(readFormula(node, this.#naming, nameOf));
  }

  /** `δh` of what flows back to h. */
  #flowName(flow: Node): string | null {
    const value = this.#valueOf.get(flow);
    return value === undefined ? null : `δ${this.#names.get(value) ?? ""}`;
  }

  /** Sources go by their names, parameters without the layer's. */
  #localName(node: Node): string | null {
    if (node.op === "parameter") return this.#naming.parameterPath(node.attributes.index).split(".").at(-1)!;
    return node.op === "input" ? node.attributes.name : null;
  }

  #outerName(node: Node): string | null {
    return this.#localName(node) ?? this.#names.get(node) ?? this.#stackName(node);
  }

  /** What a loop leaves is named as what it leaves at each place. */
  #stackName(node: Node): string | null {
    if (node.op !== "scan") return null;
    const value = unviewed(node.operands[0]!);
    return value.origin.name ?? this.#carried.get(value) ?? null;
  }
}

function carriedNames(nodes: Iterable<Node>): ReadonlyMap<Node, string> {
  const all = [...nodes];
  const loops = carriedBy(all);
  const names = new Map<Node, string>();
  for (const { op, attributes, origin } of all) {
    if (op !== "carried" || origin.name === undefined) continue;
    const next = loops.get(attributes.loop.id)?.next[attributes.index];
    if (next !== undefined && !names.has(unviewed(next))) names.set(unviewed(next), origin.name);
  }
  return names;
}

/** More symbols than this no box has room for. */
const MOST_SYMBOLS = 14;
const TOO_LONG = "…";
const fitting = (formula: string): string | null => (formula === TOO_LONG ? null : formula);

/** What flows back to several values has the name of the first. */
function valuesByFlow(flows: Joint["flows"]): ReadonlyMap<Node, Node> {
  const values = new Map<Node, Node>();
  for (const [value, flow] of flows) if (!values.has(flow)) values.set(flow, value);
  return values;
}

/** The formula of `node` down to where `nameOf` knows a name; what is too long for a box is `…`. */
function readFormula(node: Node, naming: Naming, nameOf: (node: Node) => string | null): Formula {
  const formulas = new Map<Node, Formula>();
  const read = (part: Node, operands: readonly Formula[]): Formula => {
    if (part.op === "pick") return entry(part.operands[0]!, LETTERS[loopsAround(part).size - 1] ?? "t");
    const formula = readNode(part, operands, naming);
    // The order of axes would take the place of what matters.
    return part.op === "permute" && formula.kind === "call" ? operands[0]! : formula;
  };
  /** xₜ */
  const entry = (of: Node, letter: string): Formula =>
    entryAt(of, 0, letter, {
      read,
      formulaOf: (part) => formulas.get(part)!,
      placed: (_, whole) => ({ ...whole, name: `${whole.name}@${letter}` }),
    });
  for (const part of reachable([node])) {
    const name = part === node || isView(part) ? null : (nameOf(part) ?? nameInLoop(part));
    const operands = part.operands.map((operand) => formulas.get(operand)!);
    const formula = name === null ? read(part, operands) : symbol(name, false);
    formulas.set(part, weight(formula) > MOST_SYMBOLS ? symbol(TOO_LONG, false) : formula);
  }
  return formulas.get(node)!;
}

/** What the source calls a value in the body of a loop; an entry is written as one, xₜ. */
const nameInLoop = (node: Node): string | null =>
  node.op !== "pick" && node.operands.length > 0 && loopsAround(node).size > 0
    ? (node.origin.name ?? null)
    : null;

const FUNCTIONS: Partial<Record<Node["op"], string>> = {
  neg: "−",
  reciprocal: "1/·",
  sigmoid: "σ",
  sqrt: "√",
  abs: "|·|",
  one_hot: "onehot",
  gather: "[y]",
  stop_gradient: "stop",
};

type Reduction = Extract<Node, { op: "sum" | "prod" | "reduce_max" | "reduce_min" | "logsumexp" | "argmax" }>;
const isReduction = (node: Node): node is Reduction =>
  ["sum", "prod", "reduce_max", "reduce_min", "logsumexp", "argmax"].includes(node.op);
