/** Products, quotients and powers: equal factors are joined, and so are numbers that have names. */
import { keyOf, plain, type Formula, type Known, type Product } from "./formula.ts";
import { both, indicator } from "./logic.ts";

/** A number, by its name where it has one. */
export function number(value: number): Formula {
  const known = KNOWN.find((constant) => isClose(Math.abs(value), constant.value));
  if (known === undefined) return plain(value);
  return value > 0 ? known : { kind: "product", coefficient: -1, factors: [{ base: known, exponent: 1 }] };
}
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

/** Any formula as coefficient and factors. */
export function asProduct(formula: Formula): Product {
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

export function productOf(given: number, factors: Product["factors"]): Formula {
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
