/**
 * The diagnostics of a program as its reader takes them: in the order of lines, and only those that
 * a broken file does not make up.
 */
import type { SourceFile } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Program } from "./load.ts";

/**
 * Imports that do not resolve, since much follows from them; then file by file, the main one first,
 * in the order of lines.
 */
export function inOrder(program: Program, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = [program.main, ...program.imports].map((source) => source.file);
  const rank = ({ code, labels: [first] }: Diagnostic): number => {
    if (code.startsWith("import-")) return -1;
    const at = first === undefined ? -1 : files.indexOf(first.span.file);
    return at < 0 ? files.length : at;
  };
  const start = ({ labels: [first] }: Diagnostic): number => first?.span.start ?? 0;
  return diagnostics.toSorted((a, b) => rank(a) - rank(b) || start(a) - start(b));
}

/**
 * Of what is said about names where files have errors of syntax, that which would be said without
 * them: in declarations without such an error, and of names that nothing unread may define.
 */
export function beside(
  program: Program,
  syntax: readonly Diagnostic[],
  names: readonly Diagnostic[],
): Diagnostic[] {
  const sources = new Map([program.main, ...program.imports].map((source) => [source.file, source]));
  return names.filter(({ labels: [first] }) => {
    const source = first === undefined ? undefined : sources.get(first.span.file);
    if (first === undefined || source === undefined) return false;
    const [from, to] = regionOf(source, first.span.start);
    const broken = syntax.some(({ labels: [label] }) => {
      if (label?.span.file !== source.file) return false;
      return label.span.start >= from && label.span.start < to;
    });
    return !broken && !mayBeDefined(source.text, source.text.slice(first.span.start, first.span.end));
  });
}

/**
 * From the declaration around a place to the next one: what could not be read may have stood
 * between.
 */
function regionOf({ declarations, text }: SourceFile, place: number): readonly [number, number] {
  const starts = declarations.map(({ span }) => span.start);
  return [
    starts.findLast((start) => start <= place) ?? 0,
    starts.find((start) => start > place) ?? text.length + 1,
  ];
}

/** Whether the text has the name where a definition or an import may have it. */
const mayBeDefined = (text: string, name: string): boolean =>
  /^\w+$/.test(name) &&
  new RegExp(
    `\\b(?:fn|layer|const|optimizer|model|def|class|function)\\s+${name}\\b|\\bimport\\s*\\{?[^}"]*\\b${name}\\b`,
  ).test(text);
