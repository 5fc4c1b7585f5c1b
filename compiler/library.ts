/**
 * The compiler's functions as JavaScript calls them, where no types hold options to their names.
 */
import { format as formatText } from "../grammar/format.ts";
import * as front from "./analyze.ts";
import * as whole from "./compile.ts";
import * as middle from "./plan.ts";
import type { Analysis, Compiled, CompileOptions, Planned, SourceOptions } from "./options.ts";
import type { Diagnostic } from "../grammar/diagnostic.ts";
import { closest } from "../grammar/suggest.ts";

/** An option that there is not, or options that are none. */
export class OptionError extends TypeError {
  readonly code = "wrong-option";
  override readonly name = "OptionError";
}

const sourceNames = ["file", "settings", "model", "readImport"] as const satisfies (keyof SourceOptions)[];
const compileNames = [
  ...sourceNames,
  "simd",
  "fallback",
  "dtype",
  "wat",
  "probe",
  "reportRows",
  "memory",
] as const satisfies (keyof CompileOptions)[];

/** @throws OptionError */
function checkNames(options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new OptionError(`Options are an object, not ${options === null ? "null" : `a ${typeof options}`}.`);
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = closest(name, names);
    throw new OptionError(
      `There is no option \`${name}\`; ${near === undefined ? `there are: ${names.map((known) => `\`${known}\``).join(", ")}.` : `did you mean \`${near}\`?`}`,
    );
  }
}

/**
 * Reads and differentiates a program.
 * @throws DiagnosticError with every error found in it, OptionError for an option that there is not
 */
export async function analyze(source: string, options: SourceOptions = {}): Promise<Analysis> {
  checkNames(options, sourceNames);
  return front.analyze(source, options);
}

/**
 * All that is wrong with a program, in every one of its models.
 * @throws OptionError for an option that there is not
 */
export async function check(source: string, options: SourceOptions = {}): Promise<readonly Diagnostic[]> {
  checkNames(options, sourceNames);
  return front.check(source, options);
}

/**
 * What `compile` decides of a module, in half of its time: the stages as far as AssemblyScript, the
 * manifest and the report.
 * @throws DiagnosticError with every error found in it, OptionError for an option that there is
 * not, CompilerFault where the compiler itself is at fault
 */
export async function plan(source: string, options: CompileOptions = {}): Promise<Planned> {
  checkNames(options, compileNames);
  return middle.plan(source, options);
}

/**
 * Compiles one model of a program.
 * @throws DiagnosticError with every error found in it, OptionError for an option that there is
 * not, CompilerFault where the compiler itself is at fault
 */
export async function compile(source: string, options: CompileOptions = {}): Promise<Compiled> {
  checkNames(options, compileNames);
  return whole.compile(source, options);
}

/**
 * A program in the canonical layout. One with errors comes back as it was, with what is wrong.
 * @param file the name that diagnostics show
 * @throws OptionError where `file` is no name
 */
export function format(text: string, file = "model.nn"): { text: string; diagnostics: Diagnostic[] } {
  if (typeof file !== "string")
    throw new OptionError("`format` takes a text and the name of its file, no options.");
  return formatText(text, file);
}
