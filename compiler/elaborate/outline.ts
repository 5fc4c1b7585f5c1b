/** A program before a model of it is read: its names resolved, its models counted, one chosen. */
import type { ModelDeclaration } from "../../grammar/ast.ts";
import type { Diagnostic, Span } from "../../grammar/diagnostic.ts";
import { closest } from "../../grammar/suggest.ts";
import { fileScopes, type FileScope } from "./file-scope.ts";
import { MAX_MODELS } from "./limits.ts";
import type { Program } from "./load.ts";
import { diagnose, Reporter } from "./problem.ts";
import { resolveNames } from "./resolve.ts";

/** A program and what is known of it before a model is read, for all its models. */
export interface Outline {
  readonly program: Program;
  readonly main: FileScope;
  /** About names, whichever model they stand in. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Resolves the names of a program, and counts its models. */
export function outline(program: Program): Outline {
  const reporter = new Reporter();
  const { main, files, std } = fileScopes(program);
  for (const source of [program.main, ...program.imports]) {
    resolveNames(source, files.get(source.file)!, std).forEach((d) => reporter.report(d));
  }
  const beyond = modelsOf(program)[MAX_MODELS];
  if (beyond !== undefined) {
    reporter.report(
      diagnose(
        "error",
        "too-many-models",
        beyond.name.span,
        `${program.main.file} has more than ${MAX_MODELS} models`,
        { help: "move some of them to other files" },
      ),
    );
  }
  return { program, main, diagnostics: reporter.diagnostics };
}

/** The models of the main file, in order of place. */
const modelsOf = (program: Program): readonly ModelDeclaration[] =>
  program.main.declarations.filter((d) => d.kind === "model");

/** The model called `name`, or the only one; null, with the reason reported, where there is none. */
export function chooseModel(
  program: Program,
  name: string | undefined,
  reporter: Reporter,
): ModelDeclaration | null {
  const models = modelsOf(program);
  const names = models.map((m) => m.name.text);
  const start: Span = { file: program.main.file, start: 0, end: 0 };
  const [first, second] = models;
  if (name !== undefined) {
    const chosen = models.find((m) => m.name.text === name);
    if (chosen !== undefined) return chosen;
    const near = closest(name, names);
    const known = names.length === 0 ? "it has no model" : `it has ${names.join(", ")}`;
    reporter.report(
      diagnose("error", "unknown-model", start, `${program.main.file} has no model \`${name}\``, {
        help: near === undefined ? known : `did you mean \`${near}\`?`,
      }),
    );
    return null;
  }
  if (first === undefined) {
    reporter.report(
      diagnose("error", "no-model", start, `${program.main.file} has no model`, {
        help: "write one: model Name { input x: [N, 2] output y = dense(x, 1) }",
      }),
    );
    return null;
  }
  if (second === undefined) return first;
  reporter.report(
    diagnose(
      "error",
      "several-models",
      second.name.span,
      `${program.main.file} has several models: ${names.join(", ")}`,
      {
        also: [{ span: first.name.span }],
        help: `choose one, as in \`--model ${first.name.text}\``,
      },
    ),
  );
  return null;
}
