/** Formulas as a line of text: σ(z)(1 - σ(z)), δzᵀ x, (softmax(z) - onehot(y))/N. */
import { ATOM_LEVEL, infix, POWER_LEVEL, PRODUCT_LEVEL, within } from "../../grammar/operators.ts";
import type { Formula, Symbol } from "./formula.ts";
import { CONDITION_LEVEL, spell, type Notation } from "./spell.ts";

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SUBSCRIPTS: Readonly<Record<string, string>> = {
  i: "ᵢ", j: "ⱼ", k: "ₖ", l: "ₗ", m: "ₘ", n: "ₙ", o: "ₒ", p: "ₚ", r: "ᵣ", s: "ₛ", t: "ₜ", u: "ᵤ", v: "ᵥ", x: "ₓ", a: "ₐ", e: "ₑ", h: "ₕ",
}; // prettier-ignore

/** Greek and other letters that mathematics has for a function. */
const FUNCTIONS: Readonly<Record<string, string>> = { sigmoid: "σ", sqrt: "√" };

/** `h@t-1` is h at a place of a loop. */
export const symbolText = ({ mark, name }: Symbol): string =>
  mark + name.replace(/@([a-z\d+-]+)/g, (_, place: string) => [...place].map((c) => PLACES[c] ?? c).join(""));

const PLACES: Readonly<Record<string, string>> = {
  ...SUBSCRIPTS, q: "q", "+": "₊", "-": "₋",
  ...Object.fromEntries([..."₀₁₂₃₄₅₆₇₈₉"].map((digit, i) => [String(i), digit])),
}; // prettier-ignore

export const formulaText = (formula: Formula): string => spell(formula, notation).text;

const notation: Notation = {
  symbol: symbolText,
  number: numberText,
  known: ({ text }) => text,
  truth: String,
  enclosed: (text) => `(${text})`,
  times: " ",
  entrywise: " ∘ ",
  transposed: (of) => `${of}ᵀ`,
  exponent: (exponent) => `^${within(exponent, ATOM_LEVEL)}`,
  power: (exponent) =>
    Number.isInteger(exponent)
      ? [...String(exponent)].map((digit) => SUPERSCRIPTS[Number(digit)]).join("")
      : `^${numberText(exponent)}`,
  call: (name, operands) => (name === "abs" ? `|${operands}|` : `${FUNCTIONS[name] ?? name}(${operands})`),
  total: (name, indices) => name + subscript(indices),
  endsInTotal: true,
  slice: (slice) => slice,
  comparison: (name) => infix[name].sign ?? name,
  logic: (name) => (name === "not" ? "not " : ` ${name} `),
  choice: (cases, otherwise) => ({
    text: cases.map(([value, condition]) => `${value} if ${condition}, else `).join("") + otherwise,
    level: CONDITION_LEVEL,
  }),
  fraction: (over, under) => ({ text: `${over}/${under}`, level: PRODUCT_LEVEL }),
  fractionLeads: false,
  quotient: (over, under) => `${over}/${under.length === 1 ? under[0]! : `(${under.join(" ")})`}`,
  quotientLevel: POWER_LEVEL,
};

function subscript(indices: readonly string[]): string {
  const letters = indices.map((index) => SUBSCRIPTS[index]);
  return letters.every((letter) => letter !== undefined) ? letters.join("") : `_${indices.join(",")}`;
}

/** As short as seven digits allow. */
export function numberText(value: number): string {
  return value === Infinity ? "∞" : String(Number(value.toPrecision(7)));
}
