/** The logarithm of what is an exponential at heart, without making the exponential. */
import type { Node } from "../../ir/node.ts";
import type { Rule, Site } from "../rewrite.ts";
import { axesOf, isConstant, negated, orders, throughViews } from "./match.ts";

interface Logarithm {
  readonly name: string;
  readonly formula: string;
  /** log `node`, or null; `depth` bounds how far products of quotients of powers are followed. */
  readonly of: (site: Site, node: Node, depth: number) => Node | null;
}

/** Products branch, so the cost is 2 to this power. */
const DEPTH = 6;

const logarithms: readonly Logarithm[] = [
  {
    name: "log-exp",
    formula: "log e^x → x",
    of: ({ as }, node) => as(node, "exp")?.operands[0] ?? null,
  },
  {
    name: "log-sigmoid",
    formula: "log σ(x) → -softplus(-x)",
    of(site, node) {
      const sigmoid = site.as(node, "sigmoid");
      return sigmoid === null ? null : site.b.neg(site.b.softplus(negated(site, sigmoid.operands[0]!)));
    },
  },
  {
    name: "log-one-minus-sigmoid",
    formula: "log(1 - σ(x)) → -softplus x",
    of(site, node) {
      const difference = site.as(node, "sub");
      if (difference === null || !isConstant(difference.operands[0]!, 1)) return null;
      const { core, again } = throughViews(site, difference.operands[1]!);
      const sigmoid = site.as(core, "sigmoid");
      return sigmoid === null ? null : again(site.b.neg(site.b.softplus(sigmoid.operands[0]!)));
    },
  },
  {
    name: "log-one-plus-exp",
    formula: "log(1 + e^x) → softplus x",
    of(site, node) {
      const sum = site.as(node, "add");
      for (const [one, e] of sum === null ? [] : orders(sum)) {
        const { core, again } = throughViews(site, e);
        const exponential = site.as(core, "exp");
        if (isConstant(one, 1) && exponential !== null)
          return again(site.b.softplus(exponential.operands[0]!));
      }
      return null;
    },
  },
  {
    name: "log-softmax",
    formula: "log softmax x → x - log Σ e^x",
    of({ b, as }, node) {
      const softmax = as(node, "softmax");
      if (softmax === null) return null;
      const x = softmax.operands[0]!;
      return b.sub(x, b.logsumexp(x, [softmax.attributes.axis]));
    },
  },
  {
    name: "logsumexp",
    formula: "log Σ e^x → logsumexp x",
    of({ b, as }, node) {
      const sum = as(node, "sum");
      const exponential = sum === null ? null : as(sum.operands[0]!, "exp");
      return sum === null || exponential === null ? null : b.logsumexp(exponential.operands[0]!, axesOf(sum));
    },
  },
  {
    name: "log-picked-softmax",
    formula: "log Σ one_hot(y) softmax x → x_y - log Σ e^x",
    of({ b, as }, node) {
      const sum = as(node, "sum");
      const product = sum === null ? null : as(sum.operands[0]!, "mul");
      if (sum === null || product === null) return null;
      const last = product.shape.length - 1;
      if (axesOf(sum).length !== 1 || axesOf(sum)[0] !== last) return null;
      for (const [mask, p] of orders(product)) {
        const chosen = as(as(mask, "cast")?.operands[0] ?? mask, "one_hot");
        const softmax = as(p, "softmax");
        if (chosen === null || softmax === null || softmax.attributes.axis !== last) continue;
        const x = softmax.operands[0]!;
        return b.sub(b.reshape(b.gather(x, chosen.operands[0]!), sum.shape), b.logsumexp(x, [last]));
      }
      return null;
    },
  },
  {
    name: "log-product",
    formula:
      "log(a c) → log a + log c, where one of them is listed here and the other is too, or is a positive constant",
    of: (site, node, depth) => logOfPair(site, site.as(node, "mul"), site.b.add, depth),
  },
  {
    name: "log-quotient",
    formula: "log(a / c) → log a - log c, likewise",
    of: (site, node, depth) => logOfPair(site, site.as(node, "div"), site.b.sub, depth),
  },
  {
    name: "log-reciprocal",
    formula: "log(1 / a) → -log a, where log a is listed here",
    of(site, node, depth) {
      const inverse = site.as(node, "reciprocal");
      const log = inverse === null ? null : stableLog(site, inverse.operands[0]!, depth);
      return log === null ? null : site.b.neg(log);
    },
  },
  {
    name: "log-power",
    formula: "log a^c → c log a, where log a is listed here",
    of(site, node, depth) {
      const power = site.as(node, "pow");
      const exponent = power?.operands[1];
      if (power === null || exponent === undefined || !isConstant(exponent)) return null;
      const log = stableLog(site, power.operands[0]!, depth);
      return log === null ? null : site.b.mul(log, exponent.attributes.value);
    },
  },
];

/** The table above as rules, which see through views. */
export const logarithmRules: readonly Rule[] = logarithms.map(({ name, formula, of }) => ({
  name,
  formula,
  at: ["log"],
  rewrite(site, node) {
    const { core, again } = throughViews(site, node.operands[0]!);
    const log = of(site, core, DEPTH);
    return log === null ? null : again(log);
  },
}));

/** log `node` by the first of the table that knows it. */
function stableLog(site: Site, node: Node, depth: number): Node | null {
  if (depth === 0) return null;
  const { core, again } = throughViews(site, node);
  for (const { of } of logarithms) {
    const log = of(site, core, depth - 1);
    if (log !== null) return again(log);
  }
  return null;
}

function logOfPair(
  site: Site,
  pair: { readonly operands: readonly Node[] } | null,
  join: (a: Node, c: Node) => Node,
  depth: number,
): Node | null {
  if (pair === null) return null;
  const [a, c] = pair.operands;
  const [stableA, stableC] = [stableLog(site, a!, depth), stableLog(site, c!, depth)];
  if (stableA === null && stableC === null) return null;
  const [u, v] = [stableA ?? logOfConstant(site, a!), stableC ?? logOfConstant(site, c!)];
  return u === null || v === null ? null : join(u, v);
}

/** The logarithm of a positive number or a size. */
function logOfConstant(site: Site, node: Node): Node | null {
  const { core, again } = throughViews(site, node);
  if (core.op === "extent") return again(site.b.log(core));
  if (!isConstant(core) || core.attributes.value <= 0) return null;
  return again(site.b.constant(Math.log(core.attributes.value), core.shape));
}
