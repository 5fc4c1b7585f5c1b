/**
 * The middle of the compiler: what was analyzed becomes kernels, and the text of a module. Whoever
 * wants to see what was decided needs nothing of asc.
 */
import type { Manifest } from "../runtime/manifest.ts";
import { DiagnosticError } from "../grammar/diagnostic.ts";
import { analyze, inSteps } from "./analyze.ts";
import { buildManifest } from "./emit/manifest.ts";
import { USUAL_ROWS } from "./ir/size.ts";
import type { Model } from "./graph/model.ts";
import { printModel } from "./graph/print.ts";
import { hash } from "./hash.ts";
import type { Analysis, CompileOptions, Planned } from "./options.ts";
import { runPasses } from "./passes/pipeline.ts";
import { graft } from "./passes/probe.ts";
import { formatOf } from "./render/format.ts";
import { render } from "./render/render.ts";
import { buildReport } from "./report/report.ts";
import type { KernelProgram } from "./schedule/kernel.ts";
import { refuseUnaddressable } from "./schedule/memory.ts";
import { MemoryTooSmall } from "./schedule/recompute.ts";
import { type Plan, planKernels } from "./schedule/plan.ts";
import { printProgram } from "./schedule/print.ts";
import { schedule } from "./schedule/schedule.ts";
import { verifyProgram } from "./schedule/verify-program.ts";
import { version } from "./version.ts";

type Simd = NonNullable<CompileOptions["simd"]>;

/**
 * Decides all of a module but its bytes, which asc makes: for whoever wants to see what was decided.
 * @throws DiagnosticError with every error found in it, CompilerFault where the compiler itself is
 * at fault
 */
export async function plan(source: string, options: CompileOptions = {}): Promise<Planned> {
  return planOf(await kernelsOf(source, options));
}

/** A program as kernels, and how each kind of module has them. */
export interface Kernels extends Pick<Planned, "analysis"> {
  readonly program: KernelProgram;
  readonly simd: Simd;
  /** What the report is for. */
  readonly rows: number;
  readonly module: (simd: Simd) => Module;
}

/** A module before asc makes it. */
export interface Module {
  readonly plan: Plan;
  /** Its AssemblyScript, written when it is first asked for: a report needs none. */
  readonly assembly: () => string;
  readonly manifest: Manifest;
}

/** Everything but the choice of SIMD. */
export async function kernelsOf(source: string, options: CompileOptions): Promise<Kernels> {
  const dtype = options.dtype ?? "f32";
  let analysis = await analyze(source, options);
  const format = formatOf(dtype);
  const elementBytes = format.bytes;
  const rows = options.memory?.rows ?? options.reportRows ?? USUAL_ROWS;
  const memory = options.memory === undefined ? undefined : { bytes: options.memory.bytes, rows };
  const lowered = (model: Model): Model => runPasses(model, "lower", "simplify-lowered");
  const scheduled = (
    { joint, probed }: Analysis,
    isLimited = true,
  ): { model: Model; program: KernelProgram } => {
    const model = probed === null ? lowered(joint) : graft(lowered(joint), lowered(probed));
    const given = memory === undefined || !isLimited ? {} : { memory };
    return { model, program: schedule(model, { elementBytes, ...given }) };
  };
  let made: ReturnType<typeof scheduled>;
  try {
    made = scheduled(analysis);
  } catch (error) {
    if (memory === undefined || !(error instanceof DiagnosticError)) throw error;
    const whole = analysis;
    analysis = inSteps(whole);
    try {
      made = scheduled(analysis);
    } catch (other) {
      // Blocks may take more than the whole, as where derivatives go through derivatives.
      throw error instanceof MemoryTooSmall && other instanceof MemoryTooSmall ? error.or(other) : other;
    }
    if (hasLoops(made.program))
      made = { ...made, program: { ...made.program, unblocked: scheduled(whole, false).program } };
  }
  const { model, program } = made;
  const { joint, sourceHash } = analysis;
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
    let text: string | undefined;
    return {
      plan,
      assembly: () => (text ??= render(program, plan, { dtype, simd, model: joint.name })),
      manifest: buildManifest(joint, program, { dtype, simd, threads, probes, sourceHash, build }),
    };
  };
  return { analysis, program, simd: options.simd ?? "strict", rows, module };
}

const hasLoops = ({ entries }: KernelProgram): boolean => entries.some(({ loops }) => loops.length > 0);

export function planOf(kernels: Kernels, module = kernels.module(kernels.simd)): Planned {
  const { analysis, program, rows } = kernels;
  return {
    manifest: module.manifest,
    diagnostics: analysis.diagnostics,
    stages: lazily(printers(kernels, module)),
    report: buildReport(analysis.joint, program, module.plan, rows),
    analysis,
  };
}

/** Every stage that needs no asc. */
export const printers = ({ analysis, program }: Kernels, { assembly }: Module) => ({
  ast: analysis.ast,
  ir: () => printModel(analysis.formulas),
  grad: () => printModel(analysis.probed ?? analysis.joint),
  kernels: () => printProgram(program),
  as: assembly,
});

/** Printing a stage costs time that most callers do not want to spend. */
export function lazily<T>(makers: { readonly [K in keyof T]: () => T[K] }): T {
  const made = {};
  for (const [name, make] of Object.entries<() => T[keyof T]>(makers)) {
    let value: T[keyof T] | undefined;
    Object.defineProperty(made, name, { enumerable: true, get: () => (value ??= make()) });
  }
  // Every name has just been defined.
  return made as T;
}
