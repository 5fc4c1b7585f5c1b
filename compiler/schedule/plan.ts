/**
 * What is decided for the kind of code that is made: how products are tiled, and how workers share
 * the whole.
 */
import type { Program } from "./kernel.ts";
import { paddedKernels } from "./padding.ts";
import { shareOut, type Sharing } from "./share.ts";
import { SPAN } from "./spans.ts";
import { type Target, type Tiling, tileProduct } from "./tiling.ts";

export interface Plan {
  readonly target: Target;
  /** Beside the kernels; null for those that are no products. */
  readonly tilings: readonly (Tiling | null)[];
  /** Beside the kernels: whether a vector may reach past the last entry. */
  readonly padded: readonly boolean[];
  /**
   * How many additions of a reduction may follow each other; null for any number. Of products it is
   * their tilings'.
   */
  readonly span: number | null;
  readonly sharing: Sharing;
}

export function planKernels(program: Program, target: Target): Plan {
  const tilings = program.kernels.map((kernel) =>
    kernel.kind === "product" ? tileProduct(kernel, target) : null,
  );
  return {
    target,
    tilings,
    padded: paddedKernels(program),
    span: target.bytes === 4 ? SPAN : null,
    sharing: shareOut(program, tilings, target.bytes),
  };
}
