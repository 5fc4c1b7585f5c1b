/** Elementwise formulas that cost more than they need. */
import { remake } from "../../graph/graph.ts";
import type { ElementwiseName, Node } from "../../ir/node.ts";
import { scalar } from "../../ops/scalar.ts";
import type { Rule, Site } from "../rewrite.ts";
import { elementwiseNames } from "../../ops/elementwise.ts";
import { isConstant, isOrdinary, isScale, orders } from "./match.ts";

export const arithmetic: readonly Rule[] = [
  {
    name: "fold-constants",
    formula: "f(2, 3) → its value",
    at: elementwiseNames,
    rewrite({ b }, node) {
      if (!node.operands.every((x) => isConstant(x))) return null;
      const numbers = node.operands.map((x) => (isConstant(x) ? x.attributes.value : NaN));
      // The rule is asked about elementwise ops alone, of which the node's type knows nothing.
      return b.constant(scalar(node.op as ElementwiseName, ...numbers), node.shape, node.type);
    },
  },
  {
    name: "constant-last",
    formula: "c + x → x + c, c x → x c",
    at: ["add", "mul"],
    rewrite({ b }, node) {
      const [a, c] = node.operands;
      if (!isConstant(a!) || isConstant(c!)) return null;
      return node.op === "add" ? b.add(c!, a) : b.mul(c!, a);
    },
  },
  {
    name: "add-zero",
    formula: "x ± 0 → x",
    at: ["add", "sub"],
    rewrite: (_, { operands: [x, zero] }) => (isConstant(zero!, 0) ? x! : null),
  },
  {
    name: "subtract-from-zero",
    formula: "0 - x → -x",
    at: ["sub"],
    rewrite: ({ b }, { operands: [zero, x] }) => (isConstant(zero!, 0) ? b.neg(x!) : null),
  },
  {
    name: "times-one",
    formula: "x · 1 → x, x / 1 → x",
    at: ["mul", "div"],
    rewrite: (_, { operands: [x, one] }) => (isConstant(one!, 1) ? x! : null),
  },
  {
    name: "times-minus-one",
    formula: "x · -1 → -x, x / -1 → -x",
    at: ["mul", "div"],
    rewrite: ({ b }, { operands: [x, one] }) => (isConstant(one!, -1) ? b.neg(x!) : null),
  },
  {
    name: "divide-by-power-of-two",
    formula: "x / 2^k → x · 2^-k",
    at: ["div"],
    rewrite({ b }, { operands: [x, c] }) {
      if (!isConstant(c!) || !isPowerOfTwo(c.attributes.value)) return null;
      return b.mul(x!, 1 / c.attributes.value);
    },
  },
  {
    name: "one-over",
    formula: "1 / x → reciprocal x",
    at: ["div"],
    rewrite: ({ b }, { operands: [one, x] }) => (isConstant(one!, 1) ? b.reciprocal(x!) : null),
  },
  {
    name: "merge-factors",
    formula: "(x a) b → x (a b), for numbers a and b",
    at: ["mul"],
    rewrite({ b, as }, { operands: [scaled, c] }) {
      const inner = as(scaled!, "mul");
      const a = inner?.operands[1];
      if (inner === null || a === undefined || !isConstant(a) || !isConstant(c!)) return null;
      const product = a.attributes.value * c.attributes.value;
      // A product out of range is not the product of the two in steps.
      return isOrdinary(product) ? b.mul(inner.operands[0]!, product) : null;
    },
  },
  {
    name: "double-negation",
    formula: "--x → x",
    at: ["neg"],
    rewrite: ({ as }, { operands: [x] }) => as(x!, "neg")?.operands[0] ?? null,
  },
  {
    name: "negated-difference",
    formula: "-(a - b) → b - a",
    at: ["neg"],
    rewrite({ b, as }, { operands: [x] }) {
      const difference = as(x!, "sub");
      return difference === null ? null : b.sub(difference.operands[1]!, difference.operands[0]!);
    },
  },
  {
    name: "negated-scale",
    formula: "-(x c) → x (-c), for a number c",
    at: ["neg"],
    rewrite({ b, as }, { operands: [x] }) {
      const product = as(x!, "mul");
      const c = product?.operands[1];
      return product === null || c === undefined || !isConstant(c)
        ? null
        : b.mul(product.operands[0]!, -c.attributes.value);
    },
  },
  {
    name: "add-negated",
    formula: "a + -b → a - b, -a + b → b - a, a - -b → a + b, -a - b → -(a + b)",
    at: ["add", "sub"],
    rewrite(site, node) {
      if (node.op === "sub") {
        const right = withoutMinus(site, node.operands[1]!);
        if (right !== null) return site.b.add(node.operands[0]!, right);
        const left = site.as(node.operands[0]!, "neg");
        return left === null ? null : site.b.neg(site.b.add(left.operands[0]!, node.operands[1]!));
      }
      for (const [x, y] of orders(node)) {
        const positive = withoutMinus(site, y);
        if (positive !== null) return site.b.sub(x, positive);
      }
      return null;
    },
  },
  {
    name: "twice",
    formula: "x + x → 2 x",
    at: ["add"],
    rewrite: ({ b }, { operands: [x, y] }) => (x === y ? b.mul(x!, 2) : null),
  },
  {
    name: "common-factor",
    formula: "c x ± c y → c (x ± y), where c is a number or the inverse of a size; where(t, c, 0) is c [t]",
    at: ["add", "sub"],
    rewrite(site, node) {
      const { b } = site;
      const [left, right] = node.operands.map((x) => factors(site, x));
      for (const [c, x] of left!) {
        for (const [d, y] of right!) {
          if (c === d && isScale(c)) return b.mul(node.op === "add" ? b.add(x, y) : b.sub(x, y), c);
        }
      }
      return null;
    },
  },
  {
    name: "negated-factor",
    formula: "-a · b → -(a b), -a / b → -(a / b), a / -b → -(a / b)",
    at: ["mul", "div"],
    rewrite({ b, as }, node) {
      const [x, y] = node.operands.map((operand) => as(operand, "neg")?.operands[0] ?? null);
      if (x === null && y === null) return null;
      const [u, v] = [x ?? node.operands[0]!, y ?? node.operands[1]!];
      const product = node.op === "mul" ? b.mul(u, v) : b.div(u, v);
      return x !== null && y !== null ? product : b.neg(product);
    },
  },
  {
    name: "negated-sum",
    formula: "Σ -x → -Σ x",
    at: ["sum"],
    rewrite({ b, as }, node) {
      if (node.op !== "sum") return null;
      const inner = as(node.operands[0]!, "neg");
      return inner === null ? null : b.neg(b.sum(inner.operands[0]!, node.attributes.axes));
    },
  },
  {
    name: "small-powers",
    formula: "x^-2, x^-1, x^-½, x^0, x^½, x^1, x^2, x^3 → 1/x², 1/x, 1/√x, 1, √x, x, x x, x x x",
    at: ["pow"],
    rewrite({ b }, { operands: [x, p], shape }) {
      switch (isConstant(p!) ? p.attributes.value : NaN) {
        case -2:
          return b.reciprocal(b.mul(x!, x!));
        case -1:
          return b.reciprocal(x!);
        case -0.5:
          return b.reciprocal(b.sqrt(x!));
        case 0:
          return b.constant(1, shape);
        case 0.5:
          return b.sqrt(x!);
        case 1:
          return x!;
        case 2:
          return b.mul(x!, x!);
        case 3:
          return b.mul(b.mul(x!, x!), x!);
        default:
          return null;
      }
    },
  },
  {
    name: "known-choice",
    formula: "where(true, a, b) → a, where(c, a, a) → a",
    at: ["where"],
    rewrite(_, { operands: [c, a, otherwise] }) {
      if (a === otherwise) return a!;
      if (!isConstant(c!)) return null;
      return c.attributes.value === 0 ? otherwise! : a!;
    },
  },
  {
    name: "negated-choice",
    formula: "where(not c, a, b) → where(c, b, a)",
    at: ["where"],
    rewrite({ b, as }, { operands: [c, a, otherwise] }) {
      const inner = as(c!, "not");
      return inner === null ? null : b.where(inner.operands[0]!, otherwise!, a!);
    },
  },
  {
    name: "joined-choices",
    formula: "where(c, a, 0) + where(c, 0, b) → where(c, a, b)",
    at: ["add"],
    rewrite({ b, as }, node) {
      for (const [x, y] of orders(node)) {
        const [left, right] = [as(x, "where"), as(y, "where")];
        if (left === null || right === null || left.operands[0] !== right.operands[0]) continue;
        const [c, a, zero] = left.operands;
        const [, nought, otherwise] = right.operands;
        if (isConstant(zero!, 0) && isConstant(nought!, 0)) return b.where(c!, a!, otherwise!);
      }
      return null;
    },
  },
  {
    name: "double-not",
    formula: "not not x → x",
    at: ["not"],
    rewrite: ({ as }, { operands: [x] }) => as(x!, "not")?.operands[0] ?? null,
  },
];

