/**
 * What people write out of habit from other languages: said once, and read as what is meant, so
 * that nothing else in the file looks wrong because of it.
 */
import { createTokenInstance, type IToken, type TokenType } from "chevrotain";
import type { Diagnostic } from "./diagnostic.ts";
import * as t from "./tokens.ts";

export interface Translated {
  readonly tokens: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A habit met at `tokens[i]`: how many tokens it takes, what they are read as, and what to say. */
interface Habit {
  readonly takes: number;
  readonly readAs: readonly IToken[];
  readonly code: "foreign-syntax" | "bad-number";
  readonly message: string;
  readonly help: string;
}

export function translateHabits(tokens: readonly IToken[], file: string): Translated {
  const out: IToken[] = [];
  const diagnostics: Diagnostic[] = [];
  for (let i = 0; i < tokens.length;) {
    const token = tokens[i];
    if (token === undefined) break;
    const habit = foreignToken(tokens, i) ?? foreignWord(tokens, i) ?? bareDot(tokens, i);
    if (habit === undefined) {
      out.push(token);
      i++;
      continue;
    }
    const { code, message, help } = habit;
    const end = t.endOf(tokens[i + habit.takes - 1] ?? token);
    diagnostics.push({
      code,
      severity: "error",
      message,
      labels: [{ span: { file, start: token.startOffset, end } }],
      notes: [],
      help,
    });
    out.push(...habit.readAs);
    i += habit.takes;
  }
  return { tokens: out, diagnostics };
}

/** A token of the type, with its own spelling, in the place of another. */
function inPlaceOf(
  token: IToken,
  type: TokenType,
  image = typeof type.PATTERN === "string" ? type.PATTERN : "",
): IToken {
  const end = t.endOf(token) - 1;
  return createTokenInstance(type, image, token.startOffset, end, NaN, NaN, NaN, NaN);
}

// ------------------------------------------------------------------------------------------------------ operators

function foreignToken(tokens: readonly IToken[], i: number): Habit | undefined {
  const token = tokens[i];
  if (!token || !(token.tokenType.CATEGORIES ?? []).includes(t.Foreign)) return undefined;
  const text = token.image;
  const say = (message: string, help: string, ...readAs: readonly TokenType[]): Habit => ({
    takes: 1,
    readAs: readAs.map((type) => inPlaceOf(token, type)),
    code: "foreign-syntax",
    message,
    help,
  });
  switch (token.tokenType) {
    case t.DoubleStar:
      return say("a power is not written `**`", "write `^`: `x^2`", t.Caret);
    case t.DoubleAmpersand:
      return say(`\`${text}\` is not an operator`, "write `and`", t.And);
    case t.DoubleBar:
      return say("`||` is not an operator", "write `or`", t.Or);
    case t.Bang:
      return say("`!` is not an operator", "write `not`", t.Not);
    case t.StrictEquality: {
      const type = text === "===" ? t.EqualEqual : t.NotEqual;
      return say(`\`${text}\` is not an operator`, `write \`${text.slice(0, 2)}\``, type);
    }
    case t.Walrus:
      return say("a name is not bound with `:=`", "write `=`", t.Equals);
    case t.CompoundAssignment: {
      const operator = text === "**=" ? "^" : text.slice(0, -1);
      const name = tokens[i - 1]?.image ?? "x";
      return say(
        `values are immutable, so there is no \`${text}\``,
        `bind the name again: \`${name} = ${name} ${operator} …\``,
        t.Equals,
      );
    }
    case t.Percent:
      return say("there is no `%`", "for the remainder of `a` by `b` write `a - b * floor(a / b)`", t.Slash);
    case t.ThinArrow:
      return say(
        "there is no `->`",
        "a lambda is `z => …`; the shape of a result is not declared",
        t.LambdaArrow,
      );
    case t.HashComment:
      return say("a comment does not start with `#`", "write `//`, or `///` to document what follows");
    case t.BlockComment:
      return say("there are no block comments", "start each line with `//`");
    default:
      return undefined;
  }
}

// ---------------------------------------------------------------------------------------------------------- words

function foreignWord(tokens: readonly IToken[], i: number): Habit | undefined {
  const token = tokens[i];
  if (token?.tokenType !== t.Name) return undefined;
  const next = tokens[i + 1]?.tokenType;
  const after = tokens[i + 2]?.tokenType;
  const say = (takes: number, readAs: readonly IToken[], message: string, help: string): Habit => ({
    takes,
    readAs,
    code: "foreign-syntax",
    message,
    help,
  });
  switch (token.image) {
    case "def":
    case "function":
    case "func":
      if (next !== t.Name || after !== t.OpenRound) return undefined;
      return say(
        1,
        [inPlaceOf(token, t.Fn)],
        `a function is not declared with \`${token.image}\``,
        "write `fn`",
      );
    case "class":
      if (next !== t.Name) return undefined;
      return say(
        1,
        [inPlaceOf(token, t.Model)],
        "there are no classes",
        "write `model Name { … }` or `layer name(…) { … }`",
      );
    case "let":
    case "var":
    case "val":
      if (!next || !t.isName(next) || after !== t.Equals) return undefined;
      return say(1, [], `a binding needs no \`${token.image}\``, `write \`${tokens[i + 1]?.image} = …\``);
    case "elif":
    case "elsif":
      if (tokens[i - 1]?.tokenType !== t.CloseCurly && next === t.Equals) return undefined;
      return say(
        1,
        [inPlaceOf(token, t.Else), inPlaceOf(token, t.If)],
        `there is no \`${token.image}\``,
        "write `else if`",
      );
    case "True":
    case "False": {
      if (next === t.Equals) return undefined;
      const type = token.image === "True" ? t.True : t.False;
      return say(
        1,
        [inPlaceOf(token, type)],
        `there is no \`${token.image}\``,
        `write \`${token.image.toLowerCase()}\``,
      );
    }
    case "lambda":
      return pythonLambda(tokens, i);
    default:
      return undefined;
  }
}

/** `lambda a, b: …` */
function pythonLambda(tokens: readonly IToken[], i: number): Habit | undefined {
  const lambda = tokens[i];
  const names: IToken[] = [];
  let at = i + 1;
  // The bound keeps many such words in a row from being read again from each of them.
  for (
    let token = tokens[at];
    token && t.isName(token.tokenType) && names.length < 20;
    token = tokens[++at]
  ) {
    names.push(token);
    if (tokens[at + 1]?.tokenType !== t.Comma) {
      at++;
      break;
    }
    at++;
  }
  const colon = tokens[at];
  if (!lambda || colon?.tokenType !== t.Colon) return undefined;
  const readAs = [inPlaceOf(lambda, t.OpenRound)];
  for (const name of names) readAs.push(...(readAs.length > 1 ? [inPlaceOf(name, t.Comma)] : []), name);
  readAs.push(inPlaceOf(colon, t.CloseRound), inPlaceOf(colon, t.LambdaArrow));
  const list = names.map((name) => name.image).join(", ");
  const head = names.length === 1 ? list : `(${list})`;
  return {
    takes: at - i + 1,
    readAs,
    code: "foreign-syntax",
    message: "a lambda is not written with `lambda` and `:`",
    help: `write \`${head} => …\``,
  };
}

// -------------------------------------------------------------------------------------------------------- numbers

/**
 * `1.` and `.5`: the language wants digits on both sides of a dot, since `0..3` is a range and
 * `h.0` a member.
 */
function bareDot(tokens: readonly IToken[], i: number): Habit | undefined {
  const token = tokens[i];
  const next = tokens[i + 1];
  const before = tokens[i - 1];
  const say = (takes: number, image: string, help: string): Habit => ({
    takes,
    readAs: token ? [inPlaceOf(token, t.NumberToken, image)] : [],
    code: "bad-number",
    message: "a number has digits on both sides of its dot",
    help,
  });
  if (!token || !next || t.endOf(token) !== next.startOffset) return undefined;
  if (token.tokenType === t.Dot && next.tokenType === t.NumberToken && !endsOperand(before)) {
    return say(2, `0.${next.image}`, `write \`0.${next.image}\``);
  }
  if (token.tokenType === t.NumberToken && next.tokenType === t.Dot && before?.tokenType !== t.Dot) {
    return say(2, token.image, `write \`${token.image}.0\` or \`${token.image}\``);
  }
  return undefined;
}

/** Whether a value may end with this token, so that what follows applies to it. */
export function endsOperand(token: IToken | undefined): boolean {
  return token !== undefined && t.endsValue(token.tokenType);
}
