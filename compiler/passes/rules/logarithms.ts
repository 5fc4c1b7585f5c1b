/**
 * The logarithms, roots and quotients of what is an exponential at heart, without making the
 * exponential.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, OpName } from "../../ir/node.ts";
import type { Shape } from "../../ir/size.ts";
import type { Rule, Site } from "../rewrite.ts";
import { isRest, overflows, vanishes } from "./extremes.ts";
import { isConstant, orders, spreadReduction, throughViews } from "./match.ts";
import { identities, readAt } from "./identities.ts";
import { isGuarded, logOneMinusExp } from "./log-sums.ts";
import { over, type Scaled } from "./scaled.ts";

/** The identities as rules, which see through views. */
const ofIdentities: readonly Rule[] = identities.map(({ name, formula, of }) => ({
  name,
  formula,
  at: ["log", "log1p"],
  rewrite(site, node) {
    const { core, again } = throughViews(site, node.operands[0]!);
    const number = node.op === "log" ? core : site.b.add(core, 1);
    if (number.op === "constant") return null;
    const found = of(site, number, readAt(site));
    return found === null ? null : again(logOf(site.b, found, number.shape));
  },
}));

export const logarithmRules: readonly Rule[] = [
  {
    name: "log-one-minus-exp",
    formula: "log(1 - e^x) → log(-expm1 x) where x > -log 2, log1p(-e^x) else",
    at: ["log", "log1p"],
    rewrite(site, node) {
      const { core, again } = throughViews(site, node.operands[0]!);
      const negative = site.as(core, "neg");
      if (negative === null) return null;
      const inner = throughViews(site, negative.operands[0]!);
      const power = site.as(inner.core, node.op === "log" ? "expm1" : "exp");
      const x = power?.operands[0];
      return x === undefined || isGuarded(x) ? null : again(inner.again(logOneMinusExp(site.b, x)));
    },
  },
  ...ofIdentities,
  {
    name: "root-of-probability",
    formula:
      "a^c → e^(c log a), where a may be close to 0 and c is between 0 and 1, or negative, or a is 1 less a probability",
    at: ["sqrt", "pow"],
    rewrite(site, node) {
      const exponent = node.op === "sqrt" ? 0.5 : constantOf(node.operands[1]!);
      if (exponent === null || exponent === 0 || exponent === -1) return null;
      const { core, again } = throughViews(site, node.operands[0]!);
      // The root of a sum of squares is a norm, whose rule says what it is at 0.
      if (core.op === "sum" || core.op === "add") return null;
      if (!vanishes(core) || (exponent >= 1 && !isRest(core))) return null;
      const base = readAt(site)(core);
      if (base === null || base.log === null || base.factor !== null) return null;
      return again(site.b.exp(site.b.mul(base.log, exponent)));
    },
  },
  {
    name: "quotient-of-exponentials",
    formula: "a / c → e^(log a - log c), where both may be ∞",
    at: ["div"],
    rewrite(site, node) {
      const [above, below] = node.operands;
      if (!overflows(above!) || !overflows(below!)) return null;
      const read = readAt(site);
      const [a, c] = [read(above!), read(below!)];
      if (a === null || c === null) return null;
      const { factor, log } = over(site.b, a, c);
      if (log === null) return factor;
      return factor === null ? site.b.exp(log) : site.b.mul(factor, site.b.exp(log));
    },
  },
  {
    name: "zero-times-log",
    formula: "y log p → y where(y = 0, 0, log p), for a label or a probability y: 0 log 0 is 0",
    at: ["mul"],
    rewrite(site, node) {
      for (const [y, log] of orders(node)) {
        if (!isLogOfProbability(site, log) || !isWeight(site, y, log)) continue;
        const { b } = site;
        const truth = site.as(y, "cast")?.operands[0];
        if (truth?.type === "bool") return b.where(truth, log, 0);
        return b.mul(y, b.where(b.eq(y, 0), 0, log));
      }
      return null;
    },
  },
];

const logOf = (b: Build, { factor, log }: Scaled, shape: Shape): Node => {
  if (factor === null) return log ?? b.constant(0, shape);
  return log === null ? b.log(factor) : b.add(b.log(factor), log);
};

const constantOf = (node: Node): number | null => (isConstant(node) ? node.attributes.value : null);

/**
 * Whether x is log p or -log p, a sum with one, or what those of a softmax have become, so that it
 * may be infinite where a label is 0.
 */
function isLogOfProbability(site: Site, given: Node, depth = 3): boolean {
  const x = throughViews(site, given).core;
  if (site.as(x, "log") !== null || exponentOf(site, x) !== null) return true;
  const sum = site.as(x, "add") ?? site.as(x, "sub") ?? site.as(x, "neg");
  return sum !== null && depth > 0 && sum.operands.some((term) => isLogOfProbability(site, term, depth - 1));
}

/** z, where x is log softmax z = z - log Σ e^z. */
function exponentOf(site: Site, x: Node): Node | null {
  const difference = site.as(x, "sub");
  const total = difference === null ? null : spreadReduction(site, difference.operands[1]!, "logsumexp");
  return total !== null && total.operands[0] === difference?.operands[0] ? total.operands[0]! : null;
}

/**
 * Whether y is a label, which no gradient is wanted by, or a probability, whose gradient at 0 goes
 * no further, or the number whose logarithm this is.
 */
function isWeight(site: Site, given: Node, log: Node): boolean {
  const y = throughViews(site, site.as(given, "neg")?.operands[0] ?? given).core;
  if (site.as(y, "softmax") !== null) return true;
  const inner = throughViews(site, site.as(log, "neg")?.operands[0] ?? log).core;
  return site.as(inner, "log")?.operands[0] === y || isData(site, y);
}

/** Nodes that are read to find out whether something is data. */
const MOST_READ = 200;

/**
 * Whether x is made of inputs and numbers alone, none of which a gradient is taken by. A number
 * alone is a weight of another kind.
 */
function isData({ as }: Site, x: Node): boolean {
  if (x.op === "constant") return false;
  const seen = new Set<Node>([x]);
  for (const node of seen) {
    const isVariable = as(node, node.op) === null;
    if (isVariable || LEARNT.has(node.op) || seen.size > MOST_READ) return false;
    for (const operand of node.operands) seen.add(operand);
  }
  return true;
}

const LEARNT: ReadonlySet<OpName> = new Set<OpName>(["parameter", "state", "hyper"]);
