/** What the text of one cell says: a number as JavaScript and C write it, nothing, or a text. */

/** The mark before the decimals of a table's numbers. */
export type Decimal = "point" | "comma";

export type Cell =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "not-finite" }
  | { readonly kind: "empty" }
  | { readonly kind: "text" };

/** More characters than any number needs. */
export const LONGEST_NUMBER = 4096;

const notFinite = /^[+-]?(nan|inf|infinity)$/i;

const EMPTY: Cell = { kind: "empty" };
const TEXT: Cell = { kind: "text" };
const NOT_FINITE: Cell = { kind: "not-finite" };

/**
 * The number that `text`, without spaces around it, is; NaN where it is anything else, an infinity
 * too.
 */
export function plainNumber(text: string, decimal: Decimal): number {
  if (decimal === "comma" || text.length === 0 || text.length > LONGEST_NUMBER) {
    const cell = readCell(text, decimal);
    return cell.kind === "number" ? cell.value : NaN;
  }
  const value = Number(text);
  // `Number` reads 0x1F, 0b1 and 0o7 as well, which no table means: `x`, `b` and `o` come after
  // `9`.
  if (text.charCodeAt(1) > 0x39 && !/^\d*e/i.test(text)) return NaN;
  return value - value === 0 ? value : NaN;
}

/** @param text without spaces around it */
export function readCell(text: string, decimal: Decimal): Cell {
  if (text === "") return EMPTY;
  if (text.length > LONGEST_NUMBER) return TEXT;
  if (decimal === "comma") {
    if (text.includes(".")) return TEXT;
    text = text.replace(",", ".");
  }
  const value = Number(text);
  if (Number.isFinite(value)) {
    // `Number` reads 0x1F, 0b1 and 0o7 as well, which no table means.
    return /^[+-]?0[xbo]/i.test(text) ? TEXT : { kind: "number", value };
  }
  return notFinite.test(text) || !Number.isNaN(value) ? NOT_FINITE : TEXT;
}

/**
 * What people and programs write where a value is missing. `none` is left out, since it is a class
 * as often.
 */
const missing = /^(?:#?n\/?a|<na>|null|nil|nan|nat|#null!|#div\/0!|#n\/a|#value!|#ref!|#num!|\.|\?|-+|–|—)$/i;

export const isMissing = (text: string): boolean => text.length < 12 && missing.test(text);

/** A text that a person reads as a number, a date or a time, and a table should not hold. */
export interface Dress {
  readonly kind: "number" | "date" | "time";
  /** How it is dressed: `a comma` in "has a comma in it". */
  readonly why: string;
  readonly help: string;
}

const digits = String.raw`(?:\d[\d.,]*|[.,]\d+)(?:e[+-]?\d+)?`;
const minus = "−–—‐‑﹣－";

const dresses: readonly (readonly [RegExp, Dress["kind"], (text: string) => readonly [string, string]])[] = [
  [
    /^[+-]?\d*,\d+(?:e[+-]?\d+)?$/i,
    "number",
    (text) => {
      const value = text.replace(",", ".");
      return /^[+-]?[1-9]\d{0,2},\d{3}$/.test(text)
        ? [
            "it contains a comma",
            `if it is a decimal comma, \`--decimal comma\` reads ${value}; if it separates thousands, remove it`,
          ]
        : ["it has a decimal comma", "`--decimal comma` reads it"];
    },
  ],
  [
    /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?(?:e[+-]?\d+)?$/i,
    "number",
    (text) => ["commas separate its thousands", `write it without them, ${text.replaceAll(",", "")}`],
  ],
  [
    /^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$/,
    "number",
    (text) => ["points separate its thousands", `write it without them, ${text.replaceAll(".", "")}`],
  ],
  [
    /^[+-]?\d{1,3}(?:[\s'’_\u00b7]\d{3})+(?:[.,]\d+)?$/u,
    "number",
    (text) => [
      "something separates its thousands",
      `write it without, ${text.replaceAll(/[\s'’_\u00b7]/gu, "")}`,
    ],
  ],
  [
    new RegExp(`^[+-]?${digits}\\s*[%‰٪]$`, "iu"),
    "number",
    () => ["it is a percentage", "remove the sign in the whole column, or write fractions such as 0.23"],
  ],
  [
    new RegExp(`^[+-]?\\s*\\p{Sc}\\s*[+-]?${digits}$|^[+-]?${digits}\\s*\\p{Sc}$`, "iu"),
    "number",
    () => ["it has a currency sign", "remove it in the whole column"],
  ],
  [
    new RegExp(`^[${minus}]\\s*${digits}$|^[+-]?(?:\\d[\\d.,]*|[.,]\\d+)e[${minus}]\\d+$`, "iu"),
    "number",
    () => ["it has a typographic minus", "write - (U+002D) instead"],
  ],
  [
    new RegExp(`^\\(${digits}\\)$|^${digits}[-${minus}]$|^[+-]\\s+${digits}$`, "iu"),
    "number",
    () => ["its sign is not written before it", "write a - before the digits"],
  ],
  [
    /^[+-]?(?:\d+\.?\d*|\.\d+)(?:d|\*10\^|[x×]\s*10\^?)[+-]?\d+$/iu,
    "number",
    () => ["its exponent is not written with e", "write it as in 1e5"],
  ],
  [/^[+-]?0[xbo][\da-f]+$/i, "number", () => ["it is not decimal", "write it in decimal"]],
  [
    /^['’"“”]\s*[+-]?[\d.,]+\s*['’"“”]$/u,
    "number",
    () => ["it contains quotes", "remove them in the whole column"],
  ],
  [
    /^[+-]?(?=.*\P{ASCII})[\p{Nd}.,٫٬]+$/u,
    "number",
    () => ["its digits are not 0 to 9", "write it with the digits 0 to 9"],
  ],
  [
    /^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T\s]\s*\d.*)?$/i,
    "date",
    () => ["it is a date", "write dates as numbers, e.g. days since a fixed date"],
  ],
  [
    /^\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?:\d{2})?(?:[T\s]\s*\d.*)?$/i,
    "date",
    () => ["it is a date", "write dates as numbers, e.g. days since a fixed date"],
  ],
  [
    /^\d{1,3}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[ap]\.?m\.?)?$/i,
    "time",
    () => ["it is a time", "write times as numbers, e.g. in seconds or hours"],
  ],
];

/** How `text` is dressed, if a person would read it as a number, a date or a time. */
export function dressOf(text: string): Dress | null {
  if (text.length > 64) return null;
  for (const [pattern, kind, describe] of dresses) {
    if (!pattern.test(text)) continue;
    const [why, help] = describe(text);
    return { kind, why, help };
  }
  return null;
}
