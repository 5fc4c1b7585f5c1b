/**
 * A program on disk: its text, its imports, and its diagnostics with the paths that the user knows.
 */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type {
  Analysis,
  Compiled,
  CompileOptions,
  Diagnostic,
  Planned,
  SourceOptions,
} from "../compiler/index.ts";
import { systemCode, UsageError } from "./failures.ts";
import { readText } from "./files.ts";
import { optimizingRarely } from "./one-module.ts";
import type { Output } from "./output.ts";

/** Errors in a program: exit code 1. */
export class ProgramError extends Error {
  readonly program: OpenedProgram;
  readonly diagnostics: readonly Diagnostic[];

  constructor(program: OpenedProgram, diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => d.message).join("\n"));
    this.name = "ProgramError";
    this.program = program;
    this.diagnostics = diagnostics;
  }
}

export interface OpenedProgram {
  /** As the user typed it. */
  readonly path: string;
  readonly text: string;
  /** What the compiler is given: names relative to the project's root folder, with `/`. */
  readonly options: Required<Pick<SourceOptions, "file" | "readImport">>;
  /** Texts by the names that spans carry. */
  readonly sources: Map<string, string>;
  /** The path to show for a name that spans carry. */
  readonly show: (name: string) => string;
}

/**
 * Imports may reach any file of the project: what lies under the nearest folder above the file that
 * has a `package.json` or a `.git`, and under the file's own folder where there is none.
 * @throws UsageError where the file cannot be read
 */
export async function openProgram(path: string): Promise<OpenedProgram> {
  const text = await readText(path);
  const folder = realpathSync(dirname(resolve(path)));
  const root = projectRoot(folder);
  const file = toName(relative(root, join(folder, basename(path))));
  const sources = new Map([[file, text]]);
  const show = (name: string): string => {
    if (name === file) return path;
    if (!sources.has(name) || name.startsWith("std/")) return name;
    const shown = relative(process.cwd(), join(root, name));
    return shown.startsWith("..") && isAbsolute(path) ? join(root, name) : shown;
  };
  const readImport = async (name: string): Promise<string | null> => {
    try {
      const target = realpathSync(join(root, name));
      // A symbolic link may not lead out either.
      if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) return null;
      const imported = await readText(relative(process.cwd(), target));
      sources.set(name, imported);
      return imported;
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return null;
      if (error instanceof UsageError && error.code === "missing-file") return null;
      throw error;
    }
  };
  return { path, text, options: { file, readImport }, sources, show };
}

function projectRoot(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "package.json")) || existsSync(join(at, ".git"))) return at;
    if (at === dirname(at)) return folder;
  }
}

const toName = (path: string): string => path.split(sep).join("/");

type Options<T> = Omit<T, "file" | "readImport">;

/**
 * Compiles a program, for this very engine unless a fallback is asked for; its warnings go to
 * stderr.
 * @throws ProgramError
 */
export async function compileProgram(
  program: OpenedProgram,
  options: Options<CompileOptions>,
  output: Output,
): Promise<Compiled> {
  const { compile } = await import("../compiler/compile.ts");
  const compiling = optimizingRarely(() =>
    compile(program.text, { ...program.options, fallback: false, ...options }),
  );
  return told(program, output, compiling);
}

/**
 * What compiling would decide; warnings go to stderr.
 * @throws ProgramError
 */
export async function planProgram(
  program: OpenedProgram,
  options: Options<CompileOptions>,
  output: Output,
): Promise<Planned> {
  const { plan } = await import("../compiler/plan.ts");
  return told(program, output, plan(program.text, { ...program.options, ...options }));
}

/**
 * Reads and differentiates a program; its warnings go to stderr.
 * @throws ProgramError
 */
export async function analyzeProgram(
  program: OpenedProgram,
  options: Options<SourceOptions>,
  output: Output,
): Promise<Analysis> {
  const { analyze } = await import("../compiler/analyze.ts");
  return told(program, output, analyze(program.text, { ...program.options, ...options }));
}

/** With its warnings on stderr, and its errors as those of the program. */
async function told<T extends Pick<Analysis, "diagnostics">>(
  program: OpenedProgram,
  output: Output,
  work: Promise<T>,
): Promise<T> {
  try {
    const result = await work;
    if (result.diagnostics.length > 0) {
      output.say(await renderDiagnostics(program, result.diagnostics, output.messageColors.isColorSupported));
    }
    return result;
  } catch (error) {
    const { DiagnosticError } = await import("../grammar/diagnostic.ts");
    throw error instanceof DiagnosticError ? new ProgramError(program, error.diagnostics) : error;
  }
}

/** The program's texts and the library's, by the names that spans carry. */
async function allTexts(program: OpenedProgram): Promise<Map<string, string>> {
  const { stdTexts } = await import("../compiler/standard-library.ts");
  return new Map([...stdTexts, ...program.sources]);
}

/** A note with the places in it, `FILE:LINE:COLUMN`, under the paths to show. */
const showPlaces = (program: OpenedProgram, note: string): string =>
  note.replaceAll(/(?<= at )(.+?)(?=:\d+:\d+)/g, (name) =>
    program.sources.has(name) ? program.show(name) : name,
  );

/** Diagnostics with their lines of source, one after the other. */
export async function renderDiagnostics(
  program: OpenedProgram,
  diagnostics: readonly Diagnostic[],
  color: boolean,
): Promise<string> {
  const { renderDiagnostic } = await import("../grammar/render-diagnostic.ts");
  const texts = await allTexts(program);
  const shown = new Map([...texts].map(([name, text]) => [program.show(name), text]));
  return diagnostics
    .map((diagnostic) =>
      renderDiagnostic(
        {
          ...diagnostic,
          labels: diagnostic.labels.map((label) => ({
            ...label,
            span: { ...label.span, file: program.show(label.span.file) },
          })),
          notes: diagnostic.notes.map((note) => showPlaces(program, note)),
        },
        shown,
        { color },
      ).trimEnd(),
    )
    .join("\n\n");
}

export interface DiagnosticJson {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly labels: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly text?: string;
  }[];
  readonly notes: readonly string[];
  readonly help?: string;
}

/** Diagnostics as `--json` prints them: lines and columns count from 1, columns in UTF-16 units. */
export async function diagnosticsJson(
  program: OpenedProgram,
  diagnostics: readonly Diagnostic[],
): Promise<DiagnosticJson[]> {
  const { lineAndColumn } = await import("../grammar/render-diagnostic.ts");
  const texts = await allTexts(program);
  const place = (name: string, offset: number): { readonly line: number; readonly column: number } => {
    const text = texts.get(name);
    if (text === undefined) return { line: 1, column: 1 };
    const { line, column } = lineAndColumn(text, offset);
    return { line, column };
  };
  return diagnostics.map(({ code, severity, message, labels, notes, help }) => {
    const span = labels[0]?.span ?? { file: program.options.file, start: 0, end: 0 };
    const end = place(span.file, span.end);
    return {
      code,
      severity,
      message,
      file: program.show(span.file),
      ...place(span.file, span.start),
      endLine: end.line,
      endColumn: end.column,
      labels: labels.map((label) => ({
        file: program.show(label.span.file),
        ...place(label.span.file, label.span.start),
        ...(label.text === undefined ? {} : { text: label.text }),
      })),
      notes: notes.map((note) => showPlaces(program, note)),
      ...(help === undefined ? {} : { help }),
    };
  });
}
