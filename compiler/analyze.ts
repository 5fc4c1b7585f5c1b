/**
 * The front of the compiler: a program is read, checked and differentiated. The verifier runs
 * between the passes.
 */
import { DiagnosticError, type Diagnostic } from "../grammar/diagnostic.ts";
import { printTree } from "../grammar/print-tree.ts";
import { elaborateModel } from "./elaborate/elaborate.ts";
import { MAX_MODELS } from "./elaborate/limits.ts";
import { beside, inOrder } from "./elaborate/order.ts";
import { loadProgram } from "./elaborate/load.ts";
import { outline, type Outline } from "./elaborate/outline.ts";
import { CompilerFault } from "./fault.ts";
import type { Model } from "./graph/model.ts";
import { verify } from "./graph/verify.ts";
import { hash } from "./hash.ts";
import { showNumber } from "./ir/notation.ts";
import type { Analysis, CompileOptions, SourceOptions } from "./options.ts";
import { differentiateInBlocks } from "./passes/differentiate.ts";
import { fissionInBlocks } from "./passes/fission.ts";
import { runPasses } from "./passes/pipeline.ts";
import { probed } from "./passes/probe.ts";

type AnalyzeOptions = SourceOptions & Pick<CompileOptions, "probe">;

/**
 * Reads and differentiates a program.
 * @throws DiagnosticError with every error found in it
 */
export async function analyze(source: string, options: AnalyzeOptions = {}): Promise<Analysis> {
  const loaded = await load(source, options);
  const { program } = loaded.outline;
  const formulas = analyzeModel(loaded, options);
  const settings = JSON.stringify(formulas.elaborated.settings);
  return {
    ...formulas,
    ast: () => printTree(program.main.declarations),
    sourceHash: hash([source, ...program.imports.map((i) => i.text), settings]),
  };
}

/** A program read whole, and what was said of its syntax and its imports. */
interface Loaded {
  readonly outline: Outline;
  readonly diagnostics: readonly Diagnostic[];
}

/** @throws DiagnosticError where a file of the program is in error */
async function load(source: string, options: SourceOptions): Promise<Loaded> {
  const file = options.file ?? "model.nn";
  const { program, diagnostics } = await loadProgram(source, file, options.readImport);
  const named = outline(program);
  if (hasErrors(diagnostics)) {
    const names = beside(program, diagnostics, named.diagnostics);
    throw new DiagnosticError(inOrder(program, [...diagnostics, ...names]));
  }
  return { outline: named, diagnostics };
}

/** @throws DiagnosticError with every error found outside of models and in this one */
function analyzeModel(
  { outline, diagnostics: loading }: Loaded,
  options: AnalyzeOptions,
): Omit<Analysis, "ast" | "sourceHash"> {
  const { model, diagnostics: elaborating } = elaborateModel(outline, {
    settings: settingTexts(options.settings ?? {}),
    ...(options.model === undefined ? {} : { model: options.model }),
  });
  const found = [...loading, ...elaborating];
  if (hasErrors(found)) throw new DiagnosticError(inOrder(outline.program, found));
  if (model === null) throw new CompilerFault("no model and no error");
  verify(model, "elaborate");

  const formulas = runPasses(model, "stabilize", "advise");
  const joint = runPasses(formulas, "differentiate", "simplify");
  const diagnostics = inOrder(outline.program, [...found, ...joint.warnings]);
  if (hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  const isProbed = options.probe === true;
  const probes = isProbed ? runPasses(probed(model), "differentiate", "simplify") : null;
  return { elaborated: model, formulas, joint, probed: probes, diagnostics };
}

/**
 * The same formulas, and gradients in which no step of time waits for another (`accumulate.ts`), nor is
 * all of a long loop kept (`blocks.ts`): for less memory, not for speed.
 */
export function inSteps(analysis: Analysis): Analysis {
  const again = (model: Model): Model =>
    runPasses(model, "differentiate", "simplify", {
      differentiate: differentiateInBlocks,
      fission: fissionInBlocks,
    });
  const { formulas, probed: probes, elaborated } = analysis;
  return { ...analysis, joint: again(formulas), probed: probes === null ? null : again(probed(elaborated)) };
}

/**
 * Every diagnostic of a program, imports that do not resolve first and the rest in the order of
 * lines; empty for one that is in order. Without `options.model` all models of the file are
 * checked, and a file with definitions alone need not have one.
 */
export async function check(source: string, options: SourceOptions = {}): Promise<readonly Diagnostic[]> {
  let loaded: Loaded;
  try {
    loaded = await load(source, options);
  } catch (error) {
    return diagnosticsOf(error);
  }
  const { declarations } = loaded.outline.program.main;
  const models = declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []));
  if (options.model !== undefined || models.length === 1) return diagnose(loaded, options);
  if (models.length === 0) {
    const found = diagnose(loaded, options);
    return declarations.length === 0 ? found : found.filter((d) => d.code !== "no-model");
  }
  if (models.length > MAX_MODELS) return [...loaded.diagnostics, ...loaded.outline.diagnostics];
  // What is wrong outside of the models is found with each of them.
  const found = new Map<string, Diagnostic>();
  for (const model of new Set(models)) {
    for (const d of diagnose(loaded, { ...options, model })) found.set(JSON.stringify(d), d);
  }
  return inOrder(loaded.outline.program, [...found.values()]);
}

function diagnose(loaded: Loaded, options: SourceOptions): readonly Diagnostic[] {
  try {
    return analyzeModel(loaded, options).diagnostics;
  } catch (error) {
    return diagnosticsOf(error);
  }
}

/** @throws what is no error of the program */
function diagnosticsOf(error: unknown): readonly Diagnostic[] {
  if (error instanceof DiagnosticError) return error.diagnostics;
  throw error;
}

const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some((d) => d.severity === "error");

const settingTexts = (
  settings: Readonly<Record<string, string | number | boolean>>,
): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, settingText(value)]));

/** A setting as an expression of the language, in which `inf - inf` is how NaN is written. */
const settingText = (value: string | number | boolean): string =>
  typeof value !== "number" ? String(value) : Number.isNaN(value) ? "inf - inf" : showNumber(value);
