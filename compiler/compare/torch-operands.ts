/** Values that a PyTorch program has written down, and how they stand in what uses them. */
import type { Node, NodeOf } from "../ir/node.ts";
import { isOne, sameShape } from "../ir/size.ts";
import { constantTensor, type Expression, level, type Level, literal } from "./python.ts";

export class Operands {
  readonly written = new Map<Node, Expression>();
  /** What a gradient is taken with respect to. */
  readonly variables = new Set<Node>();
  readonly randoms: NodeOf<"random">[] = [];
  /** The lists of what loops leave, of those results that have no name. */
  readonly stacks = new Map<Node, string>();

  at(node: Node, least: Level): string {
    const { text, level: own } = this.written.get(node)!;
    return own < least ? `(${text})` : text;
  }

  /** An operand that must be a tensor of its full shape. */
  tensor(node: Node, least: Level = level.any): string {
    if (node.op === "constant") return constantTensor(node);
    if (node.op === "extent") return `torch.tensor(float(${this.at(node, level.any)}))`;
    return this.at(node, least);
  }

  /** The operand as floats, as ops of numbers want it. */
  float(node: Node, least: Level = level.any): string {
    if (node.type === "float" || node.op === "constant") return this.tensor(node, least);
    return `${this.tensor(node, level.atom)}.double()`;
  }

  /**
   * Operands of an elementwise op. PyTorch stretches axes by itself, and takes numbers, as long as
   * one operand has the shape of the result.
   */
  ofElements(node: Node, needs: readonly Level[], asFloat: boolean): string[] {
    const isLoose = (x: Node): boolean =>
      x.op === "broadcast" || x.op === "constant" || (x.op === "extent" && node.shape.length === 0);
    const anchored = node.operands.some((x, i) => !isLoose(x) && !(node.op === "where" && i === 0));
    return node.operands.map((x, i) => {
      const least = needs[i] ?? level.any;
      const isCondition = node.op === "where" && i === 0;
      // What a gradient is taken with respect to must be met itself.
      if (this.variables.has(x)) return this.float(x, least);
      if (anchored && x.op === "constant" && !isCondition) {
        return literal(x.attributes.value, x.type, least);
      }
      if (anchored && x.op === "broadcast") {
        const inner = unpadded(x.operands[0]!);
        if (inner.op === "extent") return this.at(inner, least);
        if (inner.op === "constant") return literal(inner.attributes.value, inner.type, least);
        if (inner.type === "float" || isCondition || !asFloat) return this.at(inner, least);
        return `${this.at(inner, level.atom)}.double()`;
      }
      if (anchored && x.op === "extent") return this.at(x, least);
      return asFloat && !isCondition ? this.float(x, least) : this.tensor(x, least);
    });
  }
}

/**
 * What a reshape only gave leading axes of size 1, before them: broadcasting adds those by itself.
 */
function unpadded(x: Node): Node {
  if (x.op !== "reshape") return x;
  const inner = x.operands[0]!;
  const missing = x.shape.length - inner.shape.length;
  const isPadding =
    missing > 0 && x.shape.slice(0, missing).every(isOne) && sameShape(x.shape.slice(missing), inner.shape);
  return isPadding ? inner : x;
}

/** What is part of its users' lines: numbers, and views that broadcasting makes needless. */
export const isInPlace = (node: Node): boolean =>
  node.op === "constant" || node.op === "extent" || node.op === "broadcast" || unpadded(node) !== node;
