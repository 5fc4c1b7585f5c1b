/**
 * Text → AST. The stages: `lex` (tokens), `parser` (a concrete tree, with recovery), `build-ast` (the tree that
 * the rest of the compiler sees). None of them throws for anything a file may hold.
 */
import type { CstNode, IToken } from "chevrotain";
import type { Expression, SourceFile } from "./ast.ts";
import { buildExpression, buildFile } from "./build-ast.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { lex } from "./lex.ts";
import { theParser, type Parser } from "./parser.ts";
import { explain } from "./syntax-error.ts";

/**
 * Reads a source file. Where there are errors the tree holds the declarations and statements that could be read.
 * `file` is the name that spans and diagnostics carry.
 */
export function parse(text: string, file: string): { file: SourceFile; diagnostics: Diagnostic[] } {
  const { tokens, comments, diagnostics: ofLexer } = lex(text, file);
  const { tree, diagnostics: ofParser } = run(tokens, text, file, (parser) => parser.sourceFile());
  const built = buildFile(tree, file, text, comments);
  return {
    file: { file, text, declarations: built.declarations, comments },
    diagnostics: [...ofLexer, ...ofParser, ...built.diagnostics],
  };
}

/** Reads one expression, such as the value in `--set sizes=[512,256]`; `undefined` where there is an error. */
export function parseExpression(
  text: string,
  file: string,
): { expression: Expression | undefined; diagnostics: Diagnostic[] } {
  const { tokens, diagnostics: ofLexer } = lex(text, file);
  const { tree, diagnostics: ofParser } = run(tokens, text, file, (parser) => parser.loneExpression());
  const built = buildExpression(tree, file, text);
  const diagnostics = [...ofLexer, ...ofParser, ...built.diagnostics];
  return { expression: diagnostics.length === 0 ? built.expression : undefined, diagnostics };
}

function run(
  tokens: readonly IToken[],
  text: string,
  file: string,
  rule: (parser: Parser) => CstNode,
): { tree: CstNode; diagnostics: Diagnostic[] } {
  const parser = theParser();
  parser.input = [...tokens];
  const tree = rule(parser);
  return { tree, diagnostics: parser.errors.map((error) => explain(error, text, file)) };
}
