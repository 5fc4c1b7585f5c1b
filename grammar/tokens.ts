/**
 * The words of the language, as Chevrotain token types. The order of `allTokens` is the order of
 * matching. A `LABEL` is how a diagnostic names the token.
 */
import {
  createToken,
  Lexer,
  type CustomPatternMatcherFunc,
  type IToken,
  type ITokenConfig,
  type TokenType,
} from "chevrotain";

const all: TokenType[] = [];

function token(config: ITokenConfig): TokenType {
  const type = createToken(config);
  all.push(type);
  return type;
}

function symbol(name: string, text: string, categories: TokenType[] = []): TokenType {
  return token({ name, pattern: text, label: `\`${text}\``, categories });
}

export const WhiteSpace = token({
  name: "WhiteSpace",
  pattern: /[\s\uFEFF]+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});
export const COMMENTS = "comments";
export const Comment = token({ name: "Comment", pattern: /\/\/[^\r\n]*/, group: COMMENTS });

/** Any infix operator; `operators.ts` knows how tightly each binds. */
export const Infix = createToken({ name: "Infix", pattern: Lexer.NA, label: "an operator" });

// ------------------------------------------------------------------------- what other languages write instead
// They are read so that `habits.ts` can say what to write here; the parser never sees them.

export const Foreign = createToken({ name: "Foreign", pattern: Lexer.NA });
const foreign = (name: string, pattern: RegExp | string, extra: Partial<ITokenConfig> = {}): TokenType =>
  token({ name, pattern, categories: [Foreign], ...extra });

/** To its end, or to the end of the file. */
export const BlockComment = token({
  name: "BlockComment",
  categories: [Foreign],
  pattern: (text: string, offset: number) => {
    if (!text.startsWith("/*", offset)) return null;
    const close = text.indexOf("*/", offset + 2);
    return [text.slice(offset, close < 0 ? text.length : close + 2)];
  },
  start_chars_hint: ["/"],
  line_breaks: true,
});
export const HashComment = foreign("HashComment", /#[^\r\n]*/);
export const StrictEquality = foreign("StrictEquality", /[=!]==/);
export const Walrus = foreign("Walrus", ":=");
export const CompoundAssignment = foreign("CompoundAssignment", /(?:\*\*|[-+*/@%])=(?!=)/);
export const DoubleStar = foreign("DoubleStar", "**");
export const DoubleAmpersand = foreign("DoubleAmpersand", /&&?/);
export const DoubleBar = foreign("DoubleBar", "||");
export const Percent = foreign("Percent", "%");
export const ThinArrow = foreign("ThinArrow", "->");
export const Bang = foreign("Bang", /!(?!=)/);

// ----------------------------------------------------------------------------------------------------- symbols

export const RECOMPUTE = "@recompute";

/**
 * `@name` is an attribute where no product can be meant: after what ends no value, or before
 * `layer` and `fn`. `@recompute` in one word always is; with a space after the `@` it is a product
 * with what is named so.
 */
const matchAttribute: CustomPatternMatcherFunc = (text, offset, matched) => {
  ATTRIBUTE.lastIndex = offset;
  const found = ATTRIBUTE.exec(text);
  if (found === null) return null;
  const previous = matched.at(-1)?.tokenType;
  const isProduct = previous !== undefined && endsValue(previous);
  return found[1] === RECOMPUTE || found[2] !== undefined || !isProduct ? [found[1]!] : null;
};
const ATTRIBUTE = /(@[A-Za-z_]\w*)([ \t]+(?:layer|fn)\b)?/y;

export const Attribute = token({
  name: "Attribute",
  label: "an attribute",
  pattern: matchAttribute,
  start_chars_hint: ["@"],
  line_breaks: false,
});

export const LambdaArrow = symbol("LambdaArrow", "=>");
export const PipeOperator = symbol("PipeOperator", "|>", [Infix]);
export const EqualEqual = symbol("EqualEqual", "==", [Infix]);
export const NotEqual = symbol("NotEqual", "!=", [Infix]);
export const LessEqual = symbol("LessEqual", "<=", [Infix]);
export const GreaterEqual = symbol("GreaterEqual", ">=", [Infix]);
export const Less = symbol("Less", "<", [Infix]);
export const Greater = symbol("Greater", ">", [Infix]);
export const Ellipsis = symbol("Ellipsis", "...");
export const RangeDots = symbol("RangeDots", "..", [Infix]);
export const Dot = symbol("Dot", ".");
export const Equals = symbol("Equals", "=");
export const Plus = symbol("Plus", "+", [Infix]);
export const Minus = symbol("Minus", "-", [Infix]);
export const Star = symbol("Star", "*", [Infix]);
export const Slash = symbol("Slash", "/", [Infix]);
export const At = symbol("At", "@", [Infix]);
export const Caret = symbol("Caret", "^", [Infix]);
export const Prime = symbol("Prime", "'");
export const Tilde = symbol("Tilde", "~");
export const Comma = symbol("Comma", ",");
export const Colon = symbol("Colon", ":");
export const Semicolon = symbol("Semicolon", ";");
export const OpenRound = symbol("OpenRound", "(");
export const CloseRound = symbol("CloseRound", ")");
export const OpenSquare = symbol("OpenSquare", "[");
export const CloseSquare = symbol("CloseSquare", "]");
export const OpenCurly = symbol("OpenCurly", "{");
export const CloseCurly = symbol("CloseCurly", "}");

// ----------------------------------------------------------------------------------------------------- literals

/**
 * A number, read greedily with any letters stuck to it, so that `1abc` is one bad number and not
 * two tokens. After a dot only the digits are taken: `h.0.1` is the member `1` of the member `0` of
 * `h`.
 */
const matchNumber: CustomPatternMatcherFunc = (text, offset, matched) => {
  const pattern = matched.at(-1)?.tokenType === Dot ? MEMBER_NUMBER : NUMBER;
  pattern.lastIndex = offset;
  return pattern.exec(text);
};
const MEMBER_NUMBER = /\d+/y;
const NUMBER = /\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]\d+)?\w*/y;

