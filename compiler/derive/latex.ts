/** Formulas as LaTeX, for any renderer of its mathematics (KaTeX, MathJax): no package is needed but amsmath. */
import { isScalar, type Formula, type Product, type Symbol } from "./formula.ts";
import { fractionOf, inReadingOrder, numberText } from "./text.ts";

const LOOSE = { condition: 0, sum: 1, product: 2, power: 3, atom: 4 } as const;
type Level = (typeof LOOSE)[keyof typeof LOOSE];

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
const COMPARISONS = {
  "<": "<",
  "≤": String.raw`\le`,
  ">": ">",
  "≥": String.raw`\ge`,
  "=": "=",
  "≠": String.raw`\ne`,
} as const;

/** `h.weight` is the W of h, `h.bias` its b; `h.z` is the z in h. */
export function symbolLatex({ mark, name }: Symbol): string {
  const inner = nameLatex(name);
  if (mark === "δ") return String.raw`\delta_{${inner}}`;
  return mark === "∇" ? String.raw`\nabla_{\!${inner}} L` : inner;
}

export function nameLatex(name: string): string {
  if (/^δ./.test(name)) return String.raw`\delta_{${nameLatex(name.slice(1))}}`;
  // `h.0` is the first h, `h.0.weight` the weight of it.
  const [, path, number] = /^(.*?)((?:\.\d+)*)$/s.exec(name) ?? [null, name, ""];
  const [last, ...owners] = path!.split(".").toReversed();
  const letter = last === "weight" ? "W" : last === "bias" ? "b" : last!;
  const [, stem, digits] = /^(.*?[^\d_])_?(\d*)$/s.exec(letter) ?? [null, letter, ""];
  const subscripts = [digits!, number!.slice(1), owners.toReversed().join(".")].filter((s) => s !== "");
  const base = wordLatex(stem!);
  return subscripts.length === 0 ? base : `${base}_{${subscripts.map(subscriptLatex).join(",")}}`;
}

const subscriptLatex = (text: string): string =>
  text.length === 1 || /^\d+$/.test(text) ? text : String.raw`\mathrm{${escape(text)}}`;

const wordLatex = (word: string): string =>
  [...word].length === 1 ? (GREEK[word] ?? escape(word)) : String.raw`\mathit{${escape(word)}}`;

const GREEK: Readonly<Record<string, string>> = { δ: String.raw`\delta`, σ: String.raw`\sigma` };

