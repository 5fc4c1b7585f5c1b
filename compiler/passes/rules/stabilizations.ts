/**
 * Formulas as textbooks write them, and the ops that say the same without overflow, cancellation or
 * 0 · ∞ in the derivative. They hold for real numbers; where rounding made the left side ∞ or NaN,
 * the right side is right.
 */
import type { Node } from "../../ir/node.ts";
import { isOne, ONE } from "../../ir/size.ts";
import type { Rule, Site } from "../rewrite.ts";
import { contraction } from "./contraction.ts";
import { logarithmRules } from "./logarithms.ts";
import {
  affine,
  areOpposite,
  axesOf,
  isConstant,
  negated,
  orders,
  spreadReduction,
  throughViews,
  underViews,
  unshifted,
} from "./match.ts";
import { norm } from "./norms.ts";
import { sliceOfProduct } from "./slices-of-products.ts";
import { sliceOfConcat } from "./views.ts";

export const stabilizations: readonly Rule[] = [
  sliceOfConcat,
  // So that the gradients are those of the smaller product too.
  sliceOfProduct,
  {
    name: "tanh",
    formula: "(e^x - e^-x) / (e^x + e^-x) → tanh x",
    at: ["div"],
    rewrite(site, node) {
      const top = site.as(node.operands[0]!, "sub");
      const bottom = site.as(node.operands[1]!, "add");
      if (top === null || bottom === null) return null;
      const [plus, minus] = top.operands.map((e) => site.as(e, "exp")?.operands[0]);
      if (plus === undefined || minus === undefined || !areOpposite(site, plus, minus)) return null;
      const same = orders(bottom).some(([a, c]) => a === top.operands[0] && c === top.operands[1]);
      return same ? site.b.tanh(plus) : null;
    },
  },
  {
    name: "tanh-of-half",
    formula: "(e^x - 1) / (e^x + 1) → tanh(x / 2)",
    at: ["div"],
    rewrite(site, node) {
      const negative = site.as(node.operands[0]!, "neg");
      const top = site.as(negative?.operands[0] ?? node.operands[0]!, "expm1");
      const x = onePlusExp(site, node.operands[1]!);
      if (top === null || x === null || top.operands[0] !== x) return null;
      return site.b.tanh(site.b.mul(negative === null ? x : negated(site, x), 0.5));
    },
  },
  {
    name: "sigmoid-of-exp",
    formula: "e^x / (1 + e^x) → σ(x)",
    at: ["div"],
    rewrite(site, node) {
      const x = onePlusExp(site, node.operands[1]!);
      return x !== null && site.as(node.operands[0]!, "exp")?.operands[0] === x ? site.b.sigmoid(x) : null;
    },
  },
  {
    name: "sigmoid",
    formula: "a / (1 + e^-x) → a σ(x)",
    at: ["div", "reciprocal", "pow"],
    rewrite(site, node) {
      const power = site.as(node, "pow");
      if (power !== null && !isConstant(power.operands[1]!, -1)) return null;
      const [above, below] = node.op === "div" ? node.operands : [null, node.operands[0]];
      const x = onePlusExp(site, below!);
      if (x === null) return null;
      const sigmoid = site.b.sigmoid(negated(site, x));
      return above === null || isConstant(above!, 1) ? sigmoid : site.b.mul(above!, sigmoid);
    },
  },
  {
    name: "softmax",
    formula: "e^x / Σ e^x → softmax x",
    at: ["div"],
    rewrite(site, node) {
      const numerator = site.as(node.operands[0]!, "exp");
      const total = spreadReduction(site, node.operands[1]!, "sum");
      if (numerator === null || total === null || total.operands[0] !== numerator) return null;
      const x = numerator.operands[0]!;
      const axes = axesOf(total);
      const [axis, ...others] = axes;
      if (axis !== undefined && others.length === 0) return site.b.softmax(x, axis);
      return site.b.exp(site.b.sub(x, site.b.logsumexp(x, axes)));
    },
  },
  {
    name: "softmax-of-logsumexp",
    formula: "e^(x - log Σ e^x) → softmax x",
    at: ["exp"],
    rewrite(site, node) {
      const difference = site.as(node.operands[0]!, "sub");
      const total = difference === null ? null : spreadReduction(site, difference.operands[1]!, "logsumexp");
      if (difference === null || total === null || total.operands[0] !== difference.operands[0]) return null;
      const [axis, ...others] = axesOf(total);
      return axis === undefined || others.length > 0 ? null : site.b.softmax(total.operands[0]!, axis);
    },
  },
  {
    name: "softmax-shift",
    formula: "softmax(x - max x) → softmax x",
    at: ["softmax"],
    rewrite(site, node) {
      if (node.op !== "softmax") return null;
      const { axis } = node.attributes;
      const x = unshifted(site, node.operands[0]!, [axis]);
      return x === null ? null : site.b.softmax(x, axis);
    },
  },
  {
    name: "one-minus-sigmoid",
    formula: "1 - σ(x) → σ(-x)",
    at: ["sub", "add"],
    rewrite(site, node) {
      const { core, offset, slope, views } = affine(site.as, node);
      const sigmoid = offset === 1 && slope === -1 ? site.as(core, "sigmoid") : null;
      if (sigmoid === null) return null;
      return underViews(site.b, views, site.b.sigmoid(negated(site, sigmoid.operands[0]!)));
    },
  },
  {
    name: "one-minus-choice",
    formula: "1 - where(t, p, c) → where(t, 1 - p, 1 - c), for a σ p; 1 - concat likewise",
    at: ["sub", "add"],
    rewrite(site, node) {
      const { core, offset, slope, views } = affine(site.as, node);
      if (offset !== 1 || slope !== -1 || !hasSigmoid(site, core)) return null;
      const { b } = site;
      const choice = site.as(core, "where");
      if (choice !== null) {
        const [condition, then, otherwise] = choice.operands;
        return underViews(b, views, b.where(condition!, b.sub(1, then!), b.sub(1, otherwise!)));
      }
      const whole = site.as(core, "concat");
      if (whole === null) return null;
      const parts = whole.operands.map((part) => b.sub(1, part));
      return underViews(b, views, b.concat(parts, whole.attributes.axis));
    },
  },
  ...logarithmRules,
  {
    name: "log1p",
    formula: "log(1 ± x) → log1p(±x)",
    at: ["log"],
    rewrite(site, node) {
      const sum = site.as(node.operands[0]!, "add");
      for (const [one, x] of sum === null ? [] : orders(sum)) if (isConstant(one, 1)) return site.b.log1p(x);
      const difference = site.as(node.operands[0]!, "sub");
      if (difference === null || !isConstant(difference.operands[0]!, 1)) return null;
      return site.b.log1p(negated(site, difference.operands[1]!));
    },
  },
  {
    name: "expm1",
    formula: "e^x - 1 → expm1 x",
    at: ["sub", "add"],
    rewrite(site, node) {
      const [a, c] = node.operands;
      if (node.op === "sub") {
        const [first, second] = [site.as(a!, "exp"), site.as(c!, "exp")];
        if (first !== null && isConstant(c!, 1)) return site.b.expm1(first.operands[0]!);
        if (second !== null && isConstant(a!, 1)) return site.b.neg(site.b.expm1(second.operands[0]!));
        return null;
      }
      for (const [e, minusOne] of orders(node)) {
        const exponential = site.as(e, "exp");
        if (exponential !== null && isConstant(minusOne, -1)) return site.b.expm1(exponential.operands[0]!);
      }
      return null;
    },
  },
  {
    name: "logsumexp-shift",
    formula: "max x + log Σ e^(x - max x) → log Σ e^x",
    at: ["add"],
    rewrite(site, node) {
      for (const [shift, shifted] of orders(node)) {
        const { core, again } = throughReshapes(site, shifted);
        const sum = site.as(core, "logsumexp");
        const x = sum === null ? null : unshifted(site, sum.operands[0]!, axesOf(sum));
        if (sum === null || x === null) continue;
        const { core: top } = throughReshapes(site, shift);
        const same = site.as(top, "reduce_max");
        if (same === null || same.operands[0] !== x || !sameAxes(axesOf(same), axesOf(sum))) continue;
        return again(site.b.logsumexp(x, axesOf(sum)));
      }
      return null;
    },
  },
  {
    name: "log-softmax-shift",
    formula: "(x - max x) - log Σ e^(x - max x) → x - log Σ e^x",
    at: ["sub"],
    rewrite(site, node) {
      const [shifted, total] = node.operands;
      const sum = spreadReduction(site, total!, "logsumexp");
      if (sum === null || sum.operands[0] !== shifted) return null;
      const x = unshifted(site, shifted!, axesOf(sum));
      return x === null ? null : site.b.sub(x, site.b.logsumexp(x, axesOf(sum)));
    },
  },
  {
    name: "gather-difference",
    formula: "(x - l)[y] → x[y] - l, for l the same in each row",
    at: ["gather"],
    rewrite(site, node) {
      const difference = site.as(node.operands[0]!, "sub");
      const spread = difference === null ? null : site.as(difference.operands[1]!, "broadcast");
      const row = spread?.operands[0];
      if (difference === null || row === undefined || !isOne(row.shape.at(-1)!)) return null;
      const { b } = site;
      const rows = b.reshape(b.broadcast(row, [...node.shape, ONE]), node.shape);
      return b.sub(b.gather(difference.operands[0]!, node.operands[1]!), rows);
    },
  },
  {
    name: "binary-cross-entropy",
    formula: "t softplus(-z) + (1 - t) softplus(z) → softplus(z) - t z",
    at: ["add", "sub"],
    rewrite: binaryCrossEntropy,
  },
  norm,
  contraction,
];

