/** Identities by which a number is read as factor · e^log, a table. */
import type { Node } from "../../ir/node.ts";
import type { Site } from "../rewrite.ts";
import { restsOfScaled } from "./log-rests.ts";
import { sumsOfScaled } from "./log-sums.ts";
import { axesOf, negated, orders, throughViews } from "./match.ts";
import { DEPTH } from "./extremes.ts";
import {
  changed,
  both,
  type Identity,
  logSigmoid,
  MOST_TERMS,
  ONE,
  over,
  plain,
  pure,
  type Read,
  type Scaled,
  scaledBy,
  times,
} from "./scaled.ts";

export const identities: readonly Identity[] = [
  {
    name: "log-exp",
    formula: "log e^x → x",
    of: ({ as }, node) => pure(as(node, "exp")?.operands[0]),
  },
  {
    name: "log-sigmoid",
    formula: "log σ(x) → -softplus(-x)",
    of: (site, node) => {
      const sigmoid = site.as(node, "sigmoid");
      return sigmoid === null ? null : pure(logSigmoid(site, sigmoid.operands[0]!));
    },
  },
  {
    name: "log-softmax",
    formula: "log softmax x → x - log Σ e^x",
    of({ b, as }, node) {
      const softmax = as(node, "softmax");
      if (softmax === null) return null;
      const x = softmax.operands[0]!;
      return pure(b.sub(x, b.logsumexp(x, [softmax.attributes.axis])));
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
        const picked = b.reshape(b.gather(x, chosen.operands[0]!), sum.shape);
        return pure(b.sub(picked, b.logsumexp(x, [last])));
      }
      return null;
    },
  },
  ...restsOfScaled,
  {
    name: "logsumexp",
    formula: "log Σ e^x → logsumexp x",
    of({ b, as }, node) {
      const sum = as(node, "sum");
      const exponential = sum === null ? null : as(sum.operands[0]!, "exp");
      return sum === null || exponential === null
        ? null
        : pure(b.logsumexp(exponential.operands[0]!, axesOf(sum)));
    },
  },
  {
    name: "log-product",
    formula: "log(a c) → log a + log c",
    of(site, node, read) {
      const pair = site.as(node, "mul");
      const [a, c] = pair === null ? [null, null] : both(site, pair, read);
      return a === null || c === null ? null : times(site.b, a, c);
    },
  },
  {
    name: "log-quotient",
    formula: "log(a / c) → log a - log c",
    of(site, node, read) {
      const pair = site.as(node, "div");
      const [a, c] = pair === null ? [null, null] : both(site, pair, read);
      return a === null || c === null ? null : over(site.b, a, c);
    },
  },
  {
    name: "log-reciprocal",
    formula: "log(1 / a) → -log a",
    of(site, node, read) {
      const inverse = site.as(node, "reciprocal");
      const a = inverse === null ? null : read(inverse.operands[0]!);
      return a === null ? null : over(site.b, ONE, a);
    },
  },
  {
    name: "log-power",
    formula: "log a^c → c log a, for a > 0",
    of(site, node, read) {
      const power = site.as(node, "pow");
      const a = power === null ? null : read(power.operands[0]!);
      const c = power?.operands[1];
      const exponent = c?.op === "constant" ? c.attributes.value : null;
      if (a === null || c === undefined || exponent === 0) return null;
      if (a.factor !== null && exponent === null) return null;
      return changed(
        a,
        (x) => site.b.pow(x, c),
        (x) => site.b.mul(x, exponent ?? c),
      );
    },
  },
  {
    name: "log-root",
    formula: "log √a → ½ log a",
    of(site, node, read) {
      const root = site.as(node, "sqrt");
      const a = root === null ? null : read(root.operands[0]!);
      if (a === null) return null;
      return changed(
        a,
        (x) => site.b.sqrt(x),
        (x) => site.b.mul(x, 0.5),
      );
    },
  },
  {
    name: "log-product-of-all",
    formula: "log Π a → Σ log a",
    of(site, node, read) {
      const product = site.as(node, "prod");
      const a = product === null ? null : read(product.operands[0]!);
      if (product === null || a === null) return null;
      const { axes } = product.attributes;
      return changed(
        a,
        (x) => site.b.prod(x, axes),
        (x) => site.b.sum(x, axes),
      );
    },
  },
  {
    name: "log-choice",
    formula: "log where(t, a, c) → where(t, log a, log c)",
    of(site, node, read) {
      const choice = site.as(node, "where");
      const [condition, ...branches] = choice?.operands ?? [];
      if (condition === undefined) return null;
      const [a, c] = both(site, { operands: branches }, read);
      if (a === null || c === null) return null;
      const { b } = site;
      const choose = (u: Node | null, v: Node | null, none: number): Node | null =>
        u === null && v === null ? null : b.where(condition, u ?? none, v ?? none);
      return { factor: choose(a.factor, c.factor, 1), log: choose(a.log, c.log, 0) };
    },
  },
  {
    name: "log-concat",
    formula: "log concat(a, c) → concat(log a, log c)",
    of(site, node, read) {
      const whole = site.as(node, "concat");
      if (whole === null || whole.operands.length > MOST_TERMS) return null;
      const parts = whole.operands.map(read);
      if (parts.every((part) => part === null)) return null;
      const all = parts.map((part, i) => part ?? plain(site, whole.operands[i]!));
      const joined = (pick: (part: Scaled) => Node | null, none: number): Node | null => {
        if (all.every((part) => pick(part) === null)) return null;
        const nodes = all.map((part, i) => pick(part) ?? site.b.constant(none, whole.operands[i]!.shape));
        return site.b.concat(nodes, whole.attributes.axis);
      };
      return { factor: joined((part) => part.factor, 1), log: joined((part) => part.log, 0) };
    },
  },
  {
    name: "log-difference-of-sigmoids",
    formula: "log(σ(a) - σ(c)) → log(1 - e^(c - a)) - softplus(-a) - softplus(c); tanh x is 2 σ(2x) - 1",
    of(site, node) {
      const difference = site.as(node, "sub");
      const [first, second] = difference?.operands.map((x) => throughViews(site, x)) ?? [];
      if (first === undefined || second === undefined || first.core.op !== second.core.op) return null;
      const op = first.core.op === "tanh" ? "tanh" : "sigmoid";
      const [a, c] = [site.as(first.core, op), site.as(second.core, op)];
      if (a === null || c === null) return null;
      const { b } = site;
      const times = op === "tanh" ? 2 : 1;
      const [u, v] = [a, c].map((x) =>
        times === 1 ? x.operands[0]! : scaledBy(site, x.operands[0]!, times),
      );
      const [left, right] = [first.again(u!), second.again(v!)];
      const log = b.add(logSigmoid(site, left), logSigmoid(site, negated(site, right)));
      const factor = b.neg(b.expm1(b.sub(right, left)));
      return { factor, log: times === 1 ? log : b.add(log, Math.log(times)) };
    },
  },
  ...sumsOfScaled,
];

/** Reads nodes by the first identity that knows them, seen through views. */
export function readAt(site: Site, depth = DEPTH): Read {
  return (node) => {
    if (depth === 0) return null;
    const { core, again } = throughViews(site, node);
    const readOperand = readAt(site, depth - 1);
    for (const { of } of identities) {
      const found = of(site, core, readOperand);
      if (found !== null) return changed(found, again);
    }
    return null;
  };
}
