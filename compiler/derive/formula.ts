/**
 * Formulas as mathematics: a small tree for people to read, with the equalities that a person would
 * use. It is no part of what is computed: like terms are collected and factors cancelled here as
 * real numbers allow, which rounding would not.
 */
import type { Comparison } from "../../grammar/operators.ts";
import { opOf } from "../ir/notation.ts";
import { scalar } from "../ops/scalar.ts";

/** A name: `z`, `h.weight`, the δ of `h`, the ∇ of `h.weight`. */
export interface Symbol {
  readonly kind: "symbol";
  /** A path of the source; or a letter of mathematics. */
  readonly name: string;
  /** `δ` what flows back to the name; `∇` the gradient that was asked for. */
  readonly mark: "" | "δ" | "∇";
  /** Whether it stands for one number: then it multiplies as a number does. */
  readonly scalar: boolean;
}

/** coefficient · Π baseᵉˣᵖᵒⁿᵉⁿᵗ, entry by entry. */
export interface Product {
  readonly kind: "product";
  readonly coefficient: number;
  readonly factors: readonly { readonly base: Formula; readonly exponent: number }[];
}

/** A number that has a name: √(2/π). */
export interface Known {
  readonly kind: "known";
  readonly value: number;
  readonly text: string;
  readonly latex: string;
}

/** Σ over indices; with `name`, also max, min, Π. */
export interface Total {
  readonly kind: "total";
  readonly name: "Σ" | "Π" | "max" | "min";
  readonly indices: readonly string[];
  readonly of: Formula;
  readonly scalar: boolean;
}

export type Formula =
  | Symbol
  | Product
  | Known
  | Total
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "sum"; readonly terms: readonly Formula[] }
  /** Matrices, multiplied from left to right. */
  | { readonly kind: "chain"; readonly matrices: readonly Formula[] }
  | { readonly kind: "transpose"; readonly of: Formula }
  | { readonly kind: "call"; readonly name: string; readonly operands: readonly Formula[] }
  /** base ^ exponent, where the exponent is no number. */
  | { readonly kind: "power"; readonly base: Formula; readonly exponent: Formula }
  /** x[y] */
  | { readonly kind: "entry"; readonly of: Formula; readonly at: string | Formula }
  | { readonly kind: "compare"; readonly name: Comparison; readonly left: Formula; readonly right: Formula }
  | { readonly kind: "logic"; readonly name: "and" | "or" | "not"; readonly operands: readonly Formula[] }
  | { readonly kind: "truth"; readonly value: boolean }
  /** [c]: 1 where c holds, else 0. */
  | { readonly kind: "indicator"; readonly condition: Formula }
  | {
      readonly kind: "choice";
      readonly condition: Formula;
      readonly yes: Formula;
      readonly no: Formula;
    };

export const symbol = (name: string, scalar: boolean, mark: Symbol["mark"] = ""): Symbol => ({
  kind: "symbol",
  name,
  mark,
  scalar,
});
/** A number, by its name where it has one. */
export function number(value: number): Formula {
  const known = KNOWN.find((constant) => isClose(Math.abs(value), constant.value));
  if (known === undefined) return plain(value);
  return value > 0 ? known : { kind: "product", coefficient: -1, factors: [{ base: known, exponent: 1 }] };
}
const plain = (value: number): Formula => ({ kind: "number", value });
const isClose = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-12 * Math.abs(b);

const known = (value: number, text: string, latex: string): Known => ({ kind: "known", value, text, latex });
/** Numbers that a reader knows by another name. */
const KNOWN = [
  known(Math.PI, "π", String.raw`\pi`),
  known(2 * Math.PI, "(2π)", String.raw`(2\pi)`),
  known(Math.E, "e", "e"),
  known(Math.LN2, "(ln 2)", String.raw`(\ln 2)`),
  known(Math.SQRT2, "√2", String.raw`\sqrt{2}`),
  known(Math.sqrt(2 / Math.PI), "√(2/π)", String.raw`\sqrt{\tfrac{2}{\pi}}`),
  known(Math.sqrt(2 * Math.PI), "√(2π)", String.raw`\sqrt{2\pi}`),
  known(2 / Math.sqrt(Math.PI), "(2/√π)", String.raw`\tfrac{2}{\sqrt{\pi}}`),
];

// -------------------------------------------------------------------------------------------------- equality

const keys = new WeakMap<Formula, string>();

