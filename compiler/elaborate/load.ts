/** A program: the file given, and the files that it imports. */
import type { Import, SourceFile } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import { closest } from "../../grammar/suggest.ts";
import { diagnose } from "./problem.ts";

export interface Program {
  readonly main: SourceFile;
  /** Every imported file once, after the files that it imports itself. */
  readonly imports: readonly SourceFile[];
}

/** Files that one program may be made of. */
const MAX_FILES = 1000;
/** Files that import one another in a row. */
const MAX_CHAIN = 100;

export type ReadImport = (path: string) => Promise<string | null>;

/**
 * Reads a program whole. Files that cannot be found or read leave a diagnostic and are absent from
 * it.
 * @param file the main file's name: spans carry it and imports are relative to it
 * @param readImport the text of a file by its path relative to the root folder, `null` where there
 * is none; what it throws is why the file cannot be read
 */
export async function loadProgram(
  text: string,
  file: string,
  readImport: ReadImport = async () => null,
): Promise<{ program: Program; diagnostics: readonly Diagnostic[] }> {
  const diagnostics: Diagnostic[] = [];
  const loaded = new Map<string, SourceFile | null>();
  const order: SourceFile[] = [];
  /** Files with errors of syntax, which may define more than could be read. */
  const broken = new Set<string>();

  const read = (source: string, name: string): SourceFile => {
    const parsed = parse(source, name);
    diagnostics.push(...parsed.diagnostics);
    if (parsed.diagnostics.some((d) => d.severity === "error")) broken.add(name);
    return parsed.file;
  };
  const visit = async (source: SourceFile, chain: readonly string[]): Promise<void> => {
    for (const declaration of source.declarations) {
      if (declaration.kind === "import") await follow(source, declaration, chain);
    }
  };
  const follow = async (from: SourceFile, declaration: Import, chain: readonly string[]): Promise<void> => {
    const problem = (code: string, message: string, help: string): void => {
      diagnostics.push(diagnose("error", code, declaration.path.span, message, { help }));
    };
    const written = declaration.path.text;
    const path = resolveImport(from.file, written);
    if (path === null) {
      problem(
        "import-outside-root",
        `"${written}" is not a path inside the project's root folder`,
        'write it relative to this file: "./blocks.nn"',
      );
      return;
    }
    if (chain.includes(path)) {
      const cycle = [...chain.slice(chain.indexOf(path)), path].join(" → ");
      problem(
        "import-cycle",
        `this import leads back to a file that is being read: ${cycle}`,
        "move what both files need into a third",
      );
      return;
    }
    if (!loaded.has(path)) {
      if (loaded.size >= MAX_FILES || chain.length >= MAX_CHAIN) {
        problem(
          "import-limit",
          `a program has at most ${MAX_FILES} files, ${MAX_CHAIN} in a row`,
          "import fewer files",
        );
        return;
      }
      let found: string | null;
      try {
        found = await readImport(path);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        problem(
          "import-unreadable",
          `${path} cannot be read: ${why}`,
          "an import names the text of a program",
        );
        return;
      }
      const imported = found === null ? null : read(found, path);
      loaded.set(path, imported);
      if (imported !== null) {
        await visit(imported, [...chain, path]);
        order.push(imported);
      }
    }
    const imported = loaded.get(path) ?? null;
    if (imported === null) {
      problem(
        "import-missing",
        `there is no file ${path}`,
        "check the path; it is relative to the file with the import",
      );
      return;
    }
    const names = imported.declarations.flatMap((d) => (d.kind === "import" ? [] : [d.name.text]));
    for (const { name } of declaration.names) {
      if (names.includes(name.text) || broken.has(path)) continue;
      const near = closest(name.text, names);
      diagnostics.push(
        diagnose("error", "import-name-unknown", name.span, `${path} has no definition \`${name.text}\``, {
          help:
            near === undefined ? `it defines ${names.join(", ") || "nothing"}` : `did you mean \`${near}\`?`,
        }),
      );
    }
  };

  const main = read(text, file);
  await visit(main, [normalize(file)]);
  return { program: { main, imports: order }, diagnostics };
}

/**
 * The path that `import … from "written"` in `from` means, relative to the root folder; `null`
 * where it is not inside.
 */
export function resolveImport(from: string, written: string): string | null {
  if (!/^\.\.?\//.test(written) || written.includes("\0") || written.includes("\\")) return null;
  const folder = normalize(from).split("/").slice(0, -1);
  for (const part of written.split("/")) {
    if (part === "." || part === "") continue;
    if (part !== "..") folder.push(part);
    else if (folder.pop() === undefined) return null;
  }
  return folder.join("/");
}

const normalize = (path: string): string => path.replace(/^(\.\/)+/, "");
