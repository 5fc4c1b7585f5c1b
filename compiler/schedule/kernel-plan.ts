/** What is decided of each kernel for the kind of code that is made. */
import type { Kernel, Product } from "./kernel.ts";
import { levelsOf } from "./known.ts";
import { type NestPlan, planNest } from "./nest-plan.ts";
import { planTaps, type TapsPlan } from "./taps.ts";
import { type Target, type Tiling, tileProduct } from "./tiling.ts";

export interface ProductPlan {
  readonly kind: "product";
  readonly tiling: Tiling;
  /** Whether a vector along the rows may reach past the last. */
  readonly padded: boolean;
  /** Where none, one, two … of the loops are open: the values known there and not before. */
  readonly known: readonly (readonly number[])[];
}

export type KernelPlan = NestPlan | TapsPlan | ProductPlan;

/** @param padded whether vectors along its only loop or its rows may reach past the last entry */
export function planKernel(kernel: Kernel, target: Target, padded: boolean): KernelPlan {
  if (kernel.kind === "product") return planProduct(kernel, target, padded);
  const plan = planNest(kernel, target, padded);
  return planTaps(kernel, plan, target) ?? plan;
}

function planProduct(product: Product, target: Target, padded: boolean): ProductPlan {
  const levels = levelsOf(product);
  const known = Array.from({ length: product.loops.length + 1 }, (_, level) =>
    [...levels.keys()].filter((value) => levels[value] === level),
  );
  return { kind: "product", tiling: tileProduct(product, target), padded, known };
}
