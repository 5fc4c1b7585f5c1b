/**
 * What nndsl says about a program, as data. Wording lives beside the pass that raises it; layout
 * lives in `render-diagnostic.ts`.
 */

/**
 * A half-open range of UTF-16 offsets in one source file. Line and column are derived from the text
 * when shown.
 */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A place that a diagnostic points at, with what is to be said of that place. */
export interface Label {
  readonly span: Span;
  readonly text?: string;
}

export type Severity = "error" | "warning";

export interface Diagnostic {
  /**
   * A stable kebab-case name, such as `shape-mismatch`; each is described in `docs/diagnostics.md`.
   */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /**
   * The first label is the place of the diagnostic; the rest explain it. Empty for one about a file
   * as a whole.
   */
  readonly labels: readonly Label[];
  readonly notes: readonly string[];
  readonly help?: string;
}

/** Thrown where work on a program cannot go on; carries every diagnostic gathered so far. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.severity}[${d.code}]: ${d.message}`).join("\n"));
    this.name = "DiagnosticError";
    this.diagnostics = diagnostics;
  }
}

/** The text of a file by the name that spans carry, for those who draw diagnostics. */
export type SourceMap = ReadonlyMap<string, string>;
