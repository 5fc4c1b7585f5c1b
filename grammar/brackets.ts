/**
 * Brackets are matched before parsing: the parser's stack must not depend on what a file holds, and
 * an unclosed bracket is best explained by where it opens. What the parser then gets is balanced:
 * closers are put where they are missing and dropped where nothing is open.
 */
import { createTokenInstance, type IToken, type TokenType } from "chevrotain";
import type { Diagnostic, Label } from "./diagnostic.ts";
import { endsOperand } from "./habits.ts";
import { MAX_NESTING } from "./limits.ts";
import * as t from "./tokens.ts";

export interface Balanced {
  readonly tokens: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
  /** Brackets nest deeper than the limit; the tokens are not to be parsed. */
  readonly tooDeep: boolean;
  /** Offsets of the outermost `(…)` and `[…]` of each statement, in order. */
  readonly groups: readonly { readonly start: number; readonly end: number }[];
}

const closerOf = new Map<TokenType, TokenType>([
  [t.OpenRound, t.CloseRound],
  [t.OpenSquare, t.CloseSquare],
  [t.OpenCurly, t.CloseCurly],
]);
const closers = new Set(closerOf.values());

/** Words that never stand inside `(…)` or `[…]`. */
const statementStarts = new Set<TokenType>([
  t.Import, t.Const, t.Fn, t.Layer, t.Model, t.Return, t.If, t.Else, t.For, t.Frozen, t.OpenCurly, t.Semicolon,
]); // prettier-ignore
/** Words that never stand inside `{…}`. */
const declarationStarts = new Set<TokenType>([t.Import, t.Const, t.Fn, t.Layer, t.Model]);

export function balance(tokens: readonly IToken[], text: string, file: string): Balanced {
  const out: IToken[] = [];
  const diagnostics: Diagnostic[] = [];
  const groups: { start: number; end: number }[] = [];
  const open: IToken[] = [];

  const report = (code: string, message: string, labels: readonly Label[], help: string): void => {
    diagnostics.push({ code, severity: "error", message, labels, notes: [], help });
  };
  const at = (token: IToken): Label["span"] => ({ file, start: token.startOffset, end: t.endOf(token) });
  const inGroup = (): boolean => open.length > 0 && open.at(-1)?.tokenType !== t.OpenCurly;
  const pop = (): void => {
    const opener = open.pop();
    const last = out.at(-1);
    if (opener && last && opener.tokenType !== t.OpenCurly && !inGroup()) {
      groups.push({ start: opener.startOffset, end: last.startOffset + 1 });
    }
  };
  /** Closes the innermost bracket, which the text does not, before the token at `start`. */
  const closeMissing = (start: number): void => {
    const opener = open.at(-1);
    const type = opener && closerOf.get(opener.tokenType);
    if (!opener || !type) return;
    const image = String(type.PATTERN);
    const end = Math.min(start, text.length);
    report(
      "unclosed-bracket",
      `\`${opener.image}\` is never closed`,
      [
        { span: at(opener), text: "opened here" },
        { span: { file, start: end, end: end + 1 }, text: `\`${image}\` is missing before this` },
      ],
      `add \`${image}\``,
    );
    const previous = out.at(-1);
    const place = previous ? t.endOf(previous) : end;
    out.push(createTokenInstance(type, image, place, place - 1, NaN, NaN, NaN, NaN));
    pop();
  };

  for (const [i, token] of tokens.entries()) {
    const type = token.tokenType;
    const previous = tokens[i - 1];
    const newLine = previous === undefined || /[\r\n]/.test(text.slice(t.endOf(previous), token.startOffset));
    // A lambda's block and `if a then b else c` are told by the parser: the brackets around them are whole.
    const isForeign =
      previous?.tokenType === t.LambdaArrow || (!newLine && (type === t.If || type === t.Else));
    if (
      inGroup() &&
      ((statementStarts.has(type) && !isForeign) ||
        (newLine && endsOperand(previous) && startsStatement(token, tokens[i + 1])))
    ) {
      while (inGroup()) closeMissing(token.startOffset);
    }
    if (declarationStarts.has(type) && newLine && /[\r\n]/.test(text[token.startOffset - 1] ?? "\n")) {
      while (open.length > 0) closeMissing(token.startOffset);
    }

    if (closerOf.has(type)) {
      open.push(token);
      if (open.length > MAX_NESTING) {
        report(
          "nesting-too-deep",
          `more than ${MAX_NESTING} brackets are open here`,
          [{ span: at(token) }],
          "bind an inner part to a name, or move it into a fn or layer of its own",
        );
        return { tokens: out, diagnostics, tooDeep: true, groups };
      }
      out.push(token);
    } else if (closers.has(type)) {
      const matches = (opener: IToken): boolean => closerOf.get(opener.tokenType) === type;
      const from = open.findLastIndex((opener) => opener.tokenType === t.OpenCurly);
      const reach = type === t.CloseCurly ? open : open.slice(from + 1);
      const top = open.at(-1);
      if (reach.some(matches)) {
        while (open.length > 0 && !matches(open.at(-1) ?? token)) closeMissing(token.startOffset);
        out.push(token);
        pop();
      } else if (top && inGroup() && type !== t.CloseCurly) {
        const right = closerOf.get(top.tokenType) ?? type;
        report(
          "mismatched-bracket",
          `\`${top.image}\` is closed by \`${token.image}\``,
          [{ span: at(token) }, { span: at(top), text: "opened here" }],
          `write \`${String(right.PATTERN)}\``,
        );
        out.push(
          createTokenInstance(right, token.image, token.startOffset, token.startOffset, NaN, NaN, NaN, NaN),
        );
        pop();
      } else {
        report(
          "unopened-bracket",
          `\`${token.image}\` closes no open bracket`,
          [{ span: at(token) }],
          "remove it, or add the opening bracket",
        );
      }
    } else {
      out.push(token);
    }
  }
  const end = text.trimEnd().length;
  while (open.length > 0) closeMissing(end);
  return { tokens: out, diagnostics, tooDeep: false, groups };
}

function startsStatement(token: IToken, next: IToken | undefined): boolean {
  return (
    t.isName(token.tokenType) && (next?.tokenType === t.Equals || t.statementWords.includes(token.tokenType))
  );
}
