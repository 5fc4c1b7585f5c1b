/**
 * Sums, matrices, comparisons and choices: terms that are alike are joined, and what is known of a
 * branch is used in it. One file, since a sum of cases is a choice, whose branches are sums.
 */
import type { Comparison } from "../../grammar/operators.ts";
import { opOf } from "../ir/notation.ts";
import { scalar } from "../ops/scalar.ts";
import { isNumber, isScalar, keyOf, plain, same, type Formula, type Product } from "./formula.ts";
import { both, either, indicator, not } from "./logic.ts";
import { asProduct, over, productOf, raised, times } from "./products.ts";

/** Terms that differ by a number become one; a factor of all terms comes out. */
export function plus(...formulas: readonly Formula[]): Formula {
  const given = formulas.flatMap((f) => (f.kind === "sum" ? f.terms : [f])).map(asProduct);
  const collected = collect(given);
  const distributed = collect(given.flatMap(distribute));
  // c (a + b) + d a, with no more terms than before: the parentheses hid that terms are alike.
  const isAlike = collected.length > 1 && distributed.length <= collected.length;
  const left = joinedChoice(isAlike ? distributed : collected);
  if (left.length === 0) return plain(0);
  if (left.length === 1) return productOf(left[0]!.coefficient, left[0]!.factors);
  const fraction = oneFraction(left);
  if (fraction !== null) return fraction;

  const common = commonFactors(left);
  if (common.length === 0) {
    // What is subtracted stands after something positive, if there is any.
    const first = left.findIndex(({ coefficient }) => coefficient > 0);
    const ordered = first > 0 ? [left[first]!, ...left.slice(0, first), ...left.slice(first + 1)] : left;
    return { kind: "sum", terms: ordered.map((t) => productOf(t.coefficient, t.factors)) };
  }
  const inverse = common.map((f) => ({ ...f, exponent: -f.exponent }));
  const rest = left.map((t) => times(t, { kind: "product", coefficient: 1, factors: inverse }));
  // c + d x = c (1 + d/c x), where something else stands before the parentheses anyway.
  const constant = rest.find((t) => t.kind === "number")?.value ?? 1;
  const first = Number.isInteger(constant) || Number.isInteger(1 / constant) ? constant : 1;
  const scaled = rest.map((t) => times(plain(1 / first), t));
  return times(plain(first), { kind: "product", coefficient: 1, factors: common }, plus(...scaled));
}

/** Terms with equal factors are one term, with the sum of their coefficients. */
function collect(given: readonly Product[]): readonly Product[] {
  const terms = new Map<string, Product>();
  for (const term of given) {
    const key = term.factors
      .map((f) => `${keyOf(f.base)}^${f.exponent}`)
      .toSorted()
      .join();
    const before = terms.get(key);
    terms.set(key, { ...(before ?? term), coefficient: (before?.coefficient ?? 0) + term.coefficient });
  }
  return [...terms.values()].filter(({ coefficient }) => coefficient !== 0);
}

/** c (a + b) = c a + c b */
function distribute(term: Product): readonly Product[] {
  const [only, second] = term.factors;
  if (only?.base.kind !== "sum" || second !== undefined || only.exponent !== 1) return [term];
  return only.base.terms.map((part) => asProduct(times(plain(term.coefficient), part)));
}

/**
 * a/(1 + b) + c as one fraction, where what stands above it is one term: 1 - b/(1 + b) = 1/(1 + b)
 */
function oneFraction(terms: readonly Product[]): Formula | null {
  const divisor = terms
    .flatMap(({ factors }) => factors)
    .find((f) => f.base.kind === "sum" && f.exponent === -1)?.base;
  if (divisor === undefined) return null;
  const above = terms.map((t) => asProduct(times(t, divisor)));
  const [only, second] = collect(above.flatMap(distribute));
  return only === undefined || second !== undefined
    ? null
    : over(productOf(only.coefficient, only.factors), divisor);
}

function commonFactors(terms: readonly Product[]): Product["factors"] {
  const [first, ...others] = terms;
  return first!.factors.flatMap(({ base, exponent }) => {
    const key = keyOf(base);
    let least = exponent;
    for (const { factors } of others) {
      const own = factors.find((f) => keyOf(f.base) === key)?.exponent ?? 0;
      if (Math.sign(own) !== Math.sign(exponent)) return [];
      least = Math.abs(own) < Math.abs(least) ? own : least;
    }
    return [{ base, exponent: least }];
  });
}

/** a [c] + b [not c] = (a where c, else b) */
function joinedChoice(terms: readonly Product[]): readonly Product[] {
  for (const [i, term] of terms.entries()) {
    const indicator = indicatorOf(term);
    if (indicator === null) continue;
    const opposite = keyOf(not(indicator));
    const j = terms.findIndex((other) => {
      const condition = indicatorOf(other);
      return condition !== null && keyOf(condition) === opposite;
    });
    if (j <= i) continue;
    const joined = choice(indicator, withoutIndicator(term), withoutIndicator(terms[j]!));
    return [asProduct(joined), ...terms.filter((_, index) => index !== i && index !== j)];
  }
  return terms;
}

const indicatorOf = ({ factors }: Product): Formula | null => {
  const found = factors.find(({ base }) => base.kind === "indicator")?.base;
  return found?.kind === "indicator" ? found.condition : null;
};
const withoutIndicator = ({ coefficient, factors }: Product): Formula =>
  productOf(
    coefficient,
    factors.filter(({ base }) => base.kind !== "indicator"),
  );

