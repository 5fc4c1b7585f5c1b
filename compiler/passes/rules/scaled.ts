/**
 * Numbers as factor · e^log: probabilities, exponentials, and what products and sums make of them,
 * without making them. A logarithm of one is log + log factor; a root is that of the factor times
 * e^(log / 2). What of a formula is no exponential at heart stays in the factor, whose sign is not
 * known. Each line of the table is an identity of real numbers.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import type { Site } from "../rewrite.ts";
import { overflows, vanishes } from "./extremes.ts";
import { affine, axesOf, isConstant, negated, orders, throughViews, underViews } from "./match.ts";

/** factor · e^log */
export interface Scaled {
  /** Null for 1. */
  readonly factor: Node | null;
  /** Null for 0. */
  readonly log: Node | null;
}

export interface Identity {
  readonly name: string;
  /** As a rule of logarithms. */
  readonly formula: string;
  /**
   * `node` as factor · e^log, or null where nothing is won by it; `depth` bounds how far operands
   * of operands are read.
   */
  readonly of: (site: Site, node: Node, depth: number) => Scaled | null;
}

/**
 * Sums and products inside one another that are read; each branches, so the cost is 2 to this
 * power.
 */
export const DEPTH = 7;
/** Terms of a sum, or parts of a `concat`. */
const MOST_TERMS = 64;
/**
 * e to this is no overflow in f32; a term whose exponent is larger than that of the largest by so
 * much has factor 0.
 */
