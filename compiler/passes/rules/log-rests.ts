/**
 * Logarithms of what is left: of 1 less a probability, and of 1 and an exponential or a hyperbolic
 * tangent, which is 2 and one less.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import type { Site } from "../rewrite.ts";
import { shiftBy } from "./log-sums.ts";
import { affine, isConstant, orders, throughViews, underViews } from "./match.ts";
import { type Identity, logSigmoid, pure, type Read, type Scaled, scaledBy } from "./scaled.ts";

export const restsOfScaled: readonly Identity[] = [
  {
    name: "log-one-minus-sigmoid",
    formula: "log(a - a σ(x)) → log a - softplus x",
    of: (site, node) =>
      rest(site, node, ({ core, sign }) => {
        const sigmoid = site.as(core, "sigmoid");
        return sigmoid === null || sign > 0 ? null : site.b.neg(site.b.softplus(sigmoid.operands[0]!));
      }),
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
          return pure(again(site.b.softplus(exponential.operands[0]!)));
      }
      return null;
    },
  },
  {
    name: "log-one-plus-tanh",
    formula: "log(a ± a tanh x) → log 2a - softplus(∓2x)",
    of: (site, node) =>
      rest(site, node, ({ core, sign }) => {
        const tanh = site.as(core, "tanh");
        return tanh === null
          ? null
          : { times: 2, log: logSigmoid(site, scaledBy(site, tanh.operands[0]!, 2 * sign)) };
      }),
  },
  {
    name: "log-one-minus-tanh-squared",
    formula: "log(a - a tanh² x) → log 4a - softplus(2x) - softplus(-2x)",
    of: (site, node) =>
      rest(site, node, ({ core, sign }) => {
        const square = squareOf(site, core);
        const { core: root, again } = square === null ? { core, again: null } : throughViews(site, square);
        const tanh = site.as(root, "tanh");
        if (tanh === null || again === null || sign > 0) return null;
        const [up, down] = [2, -2].map((c) => logSigmoid(site, scaledBy(site, tanh.operands[0]!, c)));
        return { times: 4, log: again(site.b.add(up!, down!)) };
      }),
  },
  {
    name: "log-one-minus-softmax",
    formula:
      "log(1 - softmax x) → log Σ e^x of the others - log Σ e^x for the largest x, log1p(-softmax x) else",
    of: (site, node) =>
      rest(site, node, ({ core, sign }) => {
        const softmax = site.as(core, "softmax");
        return softmax === null || sign > 0 ? null : logRestOfSoftmax(site.b, softmax);
      }),
  },
  {
    name: "log-one-minus-product",
    formula: "log(1 - p q) → log((1 - p) + p (1 - q)), for probabilities p and q",
    of: (site, node, read) =>
      rest(site, node, ({ core, sign }) => {
        const product = site.as(core, "mul");
        return product === null || sign > 0 ? null : logRestOfProduct(site, product, read);
      }),
  },
];

/** x, where `node` is x². */
function squareOf({ as }: Site, node: Node): Node | null {
  const product = as(node, "mul");
  if (product !== null) return product.operands[0] === product.operands[1] ? product.operands[0]! : null;
  const power = as(node, "pow");
  return power !== null && isConstant(power.operands[1]!, 2) ? power.operands[0]! : null;
}

/**
 * Where `node` is a + sign · a · core: log(times · a) + log, of what `known` says is times · e^log
 * = 1 + sign · core.
 */
function rest(
  site: Site,
  node: Node,
  known: (of: { readonly core: Node; readonly sign: 1 | -1 }) => Rest | Node | null,
): Scaled | null {
  const { core, offset, slope, views } = affine(site.as, node);
  if (!(offset > 0) || Math.abs(slope) !== offset) return null;
  const found = known({ core, sign: slope > 0 ? 1 : -1 });
  if (found === null) return null;
  const { times: more, log } = "op" in found ? { times: 1, log: found } : found;
  const factor = offset * more;
  return {
    factor: null,
    log: underViews(site.b, views, factor === 1 ? log : site.b.add(log, Math.log(factor))),
  };
}

/** times · e^log */
interface Rest {
  readonly times: number;
  readonly log: Node;
}

/**
 * log(1 - softmax x). What is no more than ½ is subtracted; that of the largest entry may round to
 * 1, and what is left is the softmax of the others.
 */
function logRestOfSoftmax(b: Build, softmax: NodeOf<"softmax">): Node {
  const x = softmax.operands[0]!;
  const { axis } = softmax.attributes;
  const isTop = b.eq(b.iota(axis, x.shape), b.reduce("argmax", x, [axis]));
  const others = b.sub(b.logsumexp(b.where(isTop, -Infinity, x), [axis]), b.logsumexp(x, [axis]));
  // A node of one kind of op is a node; the type of all of them does not say so.
  const p = softmax as unknown as Node;
  return b.where(isTop, others, b.log1p(b.neg(b.where(isTop, 0, p))));
}

/** log((1 - p) + p (1 - q)), a sum of positive terms, where both rests are known. */
function logRestOfProduct(site: Site, { operands }: NodeOf<"mul">, read: Read): Node | null {
  const { b } = site;
  const [p, q] = operands;
  const [rest, otherRest] = [b.sub(1, p!), b.sub(1, q!)].map((x) => logOf(x, read));
  const log = logOf(p!, read);
  if (rest == null || otherRest == null || log == null) return null;
  const [x, y] = [rest, b.add(log, otherRest)];
  const { shift, infinite, top } = shiftBy(b, b.max(x, y));
  const total = b.add(b.exp(b.sub(x, shift)), b.exp(b.sub(y, shift)));
  return b.add(b.log(b.where(infinite, 1, total)), top);
}

/** The logarithm of what is e^log and nothing else, as a probability and its rest are. */
function logOf(node: Node, read: Read): Node | null {
  const found = read(node);
  return found === null || found.factor !== null ? null : found.log;
}