/** Equal for equal formulas. */
export function keyOf(formula: Formula): string {
  let key = keys.get(formula);
  if (key === undefined) {
    key = JSON.stringify(formula, (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
    );
    keys.set(formula, key);
  }
  return key;
}

export const same = (a: Formula, b: Formula): boolean => a === b || keyOf(a) === keyOf(b);

export const isNumber = (formula: Formula, value: number): boolean =>
  formula.kind === "number" && formula.value === value;

/** Whether it is one number for the whole tensor. */
export function isScalar(formula: Formula): boolean {
  switch (formula.kind) {
    case "number":
    case "known":
    case "truth":
      return true;
    case "symbol":
    case "total":
      return formula.scalar;
    case "product":
      return formula.factors.every(({ base }) => isScalar(base));
    case "sum":
      return formula.terms.every(isScalar);
    case "chain":
    case "entry":
      return false;
    case "transpose":
      return isScalar(formula.of);
    case "call":
    case "logic":
      return formula.operands.every(isScalar);
    case "power":
      return isScalar(formula.base) && isScalar(formula.exponent);
    case "compare":
      return isScalar(formula.left) && isScalar(formula.right);
    case "indicator":
      return isScalar(formula.condition);
    case "choice":
      return [formula.condition, formula.yes, formula.no].every(isScalar);
  }
}

/** How much there is to read: symbols, numbers and functions. */
export function weight(formula: Formula): number {
  const total = (parts: readonly Formula[]): number => parts.reduce((sum, part) => sum + weight(part), 0);
  switch (formula.kind) {
    case "number":
    case "known":
    case "truth":
    case "symbol":
      return 1;
    case "product":
      return total(formula.factors.map(({ base }) => base)) + (Math.abs(formula.coefficient) === 1 ? 0 : 1);
    case "sum":
      return total(formula.terms);
    case "chain":
      return total(formula.matrices);
    case "transpose":
      return weight(formula.of);
    case "call":
    case "logic":
      return 1 + total(formula.operands);
    case "power":
      return weight(formula.base) + weight(formula.exponent);
    case "total":
      return 1 + weight(formula.of);
    case "entry":
      return weight(formula.of) + (typeof formula.at === "string" ? 1 : weight(formula.at));
    case "compare":
      return weight(formula.left) + weight(formula.right);
    case "indicator":
      return weight(formula.condition);
    case "choice":
      return total([formula.condition, formula.yes, formula.no]);
  }
}

// ---------------------------------------------------------------------------------------------------- algebra

/** Any formula as coefficient and factors. */
function asProduct(formula: Formula): Product {
  if (formula.kind === "product") return formula;
  if (formula.kind === "number") return { kind: "product", coefficient: formula.value, factors: [] };
  return { kind: "product", coefficient: 1, factors: [{ base: formula, exponent: 1 }] };
}

export const negated = (formula: Formula): Formula => times(plain(-1), formula);
export const over = (a: Formula, b: Formula): Formula => times(a, raised(b, -1));

/** base ^ exponent */
export function raised(base: Formula, exponent: number): Formula {
  if (base.kind === "number") return number(base.value ** exponent);
  const { coefficient, factors } = asProduct(base);
  // (-x)^½ is not -(x^½), nor is ((x^2)^½) x.
  const whole = Number.isInteger(exponent);
  if (!whole && base.kind === "product") {
    return productOf(1, [{ base, exponent }]);
  }
  return productOf(
    coefficient ** exponent,
    factors.map((f) => ({ base: f.base, exponent: f.exponent * exponent })),
  );
}

/** Factors that are equal become powers: x · x = x², x / x = 1. */
export function times(...formulas: readonly Formula[]): Formula {
  let coefficient = 1;
  const factors = new Map<string, Product["factors"][number]>();
  for (const formula of formulas) {
    const product = formulas.length > 1 ? scaledSum(formula) : asProduct(formula);
    coefficient *= product.coefficient;
    for (const { base, exponent } of product.factors) {
      const key = keyOf(base);
      const before = factors.get(key)?.exponent ?? 0;
      factors.set(key, { base, exponent: before + exponent });
    }
  }
  return productOf(coefficient, [...factors.values()]);
}

/** (½ + x) is ½(1 + 2x) among other factors. */
function scaledSum(formula: Formula): Product {
  const first = formula.kind === "sum" ? formula.terms[0]! : null;
  if (formula.kind !== "sum" || first?.kind !== "number" || first.value === 0) return asProduct(formula);
  const inverse = 1 / first.value;
  if (inverse === 1 || !Number.isInteger(inverse)) return asProduct(formula);
  const terms = formula.terms.map((term) => times(plain(inverse), term));
  return {
    kind: "product",
    coefficient: first.value,
    factors: [{ base: { kind: "sum", terms }, exponent: 1 }],
  };
}

function productOf(given: number, factors: Product["factors"]): Formula {
  const { coefficient, factors: named } = joinedNumbers(given, factors);
  const left = withAbs(joinedIndicators(named.filter(({ exponent }) => exponent !== 0)));
  if (coefficient === 0 || left.length === 0) return left.length === 0 ? number(coefficient) : plain(0);
  const [first, second] = left;
  if (coefficient === 1 && second === undefined && first!.exponent === 1) return first!.base;
  return { kind: "product", coefficient, factors: left };
}

/** √2² = 2; and several numbers with names may have one together. */
function joinedNumbers(coefficient: number, factors: Product["factors"]): Omit<Product, "kind"> {
  const named = factors.filter(({ base }) => base.kind === "known");
  const value = named.reduce(
    (product, { base, exponent }) => product * (base.kind === "known" ? base.value : 1) ** exponent,
    coefficient,
  );
  const rest = factors.filter(({ base }) => base.kind !== "known");
  const isWhole = [value, 1 / value].some((v) => Math.abs(v) < 1e6 && isClose(v, Math.round(v)));
  if (named.length > 0 && isWhole) {
    const whole = Math.abs(value) >= 1 ? Math.round(value) : 1 / Math.round(1 / value);
    return { coefficient: whole, factors: rest };
  }
  if (named.length < 2) return { coefficient, factors };
  const sign = Math.sign(value);
  for (const base of KNOWN) {
    if (isClose(sign * value, base.value))
      return { coefficient: sign, factors: [{ base, exponent: 1 }, ...rest] };
    if (isClose(sign / value, base.value))
      return { coefficient: sign, factors: [...rest, { base, exponent: -1 }] };
  }
  return { coefficient, factors };
}

/** [a] [b] = [a and b], [a]² = [a] */
function joinedIndicators(factors: Product["factors"]): Product["factors"] {
  const conditions = factors.flatMap(({ base, exponent }) =>
    base.kind === "indicator" && exponent > 0 ? [base.condition] : [],
  );
  if (conditions.length === 0) return factors;
  const joined = { base: indicator(conditions.reduce(both)), exponent: 1 };
  const rest = factors.filter(({ base, exponent }) => base.kind !== "indicator" || exponent < 0);
  return [joined, ...rest];
}

/** x sign x = |x| */
function withAbs(factors: Product["factors"]): Product["factors"] {
  const sign = factors.find(
    ({ base, exponent }) => base.kind === "call" && base.name === "sign" && exponent === 1,
  );
  if (sign?.base.kind !== "call") return factors;
  const of = keyOf(sign.base.operands[0]!);
  if (!factors.some(({ base, exponent }) => exponent === 1 && keyOf(base) === of)) return factors;
  const abs: Formula = { ...sign.base, name: "abs" };
  return factors.flatMap((f) =>
    f === sign ? [] : keyOf(f.base) === of ? [{ base: abs, exponent: 1 }] : [f],
  );
}

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

// --------------------------------------------------------------------------------------------------- matrices

export function chain(...formulas: readonly Formula[]): Formula {
  const matrices = formulas.flatMap((f) => (f.kind === "chain" ? f.matrices : [f]));
  return { kind: "chain", matrices };
}

/** (A B)ᵀ = Bᵀ Aᵀ, Aᵀᵀ = A */
export function transposed(formula: Formula): Formula {
  if (isScalar(formula)) return formula;
  if (formula.kind === "transpose") return formula.of;
  if (formula.kind === "chain") return chain(...formula.matrices.map(transposed).toReversed());
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

// ----------------------------------------------------------------------------------------------------- choices

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = {
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
  "==": "!=",
  "!=": "==",
};

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

export function not(condition: Formula): Formula {
  if (condition.kind === "truth") return { kind: "truth", value: !condition.value };
  if (condition.kind === "compare") return { ...condition, name: OPPOSITE[condition.name] };
  if (condition.kind === "logic" && condition.name === "not") return condition.operands[0]!;
  return { kind: "logic", name: "not", operands: [condition] };
}

export function both(a: Formula, b: Formula): Formula {
  if (a.kind === "truth") return a.value ? b : a;
  if (b.kind === "truth") return b.value ? a : b;
  return { kind: "logic", name: "and", operands: [a, b] };
}

export const either = (a: Formula, b: Formula): Formula =>
  a.kind === "truth"
    ? a.value
      ? a
      : b
    : b.kind === "truth"
      ? b.value
        ? b
        : a
      : { kind: "logic", name: "or", operands: [a, b] };

export function indicator(condition: Formula): Formula {
  if (condition.kind === "truth") return plain(condition.value ? 1 : 0);
  // `onehot(y)` is 1 and 0 by itself.
  return condition.kind === "call" ? condition : { kind: "indicator", condition };
}

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
