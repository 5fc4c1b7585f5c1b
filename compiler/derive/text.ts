/** Formulas as a line of text: σ(z)(1 - σ(z)), δzᵀ x, (softmax(z) - onehot(y))/N. Parentheses stand only where they are needed. */
import { isScalar, type Formula, type Product, type Symbol } from "./formula.ts";

/** How tightly a formula holds together: what is looser than its place is put in parentheses. */
const LOOSE = { condition: 0, sum: 1, product: 2, power: 3, atom: 4 } as const;
type Level = (typeof LOOSE)[keyof typeof LOOSE];

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SUBSCRIPTS: Readonly<Record<string, string>> = {
  i: "ᵢ", j: "ⱼ", k: "ₖ", l: "ₗ", m: "ₘ", n: "ₙ", o: "ₒ", p: "ₚ", r: "ᵣ", s: "ₛ", t: "ₜ", u: "ᵤ", v: "ᵥ", x: "ₓ", a: "ₐ", e: "ₑ", h: "ₕ",
}; // prettier-ignore

/** Greek and other letters that mathematics has for a function. */
const FUNCTIONS: Readonly<Record<string, string>> = { sigmoid: "σ", sqrt: "√" };

export const symbolText = ({ mark, name }: Symbol): string => mark + name;

export const formulaText = (formula: Formula): string => write(formula)[0];

function write(formula: Formula): readonly [string, Level] {
  switch (formula.kind) {
    case "number":
      return aloneText(formula.value);
    case "known":
      return [formula.text, LOOSE.atom];
    case "symbol":
      return [symbolText(formula), LOOSE.atom];
    case "truth":
      return [String(formula.value), LOOSE.atom];
    case "sum":
      return [sumText(formula.terms), LOOSE.sum];
    case "product":
      return productText(formula);
    case "chain":
      return [formula.matrices.map((m) => at(m, LOOSE.power)).join(" "), LOOSE.product];
    case "transpose":
      return [`${at(formula.of, LOOSE.atom)}ᵀ`, LOOSE.power];
    case "power":
      return [`${at(formula.base, LOOSE.atom)}^${at(formula.exponent, LOOSE.atom)}`, LOOSE.power];
    case "call": {
      const operands = formula.operands.map(formulaText).join(", ");
      if (formula.name === "abs") return [`|${operands}|`, LOOSE.atom];
      return [`${FUNCTIONS[formula.name] ?? formula.name}(${operands})`, LOOSE.atom];
    }
    case "total":
      return [`${formula.name}${subscript(formula.indices)} ${at(formula.of, LOOSE.product)}`, LOOSE.product];
    case "entry": {
      const index = typeof formula.at === "string" ? formula.at : formulaText(formula.at);
      return [`${at(formula.of, LOOSE.atom)}[${index}]`, LOOSE.atom];
    }
    case "compare":
      return [
        `${at(formula.left, LOOSE.sum)} ${formula.name} ${at(formula.right, LOOSE.sum)}`,
        LOOSE.condition,
      ];
    case "logic": {
      const operands = formula.operands.map((o) =>
        o.kind === "logic" ? `(${formulaText(o)})` : formulaText(o),
      );
      return [
        formula.name === "not" ? `not ${operands[0]}` : operands.join(` ${formula.name} `),
        LOOSE.condition,
      ];
    }
    case "indicator":
      return [`[${formulaText(formula.condition)}]`, LOOSE.atom];
    case "choice":
      return [
        `${formulaText(formula.yes)} if ${formulaText(formula.condition)}, else ${formulaText(formula.no)}`,
        LOOSE.condition,
      ];
  }
}

/** The formula where nothing looser than `level` may stand. */
function at(formula: Formula, level: Level): string {
  const [text, own] = write(formula);
  return own < level ? `(${text})` : text;
}

function sumText(terms: readonly Formula[]): string {
  return terms
    .map((term, i) => {
      const text = at(term, LOOSE.product);
      // A negative number is written in parentheses where it is no term.
      const bare = term.kind === "number" ? aloneText(term.value)[0] : text;
      if (!bare.startsWith("-")) return i === 0 ? bare : ` + ${bare}`;
      return i === 0 ? bare : ` - ${bare.slice(1)}`;
    })
    .join("");
}

