/** The names of a file, which stand on those of the standard library. */
import type { SourceFile } from "../../grammar/ast.ts";
import type { Program } from "./load.ts";
import { resolveImport } from "./load.ts";
import { stdDeclaration, stdNames, type NamedDeclaration } from "../standard-library.ts";

export type { NamedDeclaration } from "../standard-library.ts";

/** A declaration and the file in whose words its body is written. */
export interface Found {
  readonly declaration: NamedDeclaration;
  readonly file: FileScope;
}

/** The declarations of one file; without a file, of the whole standard library. */
export class FileScope {
  readonly isStd: boolean;
  readonly #declarations = new Map<string, Found>();
  readonly #std: FileScope | null;
  /** Imported under these names is what could not be found; that has been said. */
  readonly missing = new Set<string>();

  constructor(file?: SourceFile, std: FileScope | null = null) {
    this.isStd = file === undefined;
    this.#std = std;
    for (const declaration of file?.declarations ?? []) {
      if (declaration.kind !== "import") this.#declare(declaration);
    }
  }
  #declare(declaration: NamedDeclaration): void {
    this.admit(declaration.name.text, { declaration, file: this });
  }
  /** Makes `name` stand for a declaration of another file. */
  admit(name: string, found: Found): void {
    if (!this.#declarations.has(name)) this.#declarations.set(name, found);
  }
  own(name: string): Found | undefined {
    const declaration = this.isStd ? stdDeclaration(name) : undefined;
    if (declaration !== undefined) this.#declare(declaration);
    return this.#declarations.get(name);
  }
  find(name: string): Found | undefined {
    return this.own(name) ?? this.#std?.find(name);
  }
  visible(): string[] {
    return this.isStd ? [...stdNames] : [...this.#declarations.keys(), ...(this.#std?.visible() ?? [])];
  }
}

/**
 * A scope for each file of the program, by the file's name, with imports resolved (those that do
 * not resolve are absent).
 */
export function fileScopes(program: Program): {
  main: FileScope;
  files: Map<string, FileScope>;
  std: FileScope;
} {
  const std = new FileScope();
  const sources = [...program.imports, program.main];
  const files = new Map(sources.map((source) => [source.file, new FileScope(source, std)]));
  // Imports do not form cycles, and `program.imports` has a file after those that it imports.
  for (const source of sources) {
    const scope = files.get(source.file)!;
    for (const declaration of source.declarations) {
      if (declaration.kind !== "import") continue;
      const path = resolveImport(source.file, declaration.path.text);
      for (const { name, as } of declaration.names) {
        const found = path === null ? undefined : files.get(path)?.own(name.text);
        if (found === undefined) scope.missing.add((as ?? name).text);
        else scope.admit((as ?? name).text, found);
      }
    }
  }
  return { main: files.get(program.main.file)!, files, std };
}
