/**
 * The standard library. A model uses few of its definitions, and reading all of them takes longer
 * than compiling a small model does: each is parsed when it is first asked for.
 */
import type { Declaration, Import } from "../grammar/ast.ts";
import { parse } from "../grammar/parse.ts";
import { CompilerFault } from "./fault.ts";
import { stdSources } from "./generated/std-sources.ts";

export type NamedDeclaration = Exclude<Declaration, Import>;

/** Texts of its files, by the names that spans carry. */
export const stdTexts: ReadonlyMap<string, string> = new Map(
  [...stdSources].map(([name, text]) => [`std/${name}`, text]),
);

/** Where a definition stands. */
interface Place {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A definition begins a line, and the lines about it stand right before it. */
const BEGINNING = /^(?:\/\/\/.*\n)*(?:@recompute )?(?:const|fn|layer|optimizer) (\w+)/gm;

const places: ReadonlyMap<string, Place> = new Map(
  [...stdTexts].flatMap(([file, text]) => {
    const found = [...text.matchAll(BEGINNING)];
    return found.map(({ 1: name = "", index }, i): [string, Place] => [
      name,
      { file, start: index, end: found[i + 1]?.index ?? text.length },
    ]);
  }),
);

/** Of all its definitions. */
export const stdNames: readonly string[] = [...places.keys()];

const parsed = new Map<string, NamedDeclaration>();

/** The definition of a name, undefined where it has none. */
export function stdDeclaration(name: string): NamedDeclaration | undefined {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const place = places.get(name);
  if (place === undefined) return undefined;
  const declaration = readAt(place);
  parsed.set(name, declaration);
  return declaration;
}

/** With the spans that it has in the whole file: what comes before it is read as blanks. */
function readAt({ file, start, end }: Place): NamedDeclaration {
  const text = " ".repeat(start) + stdTexts.get(file)!.slice(start, end);
  const { file: tree, diagnostics } = parse(text, file);
  const [declaration] = tree.declarations;
  if (diagnostics[0] !== undefined) throw new CompilerFault(`${file}: ${diagnostics[0].message}`);
  if (declaration === undefined || declaration.kind === "import") {
    throw new CompilerFault(`${file}: no definition at ${start}`);
  }
  return declaration;
}
