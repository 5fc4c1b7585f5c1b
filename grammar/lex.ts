/** Text → tokens, with what is said of characters and numbers that are none. */
import { Lexer, type IToken } from "chevrotain";
import type { Comment } from "./ast.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { allTokens, COMMENTS, Dot, endOf, NumberToken } from "./tokens.ts";

export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly comments: readonly Comment[];
  readonly diagnostics: readonly Diagnostic[];
}

let lexer: Lexer | undefined;

/**
 * Names that a program may not use: `__metadata__` has a meaning of its own in files of weights,
 * and `__proto__` in JavaScript's objects, where results lie under their names.
 */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(["__metadata__", "__proto__"]);

function reserved(token: IToken, file: string): Diagnostic {
  const isProto = token.image === "__proto__";
  return {
    code: "name-reserved",
    severity: "error",
    message: `\`${token.image}\` cannot be a name: ${isProto ? "JavaScript objects already have it" : "weights files use it for their own data"}`,
    labels: [{ span: { file, start: token.startOffset, end: endOf(token) } }],
    notes: [],
    help: `choose another name, such as \`${token.image.replaceAll("_", "")}\``,
  };
}

export function lex(text: string, file: string): Lexed {
  lexer ??= new Lexer([...allTokens], { positionTracking: "onlyOffset" });
  const { tokens, errors, groups } = lexer.tokenize(text);
  const comments = (groups[COMMENTS] ?? []).map((token): Comment => ({
    text: token.image,
    span: { file, start: token.startOffset, end: token.startOffset + token.image.length },
  }));
  const diagnostics = errors.map((error) => unknownCharacters(text, file, error.offset, error.length));
  tokens.forEach((token, i) => {
    // Where only offsets are tracked Chevrotain leaves this out of the token, and needs it for the
    // tree's places.
    token.endOffset = token.startOffset + token.image.length - 1;
    if (RESERVED_NAMES.has(token.image)) diagnostics.push(reserved(token, file));
    const reason = token.tokenType === NumberToken ? badNumber(token, tokens[i - 1]) : undefined;
    if (reason === undefined) return;
    const span = { file, start: token.startOffset, end: endOf(token) };
    diagnostics.push({
      code: "bad-number",
      severity: "error",
      message: `\`${clip(token.image)}\` is not a number: ${reason.message}`,
      labels: [{ span }],
      notes: [],
      help: reason.help,
    });
  });
  return { tokens, comments, diagnostics };
}

const WELL_FORMED = /^\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?$/;

function badNumber(token: IToken, before: IToken | undefined): { message: string; help: string } | undefined {
  const text = token.image;
  if (before?.tokenType === Dot) return undefined;
  if (/^0[xXbBoO]/.test(text)) return { message: "numbers are decimal", help: "write it in decimal" };
  if (!WELL_FORMED.test(text)) {
    const digits = /^\d+/.exec(text)?.[0] ?? "";
    return /^[\d.]+[a-zA-Z]\w*$/.test(text) && !/^[\d.]+[eE]\d*$/.test(text)
      ? {
          message: "letters follow the digits",
          help: `for a product write \`${digits} * ${text.replace(/^[\d.]+/, "")}\`; a name cannot start with a digit`,
        }
      : { message: "digits are missing", help: "numbers look like `1`, `1.5`, `1e-3`, `1_000`" };
  }
  if (!Number.isFinite(Number(text.replaceAll("_", "")))) {
    return { message: "it is larger than any 64-bit float", help: "for infinity write `inf`" };
  }
  return undefined;
}

/** Characters that keyboards, word processors and textbooks put where the language has another. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=",
  "→": "=>", "⇒": "=>", "²": "^2", "³": "^3", "ᵀ": "'", "⊤": "'", "’": "'", "‘": "'", "′": "'", "“": '"', "”": '"',
  "…": "...", "∞": "inf", "π": "pi", "∧": "and", "∨": "or", "¬": "not", "?": "where(condition, a, b)", "∇": "grad(…)",
}; // prettier-ignore

function unknownCharacters(text: string, file: string, start: number, length: number): Diagnostic {
  const run = text.slice(start, start + length);
  const first = run[Symbol.iterator]().next().value ?? "";
  const meant = LOOKALIKES[first];
  return {
    code: "unknown-character",
    severity: "error",
    message:
      run === first
        ? `${show(first)} means nothing here`
        : `${show(run)}: these characters have no meaning here`,
    labels: [{ span: { file, start, end: start + length } }],
    notes: [],
    help: meant
      ? `write \`${meant}\``
      : /\p{L}/u.test(first)
        ? "names are made of the letters a to z and A to Z, digits and `_`"
        : "remove it",
  };
}

/** Printable text in backquotes; anything else by its number. */
function show(run: string): string {
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u.test(run)) return `\`${clip(run)}\``;
  const point = run.codePointAt(0) ?? 0;
  return `the character U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