function productText({ coefficient, factors }: Product): readonly [string, Level] {
  const { over, under: divisorNumber } = fractionOf(Math.abs(coefficient));
  const divided = divisorNumber !== 1;
  const above = factors.filter(({ exponent }) => exponent > 0);
  const below = factors.filter(({ exponent }) => exponent < 0);
  const numbers = over === 1 ? [] : [numberText(over)];
  const ordered = inReadingOrder(above);
  const entrywise = ordered.filter((f) => !isScalar(f.base)).length > 1;
  const single = numbers.length === 0 && above.length === 1;
  const level = single && below.length === 0 && !divided ? LOOSE.product : LOOSE.power;

  let text = numbers.join(" ");
  let before: Formula | null = null;
  for (const [i, factor] of ordered.entries()) {
    // Nothing stands after a sum that ends the product.
    const isLast = i === ordered.length - 1 && below.length === 0 && !divided && factor.base.kind === "total";
    const own = factorText(factor.base, factor.exponent, isLast ? LOOSE.product : level);
    const joint =
      before !== null && entrywise && !isScalar(before) && !isScalar(factor.base)
        ? " ∘ "
        : text === "" || own.startsWith("(")
          ? ""
          : " ";
    text += joint + own;
    before = factor.base;
  }
  const under = [
    ...(divided ? [numberText(divisorNumber)] : []),
    ...below.map(({ base, exponent }) => factorText(base, -exponent, LOOSE.power)),
  ];
  const sign = coefficient < 0 ? "-" : "";
  if (under.length === 0) {
    const isPower = single && sign === "" && ordered[0]!.exponent !== 1;
    return [sign + text, isPower ? LOOSE.power : LOOSE.product];
  }
  const divisor = under.length === 1 ? under[0]! : `(${under.join(" ")})`;
  return [`${sign}${text === "" ? "1" : text}/${divisor}`, LOOSE.product];
}

const LARGEST_DIVISOR = 100;

/** A quarter is written as a division by 4, and two thirds as 2/3; 0.3 stays what it is. */
export function fractionOf(size: number): { readonly over: number; readonly under: number } {
  const inverse = Math.round(1 / size);
  if (size < 1 && inverse <= LARGEST_DIVISOR && 1 / inverse === size) return { over: 1, under: inverse };
  const isShort = String(size).length < 7;
  for (let under = 3; !isShort && under <= LARGEST_DIVISOR; under++) {
    const over = Math.round(size * under);
    if (over > 1 && over < LARGEST_DIVISOR && over / under === size) return { over, under };
  }
  return { over: size, under: 1 };
}

/** A number that multiplies nothing: 0.25, but 2/3. */
function aloneText(value: number): readonly [string, Level] {
  const { over, under } = fractionOf(Math.abs(value));
  const isFraction = over !== 1 && under !== 1;
  const text = isFraction ? `${over}/${under}` : numberText(Math.abs(value));
  return value < 0 ? [`-${text}`, LOOSE.sum] : [text, isFraction ? LOOSE.product : LOOSE.atom];
}

/** Numbers with names first, then what is one number, sums last; then tensors as they come. */
export function inReadingOrder(factors: Product["factors"]): Product["factors"] {
  const rank = ({ base }: Product["factors"][number]): number =>
    base.kind === "known" ? 0 : !isScalar(base) ? 3 : base.kind === "sum" || base.kind === "choice" ? 2 : 1;
  return factors.toSorted((a, b) => rank(a) - rank(b));
}

function factorText(base: Formula, exponent: number, level: Level): string {
  if (exponent === 1) return at(base, level);
  if (exponent === 0.5) return `√(${formulaText(base)})`;
  const power = Number.isInteger(exponent)
    ? [...String(exponent)].map((digit) => SUPERSCRIPTS[Number(digit)]).join("")
    : `^${numberText(exponent)}`;
  return at(base, LOOSE.atom) + power;
}

function subscript(indices: readonly string[]): string {
  const letters = indices.map((index) => SUBSCRIPTS[index]);
  return letters.every((letter) => letter !== undefined) ? letters.join("") : `_${indices.join(",")}`;
}

/** As short as seven digits allow. */
export function numberText(value: number): string {
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "-∞";
  return String(Number(value.toPrecision(7)));
}
