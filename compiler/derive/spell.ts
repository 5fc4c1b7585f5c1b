/**
 * Formulas as a person writes them, in one notation or another. Parentheses stand only where they
 * are needed.
 */
import {
  ATOM_LEVEL,
  LAMBDA_LEVEL,
  POWER_LEVEL,
  PRODUCT_LEVEL,
  SUM_LEVEL,
  within,
  type Comparison,
  type Spelled,
} from "../../grammar/operators.ts";
import { isScalar, type Formula, type Known, type Product, type Symbol, type Total } from "./formula.ts";

/** Conditions and choices hold together least of all. */
export const CONDITION_LEVEL = LAMBDA_LEVEL;

export interface Notation {
  readonly symbol: (symbol: Symbol) => string;
  /** A number of at least 0, or NaN. */
  readonly number: (size: number) => string;
  readonly known: (known: Known) => string;
  readonly truth: (value: boolean) => string;
  readonly enclosed: (text: string) => string;
  /** Between what is multiplied: numbers and matrices; entry by entry. */
  readonly times: string;
  readonly entrywise: string;
  readonly transposed: (of: string) => string;
  /** After a base. */
  readonly exponent: (exponent: Spelled) => string;
  readonly power: (exponent: number) => string;
  readonly call: (name: string, operands: string) => string;
  readonly total: (name: Total["name"], indices: readonly string[]) => string;
  /** Whether a total that ends a product needs no parentheses. */
  readonly endsInTotal: boolean;
  /** What is between the brackets of `x[:, 0]`. */
  readonly slice: (slice: string) => string;
  readonly comparison: (name: Comparison) => string;
  readonly logic: (name: "and" | "or" | "not") => string;
  /** Cases in order, and what there is otherwise. */
  readonly choice: (
    cases: readonly (readonly [value: string, condition: string])[],
    otherwise: string,
  ) => Spelled;
  /** 2/3 */
  readonly fraction: (over: number, under: number) => Spelled;
  /** Whether it stands before what it multiplies; if not, the divisor goes below that. */
  readonly fractionLeads: boolean;
  readonly quotient: (over: string, under: readonly string[]) => string;
  /** How tightly that must hold together which stands alone above or below. */
  readonly quotientLevel: number;
}

export const spell = (formula: Formula, notation: Notation): Spelled => new Speller(notation).spell(formula);

class Speller {
  readonly #notation: Notation;

  constructor(notation: Notation) {
    this.#notation = notation;
  }

