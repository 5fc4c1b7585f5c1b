/**
 * The compiler, top to bottom. Each stage is a pure function from the one before; the verifier runs
 * between the passes.
 */
import { DiagnosticError, type Diagnostic } from "../grammar/diagnostic.ts";
import { printTree } from "../grammar/print-tree.ts";
import type { Manifest } from "../runtime/manifest.ts";
import { assemble, type Assembled, warmUp } from "./assemble/assemble.ts";
import { elaborateModel } from "./elaborate/elaborate.ts";
import { MAX_MODELS } from "./elaborate/limits.ts";
import { beside, inOrder } from "./elaborate/order.ts";
import { loadProgram } from "./elaborate/load.ts";
import { outline, type Outline } from "./elaborate/outline.ts";
import { declarationsText, fileName, moduleText, threadsText } from "./emit/module.ts";
import { buildManifest, manifestText } from "./emit/manifest.ts";
import { CompilerFault } from "./fault.ts";
import { showNumber } from "./ir/notation.ts";
import { USUAL_ROWS } from "./ir/size.ts";
import type { Model } from "./graph/model.ts";
import { printModel } from "./graph/print.ts";
import { verify } from "./graph/verify.ts";
import {
  type Analysis,
  type Compiled,
  type CompileOptions,
  type Planned,
  type SourceOptions,
  type Stages,
} from "./options.ts";
import { runPasses } from "./passes/pipeline.ts";
import { graft, probed } from "./passes/probe.ts";
import { formatOf } from "./render/format.ts";
import { render } from "./render/render.ts";
import { buildReport } from "./report/report.ts";
import type { KernelProgram } from "./schedule/kernel.ts";
import { refuseUnaddressable } from "./schedule/memory.ts";
import { type Plan, planKernels } from "./schedule/plan.ts";
import { printProgram } from "./schedule/print.ts";
import { schedule } from "./schedule/schedule.ts";
import { verifyProgram } from "./schedule/verify-program.ts";
import { version } from "./version.ts";

type Simd = NonNullable<CompileOptions["simd"]>;
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
 * Decides all of a module but its bytes, which asc makes: for whoever wants to see what was decided.
 * @throws DiagnosticError with every error found in it, CompilerFault where the compiler itself is
 * at fault
 */
export async function plan(source: string, options: CompileOptions = {}): Promise<Planned> {
  return planOf(await kernelsOf(source, options));
}

/** A program as kernels, and how each kind of module has them. */
interface Kernels extends Pick<Planned, "analysis"> {
  readonly program: KernelProgram;
  readonly simd: Simd;
  /** What the report is for. */
  readonly rows: number;
  readonly module: (simd: Simd) => Module;
}

/** A module before asc makes it. */
interface Module {
  readonly plan: Plan;
  readonly assembly: string;
  readonly manifest: Manifest;
}

async function kernelsOf(source: string, options: CompileOptions): Promise<Kernels> {
  const dtype = options.dtype ?? "f32";
  const analysis = await analyze(source, options);
  const { joint, sourceHash } = analysis;

  const format = formatOf(dtype);
  const elementBytes = format.bytes;
  const rows = options.memory?.rows ?? options.reportRows ?? USUAL_ROWS;
  const memory = options.memory === undefined ? undefined : { bytes: options.memory.bytes, rows };
  const lowered = (model: Model): Model => runPasses(model, "lower", "simplify-lowered");
  const model = analysis.probed === null ? lowered(joint) : graft(lowered(joint), lowered(analysis.probed));
  const program: KernelProgram = schedule(model, {
    elementBytes,
    ...(memory === undefined ? {} : { memory }),
  });
  verifyProgram(program, elementBytes);
  refuseUnaddressable(program.arena);
  // All that decides what the files are. A relaxed module and the strict one beside it are of one
  // compilation.
  const probes = analysis.probed === null ? null : model.roots.probes;
  const kind = [dtype, JSON.stringify(memory ?? null), ...(probes === null ? [] : ["probe"])];
  const build = hash([sourceHash, joint.name, version, ...kind]);
  const module = (simd: Simd): Module => {
    const plan = planKernels(program, { ...format, fused: simd === "relaxed" });
    const { any, workers, pays } = plan.sharing;
    const threads = any ? { most: workers, rows: pays } : null;
    return {
      plan,
      assembly: render(program, plan, { dtype, simd, model: joint.name }),
      manifest: buildManifest(joint, program, { dtype, simd, threads, probes, sourceHash, build }),
    };
  };
  return { analysis, program, simd: options.simd ?? "strict", rows, module };
}

function planOf(kernels: Kernels, module = kernels.module(kernels.simd)): Planned {
  const { analysis, program, rows } = kernels;
  return {
    manifest: module.manifest,
    diagnostics: analysis.diagnostics,
    stages: lazily(printers(kernels, module)),
    report: buildReport(analysis.joint, program, module.plan, rows),
    analysis,
  };
}

const printers = ({ analysis, program }: Kernels, { assembly }: Module) => ({
  ast: analysis.ast,
  ir: () => printModel(analysis.formulas),
  grad: () => printModel(analysis.probed ?? analysis.joint),
  kernels: () => printProgram(program),
  as: () => assembly,
});

/**
 * Compiles one model of a program.
 * @throws DiagnosticError with every error found in it, CompilerFault where the compiler itself is
 * at fault
 */
export async function compile(source: string, options: CompileOptions = {}): Promise<Compiled> {
  // asc takes as long to load as all the rest to run.
  warmUp();
  const kernels = await kernelsOf(source, options);
  const { simd } = kernels;
  const module = kernels.module(simd);
  const planned = planOf(kernels, module);
  const { manifest } = planned;
  const { wasm, wat } = await assembled(module, simd, options.wat);
  const fallback =
    simd === "relaxed" && options.fallback !== false
      ? (await assembled(kernels.module("strict"), "strict")).wasm
      : null;

  const { joint } = planned.analysis;
  const name = fileName(joint.name);
  return {
    ...planned,
    name,
    wasm,
    fallback,
    js: moduleText(name, manifest),
    threads: threadsText(manifest),
    dts: declarationsText(manifest, joint.doc),
    stages: lazily<Stages>({ ...printers(kernels, module), wat: () => wat }),
  };
}

const assembled = ({ assembly, manifest }: Module, simd: Simd, wat = false): Promise<Assembled> =>
  assemble(assembly, { manifest: manifestText(manifest), simd, wat });

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

/** Printing a stage costs time that most callers do not want to spend. */
function lazily<T>(makers: { readonly [K in keyof T]: () => T[K] }): T {
  const made = {};
  for (const [name, make] of Object.entries<() => T[keyof T]>(makers)) {
    let value: T[keyof T] | undefined;
    Object.defineProperty(made, name, { enumerable: true, get: () => (value ??= make()) });
  }
  // Every name has just been defined.
  return made as T;
}

/** FNV-1a, 64 bits, in hexadecimal: tells sources apart; it is no protection against malice. */
function hash(parts: readonly string[]): string {
  let h = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(parts.join("\0"))) {
    h = BigInt.asUintN(64, (h ^ BigInt(byte)) * 0x100000001b3n);
  }
  return h.toString(16).padStart(16, "0");
}
