/**
 * Formulas as LaTeX, for any renderer of its mathematics (KaTeX, MathJax): no package is needed but
 * amsmath.
 */
import { ATOM_LEVEL, infix } from "../../grammar/operators.ts";
import type { Formula, Symbol } from "./formula.ts";
import { CONDITION_LEVEL, spell, type Notation } from "./spell.ts";
import { numberText } from "./text.ts";

const FUNCTIONS: Readonly<Record<string, string>> = {
  sigmoid: String.raw`\sigma`,
  tanh: String.raw`\tanh`,
  exp: String.raw`\exp`,
  log: String.raw`\log`,
  sin: String.raw`\sin`,
  cos: String.raw`\cos`,
};
const TOTALS = {
  Σ: String.raw`\sum`,
  Π: String.raw`\prod`,
  max: String.raw`\max`,
  min: String.raw`\min`,
} as const;
/** `h.weight` is the W of h, `h.bias` its b; `h.z` is the z in h. */
export function symbolLatex({ mark, name }: Symbol): string {
  const inner = nameLatex(name);
  if (mark === "δ") return String.raw`\delta_{${inner}}`;
  return mark === "∇" ? String.raw`\nabla_{\!${inner}} L` : inner;
}

export function nameLatex(name: string): string {
  // A list of numbers, whose points are none of a path.
  if (name.startsWith("[")) {
    const shown = name.replace("…", String.raw`\ldots`);
    return shown.replace(/(δ?)([^\s[\],@]+)@(\d+)/g, (_, mark: string, of: string, place: string) =>
      symbolLatex({ kind: "symbol", scalar: false, mark: mark === "" ? "" : "δ", name: `${of}@${place}` }),
    );
  }
  if (/^δ./.test(name)) return String.raw`\delta_{${nameLatex(name.slice(1))}}`;
  const [whole, place] = name.split("@") as [string, string?];
  // `h.0` is the first h, `h.0.weight` the weight of it.
  const [, path, number] = /^(.*?)((?:\.\d+)*)$/s.exec(whole) ?? [null, whole, ""];
  const [last, ...owners] = path!.split(".").toReversed();
  const letter = last === "weight" ? "W" : last === "bias" ? "b" : last!;
  const [, stem, digits] = /^(.*?[^\d_])_?(\d*)$/s.exec(letter) ?? [null, letter, ""];
  const subscripts = [digits!, number!.slice(1), owners.toReversed().join("."), place ?? ""].filter(
    (s) => s !== "",
  );
  const base = wordLatex(stem!);
  return subscripts.length === 0 ? base : `${base}_{${subscripts.map(subscriptLatex).join(",")}}`;
}

const subscriptLatex = (text: string): string =>
  text.length === 1 || /^([a-z][+-])?\d+$/.test(text) ? text : String.raw`\mathrm{${escape(text)}}`;

const wordLatex = (word: string): string =>
  [...word].length === 1 ? (GREEK[word] ?? escape(word)) : String.raw`\mathit{${escape(word)}}`;

const GREEK: Readonly<Record<string, string>> = { δ: String.raw`\delta`, σ: String.raw`\sigma` };

const escape = (text: string): string =>
  text.replace(/[\\{}$&#^_%~]/g, (c) => (c === "\\" || c === "^" || c === "~" ? "" : `\\${c}`));

export const formulaLatex = (formula: Formula): string => spell(formula, notation).text;

const enclosed = (text: string): string =>
  /\\(frac|sum|begin|prod)/.test(text) ? String.raw`\left(${text}\right)` : `(${text})`;

export const functionLatex = (name: string): string =>
  FUNCTIONS[name] ?? String.raw`\operatorname{${escape(name)}}`;

const notation: Notation = {
  symbol: symbolLatex,
  number: numberLatex,
  known: ({ latex }) => latex,
  truth: (value) => String.raw`\mathrm{${value}}`,
  enclosed,
  times: String.raw`\,`,
  entrywise: String.raw` \circ `,
  transposed: (of) => String.raw`${of}^{\top}`,
  exponent: ({ text }) => `^{${text}}`,
  power: (exponent) => `^{${numberLatex(exponent)}}`,
  call(name, operands) {
    if (name === "abs") return String.raw`\left|${operands}\right|`;
    return name === "sqrt" ? String.raw`\sqrt{${operands}}` : functionLatex(name) + enclosed(operands);
  },
  total: (name, indices) => TOTALS[name] + (indices.length === 0 ? "" : `_{${indices.join(",")}}`),
  endsInTotal: false,
  slice: (slice) => String.raw`\mathtt{${escape(slice)}}`,
  comparison: (name) => infix[name].latex ?? name,
  logic: (name) => String.raw`\;\text{${name}}\;`,
  choice(cases, otherwise) {
    const rows = [
      ...cases.map(([value, condition]) => String.raw`${value} & \text{if } ${condition}`),
      String.raw`${otherwise} & \text{otherwise}`,
    ];
    return {
      text: String.raw`\begin{cases} ${rows.join(String.raw` \\ `)} \end{cases}`,
      level: ATOM_LEVEL,
    };
  },
  fraction: (over, under) => ({ text: String.raw`\tfrac{${over}}{${under}}`, level: ATOM_LEVEL }),
  fractionLeads: true,
  quotient: (over, under) => String.raw`\frac{${over}}{${under.join(String.raw`\,`)}}`,
  // The bar holds both together.
  quotientLevel: CONDITION_LEVEL,
};

function numberLatex(value: number): string {
  if (value === Infinity) return String.raw`\infty`;
  const [mantissa, exponent] = numberText(value).split("e");
  return exponent === undefined ? mantissa! : String.raw`${mantissa} \cdot 10^{${Number(exponent)}}`;
}
