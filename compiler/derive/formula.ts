/**
 * Formulas as mathematics: a small tree for people to read, with the equalities that a person would
 * use. It is no part of what is computed: like terms are collected and factors cancelled as real
 * numbers allow, which rounding would not.
 */
import type { Comparison } from "../../grammar/operators.ts";

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
  /** The index is the place of a loop: whole tensors are added up. */
  readonly places?: true;
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

export const plain = (value: number): Formula => ({ kind: "number", value });

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