const sameAxes = (a: readonly number[], c: readonly number[]): boolean =>
  a.length === c.length && a.every((axis, i) => axis === c[i]);

/** x, where `node` is 1 + e^x. */
function onePlusExp(site: Site, node: Node): Node | null {
  const sum = site.as(node, "add");
  for (const [one, e] of sum === null ? [] : orders(sum)) {
    const exponential = site.as(e, "exp");
    if (isConstant(one, 1) && exponential !== null) return exponential.operands[0]!;
  }
  return null;
}

/**
 * Reshapes keep the order of entries, so two reductions of one shape under reshapes to one shape
 * are entry under entry.
 */
function throughReshapes(site: Site, node: Node): { readonly core: Node; readonly again: (x: Node) => Node } {
  let core = node;
  for (let view = site.as(core, "reshape"); view !== null; view = site.as(core, "reshape"))
    core = view.operands[0]!;
  return { core, again: (x) => site.b.reshape(x, node.shape) };
}

interface SignedPair {
  readonly sign: 1 | -1;
  readonly factors: readonly [Node, Node];
}

/**
 * A product of two factors, which are no products and bear no minus, and its sign; null for any
 * other number of them.
 */
function signedPair({ as }: Site, node: Node): SignedPair | null {
  let sign: 1 | -1 = 1;
  const factors: Node[] = [];
  const stack = [node];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const negative = as(top, "neg");
    const product = as(top, "mul");
    if (negative !== null) {
      sign = sign === 1 ? -1 : 1;
      stack.push(negative.operands[0]!);
    } else if (product !== null) stack.push(...product.operands);
    else factors.push(top);
    if (factors.length + stack.length > 2) return null;
  }
  const [first, second] = factors;
  return first === undefined || second === undefined ? null : { sign, factors: [first, second] };
}