const FAR = 80;

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
    of: (site, node, depth) =>
      rest(site, node, ({ core, sign }) => {
        const product = site.as(core, "mul");
        return product === null || sign > 0 ? null : logRestOfProduct(site, product, depth);
      }),
  },
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
    of(site, node, depth) {
      const pair = site.as(node, "mul");
      const [a, c] = pair === null ? [null, null] : both(site, pair, depth);
      return a === null || c === null ? null : times(site.b, a, c);
    },
  },
  {
    name: "log-quotient",
    formula: "log(a / c) → log a - log c",
    of(site, node, depth) {
      const pair = site.as(node, "div");
      const [a, c] = pair === null ? [null, null] : both(site, pair, depth);
      return a === null || c === null ? null : over(site.b, a, c);
    },
  },
  {
    name: "log-reciprocal",
    formula: "log(1 / a) → -log a",
    of(site, node, depth) {
      const inverse = site.as(node, "reciprocal");
      const a = inverse === null ? null : scaled(site, inverse.operands[0]!, depth);
      return a === null ? null : over(site.b, ONE, a);
    },
  },
  {
    name: "log-power",
    formula: "log a^c → c log a, for a > 0",
    of(site, node, depth) {
      const power = site.as(node, "pow");
      const a = power === null ? null : scaled(site, power.operands[0]!, depth);
      const c = power?.operands[1];
      const exponent = c?.op === "constant" ? c.attributes.value : null;
      if (a === null || c === undefined || exponent === 0) return null;
      if (a.factor !== null && exponent === null) return null;
      return {
        factor: a.factor === null ? null : site.b.pow(a.factor, c),
        log: a.log === null ? null : site.b.mul(a.log, exponent ?? c),
      };
    },
  },
  {
    name: "log-root",
    formula: "log √a → ½ log a",
    of(site, node, depth) {
      const root = site.as(node, "sqrt");
      const a = root === null ? null : scaled(site, root.operands[0]!, depth);
      if (a === null) return null;
      return {
        factor: a.factor === null ? null : site.b.sqrt(a.factor),
        log: a.log === null ? null : site.b.mul(a.log, 0.5),
      };
    },
  },
  {
    name: "log-product-of-all",
    formula: "log Π a → Σ log a",
    of(site, node, depth) {
      const product = site.as(node, "prod");
      const a = product === null ? null : scaled(site, product.operands[0]!, depth);
      if (product === null || a === null) return null;
      const { axes } = product.attributes;
      return {
        factor: a.factor === null ? null : site.b.prod(a.factor, axes),
        log: a.log === null ? null : site.b.sum(a.log, axes),
      };
    },
  },
  {
    name: "log-choice",
    formula: "log where(t, a, c) → where(t, log a, log c)",
    of(site, node, depth) {
      const choice = site.as(node, "where");
      const [condition, ...branches] = choice?.operands ?? [];
      if (condition === undefined) return null;
      const [a, c] = both(site, { operands: branches }, depth);
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
    of(site, node, depth) {
      const whole = site.as(node, "concat");
      if (whole === null || whole.operands.length > MOST_TERMS) return null;
      const parts = whole.operands.map((part) => scaled(site, part, depth));
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
  {
    name: "log-sum",
    formula:
      "log(u a + v c) → m + log(u e^(log a - m) + v e^(log c - m)), m = the largest log of a factor that is not 0",
    of: logOfSum,
  },
  {
    name: "log-weighted-sum",
    formula: "log Σ u a → m + log Σ u e^(log a - m), m = the largest log a where u is not 0",
    of(site, node, depth) {
      const sum = site.as(node, "sum");
      if (sum === null || !(overflows(node) || vanishes(node))) return null;
      const term = scaled(site, sum.operands[0]!, depth);
      if (term?.log == null) return null;
      const { b } = site;
      const axes = axesOf(sum);
      if (term.factor === null) return pure(b.logsumexp(term.log, axes));
      const { shift, infinite, top } = shiftBy(b, b.reduce_max(inSum(b, term, term.log), axes));
      const total = b.sum(weighted(b, term, term.log, shift), axes);
      return { factor: b.where(infinite, 1, total), log: top };
    },
  },
];

const ONE: Scaled = { factor: null, log: null };

/** e^log */
const pure = (log: Node | undefined): Scaled | null => (log === undefined ? null : { factor: null, log });

/** `node` by the first identity that knows it, seen through views. */
export function scaled(site: Site, node: Node, depth = DEPTH): Scaled | null {
  if (depth === 0) return null;
  const { core, again } = throughViews(site, node);
  for (const { of } of identities) {
    const found = of(site, core, depth - 1);
    if (found === null) continue;
    return {
      factor: found.factor === null ? null : again(found.factor),
      log: found.log === null ? null : again(found.log),
    };
  }
  return null;
}

/**
 * What is no exponential: a positive number or a size by its logarithm, 0 and 1 by -∞ and 0, all
 * else as a factor.
 */
function plain(site: Site, node: Node): Scaled {
  const { b } = site;
  const { core, again } = throughViews(site, node);
  if (core.op === "extent") return { factor: null, log: again(b.log(core)) };
  const truth = site.as(core, "cast")?.operands[0];
  if (truth?.type === "bool") return { factor: null, log: again(b.where(truth, 0, -Infinity)) };
  if (!isConstant(core) || !(core.attributes.value >= 0)) return { factor: b.toFloat(node), log: null };
  const { value } = core.attributes;
  return { factor: null, log: value === 1 ? null : b.constant(Math.log(value), node.shape) };
}

/** Both operands, where one of them is won by an identity. */
function both(
  site: Site,
  { operands: [a, c] }: { readonly operands: readonly Node[] },
  depth: number,
): readonly [Scaled, Scaled] | readonly [null, null] {
  const [u, v] = [scaled(site, a!, depth), scaled(site, c!, depth)];
  return u === null && v === null ? [null, null] : [u ?? plain(site, a!), v ?? plain(site, c!)];
}

const times = (b: Build, x: Scaled, y: Scaled): Scaled => ({
  factor: x.factor === null ? y.factor : y.factor === null ? x.factor : b.mul(x.factor, y.factor),
  log: x.log === null ? y.log : y.log === null ? x.log : b.add(x.log, y.log),
});

/** The quotient of two. */
export const over = (b: Build, x: Scaled, y: Scaled): Scaled => ({
  factor: y.factor === null ? x.factor : b.div(x.factor ?? 1, y.factor),
  log: y.log === null ? x.log : x.log === null ? b.neg(y.log) : b.sub(x.log, y.log),
});

const logSigmoid = (site: Site, x: Node): Node => site.b.neg(site.b.softplus(negated(site, x)));

/** c x, where x may be a number times something already. */
function scaledBy({ b, as }: Site, x: Node, c: number): Node {
  const inner = as(x, "mul");
  for (const [u, d] of inner === null ? [] : orders(inner))
    if (isConstant(d)) return d.attributes.value * c === 1 ? u : b.mul(u, d.attributes.value * c);
  return b.mul(x, c);
}

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
function logRestOfProduct(site: Site, { operands }: NodeOf<"mul">, depth: number): Node | null {
  const { b } = site;
  const [p, q] = operands;
  const [rest, otherRest] = [b.sub(1, p!), b.sub(1, q!)].map((x) => logOf(site, x, depth));
  const log = logOf(site, p!, depth);
  if (rest == null || otherRest == null || log == null) return null;
  const [x, y] = [rest, b.add(log, otherRest)];
  const { shift, infinite, top } = shiftBy(b, b.max(x, y));
  const total = b.add(b.exp(b.sub(x, shift)), b.exp(b.sub(y, shift)));
  return b.add(b.log(b.where(infinite, 1, total)), top);
}

/** The logarithm of what is e^log and nothing else, as a probability and its rest are. */
function logOf(site: Site, node: Node, depth: number): Node | null {
  const found = scaled(site, node, depth);
  return found === null || found.factor !== null ? null : found.log;
}

interface Term {
  readonly sign: 1 | -1;
  readonly node: Node;
}

/** The terms of a sum; e^x - 1 is two. */
function termsOf({ b, as }: Site, node: Node): readonly Term[] {
  const found: Term[] = [];
  const stack: Term[] = [{ sign: 1, node }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { sign, node: at } = top;
    const against = sign === 1 ? -1 : 1;
    const [x, y] = at.operands;
    if (as(at, "add") !== null) stack.push({ sign, node: y! }, { sign, node: x! });
    else if (as(at, "sub") !== null) stack.push({ sign: against, node: y! }, { sign, node: x! });
    else if (as(at, "neg") !== null) stack.push({ sign: against, node: x! });
    else if (as(at, "expm1") !== null)
      found.push({ sign, node: b.exp(x!) }, { sign: against, node: b.constant(1, at.shape) });
    else found.push(top);
    if (found.length + stack.length > MOST_TERMS) return [];
  }
  return found;
}

function logOfSum(site: Site, node: Node, depth: number): Scaled | null {
  if (!["add", "sub", "expm1", "neg"].includes(node.op)) return null;
  if (!(overflows(node) || vanishes(node))) return null;
  const given = termsOf(site, node);
  if (given.length < 2) return null;
  const known = given.map((term) => scaled(site, term.node, depth));
  if (known.every((term) => term === null)) return null;
  const { b } = site;
  const terms = known.map((term, i) => {
    const { sign, node: of } = given[i]!;
    const value = term ?? plain(site, of);
    return sign === 1 || value.factor === null
      ? { sign, ...value }
      : { sign: 1, ...value, factor: b.neg(value.factor) };
  });
  const [first, second] = terms;
  if (terms.length === 2 && terms.every((term) => term.factor === null)) {
    const [plus, minus] = first!.sign > 0 ? [first!, second!] : [second!, first!];
    if (plus.sign > 0 && minus.sign < 0) return differenceOf(site, node, plus, minus);
    for (const [one, x] of [
      [first!, second!],
      [second!, first!],
    ] as const) {
      if (one.sign < 0 || x.log === null) continue;
      if (one.log === null) return pure(b.softplus(x.log));
      if (isConstant(one.log)) {
        const c = one.log.attributes.value;
        return pure(b.add(b.softplus(b.sub(x.log, c)), c));
      }
    }
  }
  const logs = terms.map((term) => term.log ?? b.constant(0, node.shape));
  const top = logs.map((log, i) => inSum(b, terms[i]!, log)).reduce((m, log) => b.max(m, log));
  const { shift, infinite, top: m } = shiftBy(b, top);
  const total = terms
    .map((term, i) => {
      const value = weighted(b, term, logs[i]!, shift);
      return term.sign > 0 ? value : b.neg(value);
    })
    .reduce((sum, term) => b.add(sum, term));
  return { factor: b.where(infinite, 1, total), log: m };
}

/** e^a - e^c = e^a (1 - e^(c - a)) */
function differenceOf({ b }: Site, node: Node, plus: Scaled, minus: Scaled): Scaled | null {
  if (minus.log === null && plus.log === null) return null;
  if (minus.log !== null && isGuarded(minus.log)) return null;
  const exponent =
    plus.log === null ? minus.log! : minus.log === null ? b.neg(plus.log) : b.sub(minus.log, plus.log);
  const factor = b.neg(b.expm1(exponent));
  return factor === node ? null : { factor, log: plus.log };
}

/** The logarithm of a term as far as the term is there: -∞ where its factor is 0. */
const inSum = (b: Build, { factor }: Scaled, log: Node): Node =>
  factor === null ? log : b.where(b.eq(factor, 0), -Infinity, log);

/**
 * factor · e^(log - shift). Where a factor is 0 its exponent may be anything, and 0 · ∞ must not
 * come of it.
 */
function weighted(b: Build, { factor }: Scaled, log: Node, shift: Node): Node {
  const exponent = b.sub(log, shift);
  return factor === null ? b.exp(exponent) : b.mul(factor, b.exp(b.min(exponent, FAR)));
}

/**
 * The largest exponent, which no gradient flows through: the sum is the same with any other. Where
 * it is ∞ or -∞ so is the result.
 */
function shiftBy(
  b: Build,
  largest: Node,
): { readonly top: Node; readonly infinite: Node; readonly shift: Node } {
  const top = b.elementwise("stop_gradient", largest);
  const infinite = b.eq(b.abs(top), Infinity);
  return { top, infinite, shift: b.where(infinite, 0, top) };
}

/** The point at which log(1 - e^x) goes from one form to the other: there e^x is ½. */
const HALF = -Math.LN2;

/** Whether x is an exponent that `logOneMinusExp` has put a guard on. */
export const isGuarded = (x: Node): boolean =>
  x.op === "where" && x.operands[0]!.op === "gt" && isConstant(x.operands[0]!.operands[1]!, HALF);

/** log(1 - e^x), whose derivative -e^x / (1 - e^x) keeps its digits on both sides. */
export function logOneMinusExp(b: Build, x: Node): Node {
  const isNear = b.gt(x, HALF);
  const near = b.log(b.neg(b.expm1(b.where(isNear, x, -1))));
  return b.where(isNear, near, b.log1p(b.neg(b.exp(b.where(isNear, -1, x)))));
}