/** The ways in which x is a product. */
function factors({ as, b }: Site, x: Node): readonly (readonly [Node, Node])[] {
  const product = as(x, "mul");
  if (product !== null) return orders(product);
  const [test, then, otherwise] = as(x, "where")?.operands ?? [];
  return otherwise !== undefined && isConstant(otherwise, 0) ? [[then!, b.toFloat(test!)]] : [];
}

/**
 * -x, where x carries a minus that costs nothing to leave out: its own, or that of a number spread
 * over it as a factor or a branch.
 */
function withoutMinus(site: Site, x: Node, depth = 4): Node | null {
  const { b, as } = site;
  if (depth === 0) return null;
  const own = as(x, "neg");
  if (own !== null) return own.operands[0]!;
  const view = as(x, "broadcast") ?? as(x, "reshape");
  if (view !== null) {
    const inner = withoutMinus(site, view.operands[0]!, depth - 1);
    return inner === null ? null : remake(b.graph, view as unknown as Node, [inner]);
  }
  const product = as(x, "mul");
  for (const [u, v] of product === null ? [] : orders(product)) {
    const positive = v.op === "broadcast" ? withoutMinus(site, v, depth - 1) : null;
    if (positive !== null) return b.mul(positive, u);
  }
  const choice = as(x, "where");
  if (choice !== null) {
    const [c, then, otherwise] = choice.operands;
    if (isConstant(otherwise!, 0)) {
      const positive = withoutMinus(site, then!, depth - 1);
      return positive === null ? null : b.where(c!, positive, 0);
    }
    if (isConstant(then!, 0)) {
      const positive = withoutMinus(site, otherwise!, depth - 1);
      return positive === null ? null : b.where(c!, 0, positive);
    }
  }
  return null;
}

const isPowerOfTwo = (c: number): boolean =>
  isOrdinary(c) && Number.isInteger(Math.log2(Math.abs(c))) && 2 ** Math.log2(Math.abs(c)) === Math.abs(c);