  spell(formula: Formula): Spelled {
    const notation = this.#notation;
    switch (formula.kind) {
      case "number":
        return this.#alone(formula.value);
      case "known":
        return atom(notation.known(formula));
      case "symbol":
        return atom(notation.symbol(formula));
      case "truth":
        return atom(notation.truth(formula.value));
      case "sum":
        return { text: formula.terms.map((term, i) => this.#term(term, i === 0)).join(""), level: SUM_LEVEL };
      case "product":
        return this.#product(formula);
      case "chain": {
        const matrices = formula.matrices.map((matrix) => this.#within(matrix, POWER_LEVEL));
        return { text: matrices.join(notation.times), level: PRODUCT_LEVEL };
      }
      case "transpose":
        return { text: notation.transposed(this.#within(formula.of, ATOM_LEVEL)), level: POWER_LEVEL };
      case "power": {
        const exponent = notation.exponent(this.spell(formula.exponent));
        return { text: this.#within(formula.base, ATOM_LEVEL) + exponent, level: POWER_LEVEL };
      }
      case "call":
        return atom(notation.call(formula.name, formula.operands.map((x) => this.#text(x)).join(", ")));
      case "total": {
        const { name, indices, of } = formula;
        return {
          text: `${notation.total(name, indices)} ${this.#within(of, PRODUCT_LEVEL)}`,
          level: PRODUCT_LEVEL,
        };
      }
      case "entry": {
        const { of, at } = formula;
        const index = typeof at === "string" ? notation.slice(at) : this.#text(at);
        return atom(`${this.#within(of, ATOM_LEVEL)}[${index}]`);
      }
      case "compare": {
        const [left, right] = [formula.left, formula.right].map((side) => this.#within(side, SUM_LEVEL));
        return {
          text: `${left} ${notation.comparison(formula.name)} ${right}`,
          level: CONDITION_LEVEL,
        };
      }
      case "logic": {
        const name = notation.logic(formula.name);
        const operands = formula.operands.map((x) =>
          x.kind === "logic" ? notation.enclosed(this.#text(x)) : this.#text(x),
        );
        const text = formula.name === "not" ? name + operands[0]! : operands.join(name);
        return { text, level: CONDITION_LEVEL };
      }
      case "indicator":
        return atom(`[${this.#text(formula.condition)}]`);
      case "choice": {
        const cases: [string, string][] = [];
        let rest: Formula = formula;
        for (; rest.kind === "choice"; rest = rest.no) {
          cases.push([this.#text(rest.yes), this.#text(rest.condition)]);
        }
        return notation.choice(cases, this.#text(rest));
      }
    }
  }

  #text(formula: Formula): string {
    return this.spell(formula).text;
  }

  /** The formula where nothing looser than `level` may stand. */
  #within(formula: Formula, level: number): string {
    return within(this.spell(formula), level, this.#notation.enclosed);
  }

  #term(term: Formula, isFirst: boolean): string {
    // A negative number is written in parentheses where it is no term.
    const text = term.kind === "number" ? this.#alone(term.value).text : this.#within(term, PRODUCT_LEVEL);
    if (isFirst) return text;
    return text.startsWith("-") ? ` - ${text.slice(1)}` : ` + ${text}`;
  }

  /** A number that multiplies nothing: 0.25, but 2/3. */
  #alone(value: number): Spelled {
    const { over, under } = fractionOf(Math.abs(value));
    const size =
      over !== 1 && under !== 1
        ? this.#notation.fraction(over, under)
        : atom(this.#notation.number(Math.abs(value)));
    return value < 0 ? { text: `-${size.text}`, level: SUM_LEVEL } : size;
  }

  #product({ coefficient, factors }: Product): Spelled {
    const notation = this.#notation;
    const { over, under: divisor } = fractionOf(Math.abs(coefficient));
    const above = inReadingOrder(factors.filter(({ exponent }) => exponent > 0));
    const below = factors.filter(({ exponent }) => exponent < 0);
    const leads = divisor !== 1 && below.length === 0 && notation.fractionLeads;
    const isDivided = divisor !== 1 && !leads;
    const isQuotient = isDivided || below.length > 0;
    let text = leads ? notation.fraction(over, divisor).text : over === 1 ? "" : notation.number(over);

    const single = text === "" && above.length === 1;
    const level = !single ? POWER_LEVEL : isQuotient ? notation.quotientLevel : PRODUCT_LEVEL;
    let before: Formula | null = null;
    for (const [i, { base, exponent }] of above.entries()) {
      const ends = notation.endsInTotal && i === above.length - 1 && !isQuotient && base.kind === "total";
      const own = this.#factor(base, exponent, ends ? PRODUCT_LEVEL : level);
      const isEntrywise = before !== null && !isScalar(before) && !isScalar(base);
      const isApart = text === "" || /^(\(|\\left\()/.test(own);
      text += (isEntrywise ? notation.entrywise : isApart ? "" : notation.times) + own;
      before = base;
    }
    const sign = coefficient < 0 ? "-" : "";
    if (!isQuotient) {
      const isPower = single && sign === "" && above[0]!.exponent !== 1;
      return { text: sign + text, level: isPower ? POWER_LEVEL : PRODUCT_LEVEL };
    }
    const isAlone = below.length + Number(isDivided) === 1;
    const under = below.map(({ base, exponent }) =>
      this.#factor(base, -exponent, isAlone ? notation.quotientLevel : POWER_LEVEL),
    );
    if (isDivided) under.unshift(notation.number(divisor));
    return { text: sign + notation.quotient(text === "" ? "1" : text, under), level: PRODUCT_LEVEL };
  }

  #factor(base: Formula, exponent: number, level: number): string {
    if (exponent === 1) return this.#within(base, level);
    if (exponent === 0.5) return this.#notation.call("sqrt", this.#text(base));
    return this.#within(base, ATOM_LEVEL) + this.#notation.power(exponent);
  }
}

const atom = (text: string): Spelled => ({ text, level: ATOM_LEVEL });

const LARGEST_DIVISOR = 100;

/** A quarter is written as a division by 4, and two thirds as 2/3; 0.3 stays what it is. */
function fractionOf(size: number): { readonly over: number; readonly under: number } {
  const inverse = Math.round(1 / size);
  if (size < 1 && inverse <= LARGEST_DIVISOR && 1 / inverse === size) return { over: 1, under: inverse };
  const isShort = String(size).length < 7;
  for (let under = 3; !isShort && under <= LARGEST_DIVISOR; under++) {
    const over = Math.round(size * under);
    if (over > 1 && over < LARGEST_DIVISOR && over / under === size) return { over, under };
  }
  return { over: size, under: 1 };
}

/** Numbers with names first, then what is one number, sums last; then tensors as they come. */
function inReadingOrder(factors: Product["factors"]): Product["factors"] {
  const rank = ({ base }: Product["factors"][number]): number =>
    base.kind === "known" ? 0 : !isScalar(base) ? 3 : base.kind === "sum" || base.kind === "choice" ? 2 : 1;
  return factors.toSorted((a, b) => rank(a) - rank(b));
}
