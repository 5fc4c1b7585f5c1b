/**
 * Logarithms of sums, the largest term taken out: log Σ u e^x is m + log Σ u e^(x - m), and one of a
 * difference is one of 1 - e^x.
 */
import type { Build } from "../../graph/build.ts";
import type { Node } from "../../ir/node.ts";
import type { Site } from "../rewrite.ts";
import { overflows, vanishes } from "./extremes.ts";
import { axesOf, isConstant } from "./match.ts";
import { type Identity, MOST_TERMS, plain, pure, type Read, type Scaled } from "./scaled.ts";

/**
 * e to this is no overflow in f32; a term whose exponent is larger than that of the largest by so
 * much has factor 0.
 */
const FAR = 80;

export const sumsOfScaled: readonly Identity[] = [
  {
    name: "log-sum",
    formula:
      "log(u a + v c) → m + log(u e^(log a - m) + v e^(log c - m)), m = the largest log of a factor that is not 0",
    of: logOfSum,
  },
  {
    name: "log-weighted-sum",
    formula: "log Σ u a → m + log Σ u e^(log a - m), m = the largest log a where u is not 0",
    of(site, node, read) {
      const sum = site.as(node, "sum");
      if (sum === null || !(overflows(node) || vanishes(node))) return null;
      const term = read(sum.operands[0]!);
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

function logOfSum(site: Site, node: Node, read: Read): Scaled | null {
  if (!["add", "sub", "expm1", "neg"].includes(node.op)) return null;
  if (!(overflows(node) || vanishes(node))) return null;
  const given = termsOf(site, node);
  if (given.length < 2) return null;
  const known = given.map((term) => read(term.node));
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
export function shiftBy(
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
