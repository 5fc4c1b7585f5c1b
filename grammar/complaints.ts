import type { Diagnostic, Span } from "./diagnostic.ts";
import { MAX_DIAGNOSTICS } from "./limits.ts";

/** What the builder has to say of a file. */
export class Complaints {
  readonly diagnostics: Diagnostic[] = [];

  /** Past this the rest would not be shown; see MAX_DIAGNOSTICS. */
  get full(): boolean {
    return this.diagnostics.length > 10 * MAX_DIAGNOSTICS;
  }

  report(code: string, span: Span, message: string, help?: string, label?: string): void {
    if (this.full) return;
    this.diagnostics.push({
      code,
      severity: "error",
      message,
      labels: [label === undefined ? { span } : { span, text: label }],
      notes: [],
      ...(help !== undefined && { help }),
    });
  }
}
