/**
 * Roots of sums of squares, and their like. √S has an infinite slope at S = 0; but where S goes to
 * 0 as the square of something does, √S goes as its absolute value, and 0 is the subgradient of
 * least norm. So too for (Σ |x|^p)^(1/p).
 */
import type { Node } from "../../ir/node.ts";
import { isOne, sameShape } from "../../ir/size.ts";
import type { Rule, Site } from "../rewrite.ts";
import { isConstant, throughViews } from "./match.ts";

export const norm: Rule = {
  name: "norm",
  formula: "√ Σ w x², (Σ w |x|^p)^(1/p) → where(Σ = 0, 0, its root), whose derivative at 0 is 0",
  at: ["sqrt", "pow"],
  rewrite(site, node) {
    const { b } = site;
    const [sum, exponent] = node.operands;
    const root = node.op === "sqrt" ? 0.5 : isConstant(exponent!) ? exponent.attributes.value : 1;
    // 1/p times p need not be 1 to the bit.
    if (!(root > 0 && root < 1 && orderOf(site, sum!, DEPTH) * root >= 1 - 1e-12)) return null;
    const zero = b.eq(sum!, 0);
    const safe = b.where(zero, 1, sum!);
    return b.where(zero, 0, node.op === "sqrt" ? b.sqrt(safe) : b.pow(safe, exponent!));
  },
};

/** Sums and choices inside one another that are read. */
const DEPTH = 40;
const FACTORS = 16;

/**
 * The power with which a sum of even functions goes to 0: it is at most a constant times |x|^order,
 * where x are the things that vanish with it. 2 for Σ w x², Infinity for what is 0 all over, 0 for
 * what is no such sum, or is never 0.
 */
function orderOf(site: Site, node: Node, depth: number): number {
  if (depth === 0) return 0;
  const { core } = throughViews(site, node);
  if (isConstant(core)) return core.attributes.value === 0 ? Infinity : 0;
  // A tensor that something is differentiated by is a variable, whatever its formula.
  if (site.as(core, core.op) === null) return 0;
  const least = (terms: readonly Node[]): number =>
    Math.min(...terms.map((term) => orderOf(site, term, depth - 1)));
  switch (core.op) {
    case "sum":
    case "add":
    case "reduce_max":
    case "max":
      return least(core.operands);
    case "where":
      return least(core.operands.slice(1));
    case "div":
      return isWeight(site, core.operands[1]!) ? least(core.operands.slice(0, 1)) : 0;
    case "abs":
    case "pow":
    case "mul":
      return orderOfProduct(site, [core], depth);
    case "matmul": {
      const [left, right] = core.operands;
      if (isWeight(site, right!)) return orderOf(site, left!, depth - 1);
      if (isWeight(site, left!)) return orderOf(site, right!, depth - 1);
      return Math.max(0, ...inOneOrder(left!, right!).map((pair) => orderOfProduct(site, pair, depth)));
    }
    default:
      return 0;
  }
}

/**
 * Of a product: factors that stand twice, absolute values and powers vanish as said; what is left
 * has to be a weight.
 */
function orderOfProduct(site: Site, product: readonly Node[], depth: number): number {
  const times = new Map<Node, number>();
  const stack = [...product];
  for (let read = 0; stack.length > 0; read++) {
    if (read > FACTORS) return 0;
    const factor = stack.pop()!;
    if (site.as(factor, "mul") !== null) stack.push(...factor.operands);
    else times.set(factor, (times.get(factor) ?? 0) + 1);
  }
  let order = Infinity;
  for (const [factor, count] of times) {
    const { core } = throughViews(site, factor);
    const own = orderOfFactor(site, core, depth - 1);
    if (count % 2 === 0) order = Math.min(order, count * (own === 0 ? 1 : own));
    else if (own > 0) order = Math.min(order, count * own);
    else if (!isWeight(site, factor)) return 0;
  }
  return order === Infinity ? 0 : order;
}

function orderOfFactor(site: Site, core: Node, depth: number): number {
  if (depth <= 0) return 0;
  if (site.as(core, "abs") !== null) return Math.max(1, orderOf(site, core.operands[0]!, depth));
  const [base, exponent] = core.operands;
  if (site.as(core, "pow") === null) return core.op === "mul" ? 0 : orderOf(site, core, depth);
  if (!isConstant(exponent!) || exponent.attributes.value <= 0) return 0;
  return exponent.attributes.value * Math.max(1, orderOf(site, base!, depth));
}

/** Functions that are 0 nowhere. */
const POSITIVE = new Set<Node["op"]>(["exp", "sigmoid", "softmax", "softplus"]);

/**
 * Whether a factor is the same whatever moves, or is never 0, so that a product with it vanishes as
 * the other factor does. Of data the sign is not known; what is 0 for their sake alone has the
 * slope 0 too.
 */
function isWeight(site: Site, node: Node): boolean {
  const { core } = throughViews(site, node);
  if (isConstant(core)) return core.attributes.value > 0;
  if (POSITIVE.has(core.op)) return true;
  const seen = new Set<Node>([core]);
  for (const below of seen) {
    if (site.as(below, below.op) === null) return false;
    if (below.op === "stop_gradient" || below.type !== "float") continue;
    for (const operand of below.operands) seen.add(operand);
  }
  return true;
}

/**
 * The two factors of a dot product, [1, k] @ [k, 1], as they were before they were reshaped to
 * that, entry beside entry; none of another product.
 */
function inOneOrder(left: Node, right: Node): readonly (readonly [Node, Node])[] {
  if (!isOne(left.shape.at(-2)!) || !isOne(right.shape.at(-1)!)) return [];
  return unshaped(left).flatMap((a) =>
    unshaped(right).flatMap((c) => (sameShape(a.shape, c.shape) ? [[a, c] as const] : [])),
  );
}

/** A node, and what it was before each of the views that leave the order of entries as it is. */
function unshaped(node: Node): readonly Node[] {
  const stages = [node];
  for (let top = node; top.op === "reshape" || keepsOrder(top);) {
    top = top.operands[0]!;
    stages.push(top);
  }
  return stages;
}

function keepsOrder(node: Node): boolean {
  if (node.op !== "permute") return false;
  const moving = node.attributes.axes.filter((axis) => !isOne(node.operands[0]!.shape[axis]!));
  return moving.every((axis, i) => i === 0 || axis > moving[i - 1]!);
}