export function chain(...formulas: readonly Formula[]): Formula {
  const matrices = formulas.flatMap((f) => (f.kind === "chain" ? f.matrices : [f]));
  return { kind: "chain", matrices };
}

/** (A B)ᵀ = Bᵀ Aᵀ, Aᵀᵀ = A */
export function transposed(formula: Formula): Formula {
  if (isScalar(formula)) return formula;
  if (formula.kind === "transpose") return formula.of;
  if (formula.kind === "chain") return chain(...formula.matrices.map(transposed).toReversed());
  if (formula.kind === "total" && formula.places) return { ...formula, of: transposed(formula.of) };
  if (formula.kind === "sum" && formula.terms.every((t) => t.kind === "chain" || t.kind === "transpose")) {
    return plus(...formula.terms.map(transposed));
  }
  if (formula.kind === "product" && formula.factors.filter(({ base }) => !isScalar(base)).length === 1) {
    return productOf(
      formula.coefficient,
      formula.factors.map((f) => ({ ...f, base: transposed(f.base) })),
    );
  }
  return { kind: "transpose", of: formula };
}

export function compare(name: Comparison, left: Formula, right: Formula): Formula {
  if (left.kind === "number" && right.kind === "number") {
    return { kind: "truth", value: decide(name, left.value, right.value) };
  }
  // Entries are taken to be finite: what rounding asks about infinities, mathematics does not.
  if (right.kind === "number" && !Number.isFinite(right.value)) {
    return { kind: "truth", value: decide(name, 0, right.value) };
  }
  const solved = right.kind === "number" ? solve(name, left, right.value) : null;
  if (solved !== null) return solved;
  // relu x is 0 or less where x is.
  if (left.kind === "call" && left.name === "relu" && isNumber(right, 0) && (name === "<=" || name === ">")) {
    return compare(name, left.operands[0]!, right);
  }
  return { kind: "compare", name, left, right };
}

/** c x + d ≤ e where x ≤ (e - d)/c */
function solve(name: Comparison, left: Formula, right: number): Formula | null {
  if (left.kind === "sum") {
    const constant = left.terms.find((t) => t.kind === "number");
    if (constant === undefined) return null;
    const rest = left.terms.filter((t) => t !== constant);
    return compare(name, plus(...rest), plain(right - constant.value));
  }
  if (left.kind !== "product" || left.coefficient === 1) return null;
  const flipped = left.coefficient < 0 ? MIRRORED[name] : name;
  return compare(flipped, productOf(1, left.factors), plain(right / left.coefficient));
}

const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  "<": ">",
  ">=": "<=",
  ">": "<",
  "<=": ">=",
  "==": "==",
  "!=": "!=",
};

const decide = (name: Comparison, a: number, b: number): boolean => scalar(opOf[name], a, b) !== 0;

/**
 * `yes` where the condition holds, else `no`. What is asked again inside of a branch is known
 * there.
 */
export function choice(condition: Formula, yes: Formula, no: Formula): Formula {
  if (condition.kind === "truth") return condition.value ? yes : no;
  if (isZeroByZero(condition)) return no;
  const [a, b] = [assume(yes, condition, true), assume(no, condition, false)];
  if (same(a, b)) return a;
  if (isNumber(b, 0) && a.kind !== "choice") return times(a, indicator(condition));
  if (isNumber(a, 0) && b.kind !== "choice") return times(indicator(not(condition)), b);
  return { kind: "choice", condition, yes: a, no: b };
}

/**
 * The case of 0 · ∞, which the compiler takes for 0 and mathematics leaves out: nothing differs
 * from itself but what is no number.
 */
const isZeroByZero = (condition: Formula): boolean =>
  condition.kind === "logic" &&
  condition.name === "and" &&
  condition.operands.some((o) => o.kind === "compare" && o.name === "!=" && same(o.left, o.right));

/** `formula` where `condition` is known. */
function assume(formula: Formula, condition: Formula, holds: boolean): Formula {
  const known = (f: Formula): Formula => assume(f, condition, holds);
  if (same(formula, condition)) return { kind: "truth", value: holds };
  switch (formula.kind) {
    case "number":
    case "known":
    case "truth":
    case "symbol":
    case "chain":
    case "total":
    case "entry":
      return formula;
    case "product":
      return times(
        plain(formula.coefficient),
        ...formula.factors.map((f) => raised(known(f.base), f.exponent)),
      );
    case "sum":
      return plus(...formula.terms.map(known));
    case "transpose":
      return transposed(known(formula.of));
    case "call":
      return { ...formula, operands: formula.operands.map(known) };
    case "power":
      return { ...formula, base: known(formula.base), exponent: known(formula.exponent) };
    case "compare":
      if (same(formula, not(condition))) return { kind: "truth", value: !holds };
      return compare(formula.name, known(formula.left), known(formula.right));
    case "logic": {
      const [a, b] = formula.operands.map(known);
      return formula.name === "not" ? not(a!) : formula.name === "and" ? both(a!, b!) : either(a!, b!);
    }
    case "indicator":
      return indicator(known(formula.condition));
    case "choice":
      return choice(known(formula.condition), known(formula.yes), known(formula.no));
  }
}