export const NumberToken = token({
  name: "Number",
  label: "a number",
  pattern: matchNumber,
  start_chars_hint: [..."0123456789"],
  line_breaks: false,
});
export const StringToken = token({
  name: "String",
  label: "a path in double quotes",
  pattern: /"[^"\r\n]*"?/,
});

// -------------------------------------------------------------------------------------------------------- names

export const Name = createToken({ name: "Name", label: "a name", pattern: /[A-Za-z_]\w*/ });

const words: TokenType[] = [];

/** Words that can never be names. */
function hard(word: string, categories: TokenType[] = []): TokenType {
  const name = word[0]?.toUpperCase() + word.slice(1);
  const type = createToken({ name, pattern: word, label: `\`${word}\``, longer_alt: Name, categories });
  words.push(type);
  return type;
}

/** Words that start a statement, and are ordinary names elsewhere and before `=`. */
function soft(word: string): TokenType {
  return hard(word, [Name]);
}

export const Import = hard("import");
export const Const = hard("const");
export const Fn = hard("fn");
export const Layer = hard("layer");
export const Model = hard("model");
export const Return = hard("return");
export const If = hard("if");
export const Else = hard("else");
export const For = hard("for");
export const In = hard("in");
export const Frozen = hard("frozen");
export const True = hard("true");
export const False = hard("false");
export const And = hard("and", [Infix]);
export const Or = hard("or", [Infix]);
export const Not = hard("not");

export const Param = soft("param");
export const Input = soft("input");
export const Target = soft("target");
export const Output = soft("output");
export const Metric = soft("metric");
export const Loss = soft("loss");
export const Optimizer = soft("optimizer");
export const State = soft("state");
export const From = soft("from");
export const As = soft("as");

export const statementWords: readonly TokenType[] = [
  Param,
  Input,
  Target,
  Output,
  Metric,
  Loss,
  Optimizer,
  State,
];
export const hardWords: readonly TokenType[] = [
  Import, Const, Fn, Layer, Model, Return, If, Else, For, In, Frozen, True, False, And, Or, Not,
]; // prettier-ignore

// Chevrotain takes the first that matches, so `input` has to come before `in`.
words.sort((a, b) => b.name.length - a.name.length);

export const allTokens: readonly TokenType[] = [...all, ...words, Name, Infix, Foreign];

/**
 * One past the last character of a token in its file; a token read in place of another keeps that
 * one's place.
 */
export function endOf(token: IToken): number {
  return (token.endOffset ?? token.startOffset + token.image.length - 1) + 1;
}

/** Whether a value may end with a token of this type. */
export function endsValue(type: TokenType): boolean {
  const ends: readonly TokenType[] = [NumberToken, True, False, CloseRound, CloseSquare, Prime];
  return isName(type) || ends.includes(type);
}

/** Whether a value may begin with a token of this type. */
export function startsValue(type: TokenType): boolean {
  const starts: readonly TokenType[] = [
    NumberToken, True, False, OpenRound, OpenSquare, Minus, Not, Attribute,
  ]; // prettier-ignore
  return isName(type) || starts.includes(type);
}

/** Whether a token may stand where a name is wanted: a name itself or a soft keyword. */
export function isName(type: TokenType): boolean {
  return type === Name || (type.CATEGORIES ?? []).includes(Name);
}