function binaryCrossEntropy(site: Site, node: Node): Node | null {
  const left = signedPair(site, node.operands[0]!);
  const right = left === null ? null : signedPair(site, node.operands[1]!);
  if (left === null || right === null) return null;
  if (left.sign !== (node.op === "sub" ? -right.sign : right.sign)) return null;
  const pairs = (factors: readonly Node[]): { weight: Node; argument: Node }[] =>
    orders({ operands: factors }).flatMap(([weight, f]) => {
      const softplus = site.as(f, "softplus");
      return softplus === null ? [] : [{ weight, argument: softplus.operands[0]! }];
    });
  for (const first of pairs(left.factors)) {
    for (const second of pairs(right.factors)) {
      for (const [yes, no] of [
        [first, second],
        [second, first],
      ] as const) {
        if (!areComplementary(site, yes.weight, no.weight) || !areOpposite(site, yes.argument, no.argument))
          continue;
        const softplus = site.b.softplus(no.argument);
        const product = site.b.mul(yes.weight, no.argument);
        return left.sign === 1 ? site.b.sub(softplus, product) : site.b.sub(product, softplus);
      }
    }
  }
  return null;
}

/** How many choices inside one another are read. */
const CHOICES = 4;

/** Whether x is a σ, or a choice or a row of several with one among them. */
function hasSigmoid(site: Site, x: Node, depth = CHOICES): boolean {
  const { core } = throughViews(site, x);
  if (site.as(core, "sigmoid") !== null) return true;
  const several = site.as(core, "where")?.operands.slice(1) ?? site.as(core, "concat")?.operands ?? [];
  return depth > 0 && several.slice(0, CHOICES).some((one) => hasSigmoid(site, one, depth - 1));
}

/** Whether `no` is 1 - `yes`, as it stands or as it was rewritten. */
function areComplementary(site: Site, yes: Node, no: Node): boolean {
  const rest = site.as(no, "sub");
  if (rest !== null && isConstant(rest.operands[0]!, 1) && rest.operands[1] === yes) return true;
  const [p, q] = [site.as(yes, "sigmoid"), site.as(no, "sigmoid")];
  return p !== null && q !== null && areOpposite(site, p.operands[0]!, q.operands[0]!);
}
