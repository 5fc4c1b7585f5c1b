/**
 * Text → AST. The stages: `lex` (tokens), `translateHabits` (what other languages write, read as
 * what is meant), `balance` (brackets), the parser (a concrete tree, with recovery) and `build-ast`
 * (the tree that the rest of the compiler sees). None of them throws, overflows or hangs for
 * anything a file may hold.
 */
import type { CstNode, IToken } from "chevrotain";
import type { Comment, Expression, SourceFile } from "./ast.ts";
import { balance, type Balanced } from "./brackets.ts";
import { buildExpression, buildFile } from "./build-ast.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { translateHabits } from "./habits.ts";
import { lex } from "./lex.ts";
import { MAX_DIAGNOSTICS, MAX_SOURCE_LENGTH } from "./limits.ts";
import { theParser, type Parser } from "./parser.ts";
import { TooManyErrors } from "./recovering-parser.ts";
import { explain } from "./syntax-error.ts";

/**
 * Reads a source file. Where there are errors the tree holds the declarations and statements that
 * could be read. `file` is the name that spans and diagnostics carry.
 */
export function parse(text: string, file: string): { file: SourceFile; diagnostics: Diagnostic[] } {
  const { tree, groups, comments, diagnostics } = read(text, file, (parser) => parser.sourceFile());
  const built = tree && buildFile(tree, file, text, comments);
  return {
    file: { file, text, declarations: built?.declarations ?? [], comments },
    diagnostics: essential([...diagnostics, ...(built?.diagnostics ?? [])], text, groups),
  };
}

/**
 * Reads one expression, such as the value in `--set sizes=[512,256]`; `undefined` where there is an
 * error.
 */
export function parseExpression(
  text: string,
  file: string,
): { expression: Expression | undefined; diagnostics: Diagnostic[] } {
  const { tree, groups, diagnostics } = read(text, file, (parser) => parser.loneExpression());
  const built = tree && buildExpression(tree, file);
  const all = essential([...diagnostics, ...(built?.diagnostics ?? [])], text, groups);
  return { expression: all.length === 0 ? built?.expression : undefined, diagnostics: all };
}

interface Read {
  /** `undefined` where a limit forbids to go on. */
  readonly tree: CstNode | undefined;
  readonly groups: Balanced["groups"];
  readonly comments: readonly Comment[];
  readonly diagnostics: readonly Diagnostic[];
}

function read(text: string, file: string, rule: (parser: Parser) => CstNode): Read {
  if (text.length > MAX_SOURCE_LENGTH) {
    const tooLarge: Diagnostic = {
      code: "source-too-large",
      severity: "error",
      message: `${file} has ${text.length} characters, more than the ${MAX_SOURCE_LENGTH} that a source file may have`,
      labels: [],
      notes: [],
      help: "split the file; large tables belong in data or weights, not in the program",
    };
    return { tree: undefined, groups: [], comments: [], diagnostics: [tooLarge] };
  }
  const lexed = lex(text, file);
  const translated = translateHabits(lexed.tokens, file);
  const balanced = balance(translated.tokens, text, file);
  const parsed = balanced.tooDeep ? NOTHING : run(balanced.tokens, text, file, rule);
  return {
    tree: parsed.tree,
    groups: balanced.groups,
    comments: lexed.comments,
    diagnostics: [
      ...lexed.diagnostics,
      ...translated.diagnostics,
      ...balanced.diagnostics,
      ...parsed.diagnostics,
    ],
  };
}

interface Parsed {
  readonly tree: CstNode | undefined;
  readonly diagnostics: readonly Diagnostic[];
}
const NOTHING: Parsed = { tree: undefined, diagnostics: [] };

function run(
  tokens: readonly IToken[],
  text: string,
  file: string,
  rule: (parser: Parser) => CstNode,
): Parsed {
  const parser = theParser();
  parser.begin(tokens);
  let tree: CstNode | undefined;
  try {
    tree = rule(parser);
  } catch (error) {
    if (!(error instanceof TooManyErrors)) throw error;
  }
  const diagnostics = parser.errors.map((error) => explain(error, text, file));
  parser.begin([]);
  return { tree, diagnostics };
}

/** What is often only the echo of an error before it. */
const ECHOES = new Set([
  "assignment-in-expression",
  "bare-block",
  "bare-expression",
  "missing-block",
  "missing-comma",
  "missing-name",
  "unexpected-string",
  "unexpected-token",
  "unopened-bracket",
]);
/** What throws the parser off, so that echoes follow. */
const CAUSES = new Set([
  ...ECHOES,
  "mismatched-bracket",
  "missing-value",
  "unclosed-bracket",
  "unknown-character",
]);

/**
 * In order of place, without the echoes of an error: those on the rest of its line, or of the
 * brackets it is in. Past the limit the rest is dropped, and that is said.
 */
function essential(all: readonly Diagnostic[], text: string, groups: Balanced["groups"]): Diagnostic[] {
  const start = (d: Diagnostic): number => d.labels[0]?.span.start ?? 0;
  const kept: Diagnostic[] = [];
  let shadow = -1;
  let group = 0;
  for (const diagnostic of all.toSorted((a, b) => start(a) - start(b))) {
    const at = start(diagnostic);
    if (at < shadow && ECHOES.has(diagnostic.code)) continue;
    // After an error in its head a block is not found, and what is in it seems to stand outside.
    if (shadow >= 0 && diagnostic.code === "statement-outside-block") continue;
    if (CAUSES.has(diagnostic.code)) {
      while (group < groups.length && (groups[group]?.end ?? 0) <= at) group++;
      const around = groups[group];
      const from = around && around.start <= at ? around.end : at;
      const newLine = /[\r\n]/g;
      newLine.lastIndex = from;
      shadow = Math.max(shadow, (newLine.exec(text)?.index ?? text.length) + 1);
    }
    kept.push(diagnostic);
    if (kept.length === MAX_DIAGNOSTICS) {
      kept.push({
        code: "too-many-errors",
        severity: "error",
        message: `more than ${MAX_DIAGNOSTICS} errors in this file; the rest is not shown`,
        labels: [],
        notes: [],
        help: "fix the first ones: later ones often follow from them",
      });
      break;
    }
  }
  return kept;
}
