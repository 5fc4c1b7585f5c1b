/**
 * What is decided for the kind of code that is made: how each kernel is computed, and how workers
 * share the whole. It is numbers and names alone, and all that a renderer has to know beside the
 * program.
 */
import type { KernelProgram } from "./kernel.ts";
import { type KernelPlan, planKernel } from "./kernel-plan.ts";
import { paddedKernels } from "./padding.ts";
import { shareOut, type Sharing } from "./share.ts";
import type { Target } from "./tiling.ts";

export interface Plan {
  readonly target: Target;
  /** Beside the program's kernels. */
  readonly kernels: readonly KernelPlan[];
  readonly sharing: Sharing;
}

export function planKernels(program: KernelProgram, target: Target): Plan {
  const padded = paddedKernels(program);
  const kernels = program.kernels.map((kernel, i) => planKernel(kernel, target, padded[i]!));
  return { target, kernels, sharing: shareOut(program, kernels, target.bytes) };
}
