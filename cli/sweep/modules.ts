/** The modules of a sweep: one for each combination of settings, compiled in the order of the grid. */
import type { Compiled } from "../../compiler/index.ts";
import { ModelError, UsageError } from "../failures.ts";
import { sourceOptions } from "../options.ts";
import { optimizingRarely } from "../one-module.ts";
import type { Output } from "../output.ts";
import { compileProgram, ProgramError, type OpenedProgram } from "../program.ts";
import { checkHyper, expectTrainable } from "../train/expect.ts";
import type { SweepArguments } from "./arguments.ts";
import type { Combination } from "./grid.ts";
import type { Failure } from "./run.ts";

/** Combinations that differ in arguments of the optimizer alone are of one module. */
export interface Variant {
  readonly index: number;
  readonly settings: Readonly<Record<string, string>>;
  /** By their places in the grid. */
  readonly combinations: readonly number[];
}

export function variantsOf(combinations: readonly Combination[]): readonly Variant[] {
  const found = new Map<string, number[]>();
  combinations.forEach(({ settings }, i) => {
    const key = JSON.stringify(settings);
    const known = found.get(key);
    if (known === undefined) found.set(key, [i]);
    else known.push(i);
  });
  return [...found.values()].map((of, index) => ({
    index,
    settings: combinations[of[0]!]!.settings,
    combinations: of,
  }));
}

/** A module, or why there is none. */
export type Made =
  | { readonly kind: "module"; readonly compiled: Compiled }
  | { readonly kind: "failed"; readonly failure: Failure; readonly error: Error };

/** Modules that are compiled at a time: the front end works on one while another is assembled. */
const AT_A_TIME = 2;

/**
 * Calls `made` with each variant's module, in order.
 * @param stopped whether no more are wanted
 * @throws ProgramError for a setting that the model does not have, and what `made` throws
 */
export async function compileVariants(
  program: OpenedProgram,
  variants: readonly Variant[],
  options: SweepArguments,
  output: Output,
  made: (variant: Variant, made: Made) => Promise<void>,
  stopped: () => boolean,
): Promise<void> {
  const begun: Promise<Made>[] = [];
  const begin = (): void => {
    const variant = variants[begun.length];
    if (variant === undefined || stopped()) return;
    const making = make(program, variant, options, output);
    // Its failure is that of the turn that it is awaited in.
    making.catch(() => {});
    begun.push(making);
  };
  const all = async (): Promise<void> => {
    for (let i = 0; i < AT_A_TIME; i++) begin();
    for (const [i, variant] of variants.entries()) {
      const making = begun[i];
      if (making === undefined) return;
      const result = await making;
      begin();
      await made(variant, result);
    }
  };
  await (variants.length > MANY ? all() : optimizingRarely(all));
}

/** Modules after which the assembler has earned its own optimization. */
const MANY = 12;

async function make(
  program: OpenedProgram,
  { settings }: Variant,
  options: SweepArguments,
  output: Output,
): Promise<Made> {
  const what = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  output.aside(`compiling ${program.path}${what.length === 0 ? "" : ` with ${what.join(", ")}`}`);
  const { dtype, simd } = options;
  try {
    const compiled = await compileProgram(
      program,
      { ...sourceOptions({ ...options, set: settings }), dtype, simd },
      output,
    );
    expectTrainable(compiled.manifest, program.path);
    return { kind: "module", compiled };
  } catch (error) {
    if (error instanceof ProgramError) {
      // The others have it neither.
      if (error.diagnostics.some(({ code }) => code === "setting-unknown")) throw error;
      const [first] = error.diagnostics.filter(({ severity }) => severity === "error");
      const failure = { code: first?.code ?? "error", message: first?.message ?? "it does not compile" };
      return { kind: "failed", failure, error };
    }
    if (error instanceof ModelError) {
      return { kind: "failed", failure: { code: error.code, message: error.message }, error };
    }
    throw error;
  }
}

/** Why a combination cannot be trained with its arguments of the optimizer; null where it can. */
export function hyperFailure({ manifest }: Compiled, hyper: Combination["hyper"]): UsageError | null {
  try {
    checkHyper(manifest, { opt: hyper });
    return null;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}
