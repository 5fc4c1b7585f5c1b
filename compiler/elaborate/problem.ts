/**
 * How a mistake in the program travels: thrown where it is met, caught by the statement it is in.
 */
import type { Diagnostic, Label, Span } from "../../grammar/diagnostic.ts";
import { MAX_DIAGNOSTICS } from "../../grammar/limits.ts";

export class Problem extends Error {
  readonly diagnostic: Diagnostic;
  /** Whether reading the program must stop: a limit was passed. */
  readonly fatal: boolean;
  constructor(diagnostic: Diagnostic, fatal = false) {
    super(diagnostic.message);
    this.name = "Problem";
    this.diagnostic = diagnostic;
    this.fatal = fatal;
  }
}

class Poisoned extends Error {
  override readonly name = "Poisoned";
}

/**
 * Thrown by what depends on a value that could not be made; the mistake itself has been reported.
 * There is one, since a trace of the stack at every turn of a loop would take longer than the loop.
 */
export const POISONED = new Poisoned("depends on a value that is in error");

export interface Details {
  readonly label?: string;
  readonly also?: readonly Label[];
  readonly notes?: readonly string[];
  readonly help?: string | undefined;
}

/** Source text on one line, and no more of it than a sentence can hold. */
export function brief(text: string): string {
  const line = text.slice(0, 400).trim().replace(/\s+/g, " ");
  return line.length <= 60 ? line : "…";
}

export function diagnose(
  severity: "error" | "warning",
  code: string,
  span: Span | null,
  message: string,
  details: Details = {},
): Diagnostic {
  const first: Label[] =
    span === null ? [] : [details.label === undefined ? { span } : { span, text: details.label }];
  return {
    code,
    severity,
    message,
    labels: [...first, ...(details.also ?? [])],
    notes: details.notes ?? [],
    ...(details.help === undefined ? {} : { help: details.help }),
  };
}

/** The diagnostics of a program, each said once. */
export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  readonly #said = new Set<string>();

  report(diagnostic: Diagnostic): void {
    const span = diagnostic.labels[0]?.span;
    // A definition used twice with one mistake in it has one mistake.
    // A name that means nothing is met again where it is looked up.
    const code = diagnostic.code === "index-unbound" ? "unknown-name" : diagnostic.code;
    const key = `${code} ${span?.file} ${span?.start} ${span?.end}`;
    if (this.#said.has(key) || this.diagnostics.length >= MAX_DIAGNOSTICS) return;
    this.#said.add(key);
    this.diagnostics.push(diagnostic);
  }

  get failed(): boolean {
    return this.diagnostics.some((d) => d.severity === "error");
  }
}