const escape = (text: string): string =>
  text.replace(/[\\{}$&#^_%~]/g, (c) => (c === "\\" || c === "^" || c === "~" ? "" : `\\${c}`));

export const formulaLatex = (formula: Formula): string => write(formula)[0];

function write(formula: Formula): readonly [string, Level] {
  switch (formula.kind) {
    case "number":
      return [aloneLatex(formula.value), formula.value < 0 ? LOOSE.sum : LOOSE.atom];
    case "known":
      return [formula.latex, LOOSE.atom];
    case "symbol":
      return [symbolLatex(formula), LOOSE.atom];
    case "truth":
      return [String.raw`\mathrm{${formula.value}}`, LOOSE.atom];
    case "sum":
      return [
        formula.terms
          .map((term, i) => {
            const text = term.kind === "number" ? aloneLatex(term.value) : at(term, LOOSE.product);
            if (!text.startsWith("-")) return i === 0 ? text : ` + ${text}`;
            return i === 0 ? text : ` - ${text.slice(1)}`;
          })
          .join(""),
        LOOSE.sum,
      ];
    case "product":
      return productLatex(formula);
    case "chain":
      return [formula.matrices.map((m) => at(m, LOOSE.power)).join(String.raw`\,`), LOOSE.product];
    case "transpose":
      return [`${at(formula.of, LOOSE.atom)}^{\\top}`, LOOSE.power];
    case "power":
      return [`${at(formula.base, LOOSE.atom)}^{${formulaLatex(formula.exponent)}}`, LOOSE.power];
    case "call": {
      const operands = formula.operands.map(formulaLatex).join(", ");
      if (formula.name === "abs") return [String.raw`\left|${operands}\right|`, LOOSE.atom];
      if (formula.name === "sqrt") return [String.raw`\sqrt{${operands}}`, LOOSE.atom];
      return [`${functionLatex(formula.name)}${enclosed(operands)}`, LOOSE.atom];
    }
    case "total": {
      const below = formula.indices.length === 0 ? "" : `_{${formula.indices.join(",")}}`;
      return [`${TOTALS[formula.name]}${below} ${at(formula.of, LOOSE.product)}`, LOOSE.product];
    }
    case "entry": {
      const index =
        typeof formula.at === "string"
          ? String.raw`\mathtt{${escape(formula.at)}}`
          : formulaLatex(formula.at);
      return [`${at(formula.of, LOOSE.atom)}[${index}]`, LOOSE.atom];
    }
    case "compare":
      return [
        `${at(formula.left, LOOSE.sum)} ${COMPARISONS[formula.name]} ${at(formula.right, LOOSE.sum)}`,
        LOOSE.condition,
      ];
    case "logic": {
      const operands = formula.operands.map((o) =>
        o.kind === "logic" ? enclosed(formulaLatex(o)) : formulaLatex(o),
      );
      const name = String.raw`\;\text{${formula.name}}\;`;
      return [formula.name === "not" ? `${name}${operands[0]}` : operands.join(name), LOOSE.condition];
    }
    case "indicator":
      return [`[${formulaLatex(formula.condition)}]`, LOOSE.atom];
    case "choice": {
      const rows = [];
      let rest: Formula = formula;
      for (; rest.kind === "choice"; rest = rest.no) {
        rows.push(String.raw`${formulaLatex(rest.yes)} & \text{if } ${formulaLatex(rest.condition)}`);
      }
      rows.push(String.raw`${formulaLatex(rest)} & \text{otherwise}`);
      return [String.raw`\begin{cases} ${rows.join(String.raw` \\ `)} \end{cases}`, LOOSE.atom];
    }
  }
}

function at(formula: Formula, level: Level): string {
  const [text, own] = write(formula);
  return own < level ? enclosed(text) : text;
}

const enclosed = (text: string): string =>
  /\\(frac|sum|begin|prod)/.test(text) ? String.raw`\left(${text}\right)` : `(${text})`;

export const functionLatex = (name: string): string =>
  FUNCTIONS[name] ?? String.raw`\operatorname{${escape(name)}}`;

function productLatex({ coefficient, factors }: Product): readonly [string, Level] {
  const { over, under: divisor } = fractionOf(Math.abs(coefficient));
  const divided = divisor !== 1;
  const above = factors.filter(({ exponent }) => exponent > 0);
  const below = factors.filter(({ exponent }) => exponent < 0);
  const isFraction = below.length > 0;
  const numbers = [
    ...(divided && !isFraction ? [String.raw`\tfrac{${numberLatex(over)}}{${divisor}}`] : []),
    ...((divided && !isFraction) || over === 1 ? [] : [numberLatex(over)]),
  ];
  const ordered = inReadingOrder(above);
  const single = numbers.length === 0 && above.length === 1;
  const level = isFraction && single ? LOOSE.condition : single ? LOOSE.product : LOOSE.power;

  let text = numbers.join("");
  let before: Formula | null = null;
  for (const factor of ordered) {
    const own = factorLatex(factor.base, factor.exponent, level);
    const entrywise = before !== null && !isScalar(before) && !isScalar(factor.base);
    text += entrywise
      ? String.raw` \circ ${own}`
      : text === "" || /^(\(|\\left\()/.test(own)
        ? own
        : String.raw`\,${own}`;
    before = factor.base;
  }
  const sign = coefficient < 0 ? "-" : "";
  if (!isFraction) {
    const isPower = single && sign === "" && ordered[0]!.exponent !== 1;
    return [sign + text, isPower ? LOOSE.power : LOOSE.product];
  }
  const under = [
    ...(divided ? [numberLatex(divisor)] : []),
    ...below.map(({ base, exponent }) =>
      factorLatex(base, -exponent, below.length === 1 && !divided ? LOOSE.condition : LOOSE.power),
    ),
  ];
  return [
    String.raw`${sign}\frac{${text === "" ? "1" : text}}{${under.join(String.raw`\,`)}}`,
    LOOSE.product,
  ];
}

function factorLatex(base: Formula, exponent: number, level: Level): string {
  if (exponent === 1) return at(base, level);
  if (exponent === 0.5) return String.raw`\sqrt{${formulaLatex(base)}}`;
  return `${at(base, LOOSE.atom)}^{${numberLatex(exponent)}}`;
}

/** A number that multiplies nothing: 0.25, but 2/3. */
function aloneLatex(value: number): string {
  const { over, under } = fractionOf(Math.abs(value));
  if (over === 1 || under === 1) return numberLatex(value);
  return String.raw`${value < 0 ? "-" : ""}\tfrac{${over}}{${under}}`;
}

function numberLatex(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? String.raw`\infty` : String.raw`-\infty`;
  const [mantissa, exponent] = numberText(value).split("e");
  return exponent === undefined ? mantissa! : String.raw`${mantissa} \cdot 10^{${Number(exponent)}}`;
}
