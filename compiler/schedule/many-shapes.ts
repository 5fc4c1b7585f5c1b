/**
 * Kernels for many shapes. Each shape of a formula has code of its own, with its sizes written in
 * it; a network of 250 different layers would be a thousand such functions, 17 KB and 200 ms of
 * asc for each layer. Where a formula comes in many shapes, those with the most to compute keep
 * their own code, and the others share one function that is told sizes and strides by its calls.
 * Shapes share where their sums are added in one order, so no bit of a result depends on it.
 */
import { USUAL_ROWS } from "../ir/size.ts";
import { rowsOf } from "./any-size.ts";
import { generalized, type Replacement, replaced } from "./arguments.ts";
import { flopsOf } from "./cost.ts";
import type { Kernel, KernelCall } from "./kernel.ts";
import { kernelKey } from "./kernel-key.ts";
import { planKernel } from "./kernel-plan.ts";
import type { Shaped } from "./loops.ts";
import type { Target } from "./tiling.ts";

export interface ShapeLimits {
  /** Shapes of one formula up to which each has code of its own. */
  readonly most: number;
  /** Where there are more: how many have, those with the most to compute. */
  readonly own: number;
}

export const SHAPES: ShapeLimits = { most: 16, own: 8 };
/** Smaller sizes are none that tiles and vectors are chosen for, and stay in the code. */
const LEAST_SIZE = 8;

type Body = Shaped["kernel"];

/** A shape that a program computes. */
export interface ShapedKernel {
  readonly kernel: Body;
  /** Equal for equal kernels. */
  readonly key: string;
  /** What it takes for the free dimension, in each call after the first values are there. */
  readonly calls: readonly Pick<KernelCall, "rows">[];
}

/** The kernel that a shape is computed by, and what its calls pass to it. */
export interface Generalized {
  readonly kernel: Body;
  readonly key: string;
  readonly sizes: readonly number[];
}

interface Member extends ShapedKernel {
  readonly form: Body;
  readonly sizes: readonly number[];
}

/** By the keys of those shapes that share a kernel: that kernel. */
export function manyShapes(
  shapes: Iterable<ShapedKernel>,
  target: Target,
  { most, own }: ShapeLimits,
): Map<string, Generalized> {
  const shared = new Map<string, Generalized>();
  const members = Array.from(shapes, (shape): Member => ({
    ...shape,
    ...generalized(shape.kernel, LEAST_SIZE),
  }));
  for (const alike of groups(members, ({ form }) => kernelKey(form))) {
    if (alike.length <= most) continue;
    for (const group of groups(alike, ({ kernel }) => orderOf(kernel, target))) {
      if (group.length <= most) continue;
      const costs = new Map(group.map((member) => [member, costOf(member)]));
      const byCost = group.toSorted((a, b) => costs.get(b)! - costs.get(a)!);
      for (const [key, kernel] of oneFor(byCost.slice(own), target)) shared.set(key, kernel);
    }
  }
  return shared;
}

/** Those of one key together; without those that have none. */
function groups<T>(all: readonly T[], keyOf: (one: T) => string | null): T[][] {
  const byKey = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    if (key === null) continue;
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, [one]);
    else group.push(one);
  }
  return [...byKey.values()];
}

/**
 * Equal for kernels that add up their sums in one order; null where the sizes themselves are
 * written out.
 */
function orderOf(kernel: Body, target: Target): string | null {
  if (kernel.operands.some(({ lists }) => lists !== undefined)) return null;
  if (kernel.values.some(({ kind }) => kind === "rank")) return null;
  const plan = planKernel(named(kernel), target, false);
  if (plan.kind !== "product") {
    // Taps are summed in the order that they have one by one.
    const { lanes, passes } = plan.kind === "taps" ? plan.nest : plan;
    return JSON.stringify([
      lanes?.loop,
      passes.map((pass) => [pass.reductions, pass.accumulators, pass.marks, pass.span]),
    ]);
  }
  const { form, span, packs } = plan.tiling;
  return form === "unrolled" || packs.turned !== null ? null : JSON.stringify([form, span]);
}

/** Plans and costs are of kernels with names, which they do not look at. */
const named = (kernel: Body): Kernel => ({ ...kernel, name: "", formula: "" });

/** Floating-point operations of a step, in a usual batch. */
const costOf = ({ kernel, calls }: ShapedKernel): number =>
  calls.reduce((sum, call) => sum + flopsOf(named(kernel), rowsOf(call, USUAL_ROWS)), 0);

/**
 * One kernel for all of some shapes of one form, the largest first: what is the same in all of them
 * is written in it, and what always goes together is one argument. None, should it add up otherwise
 * than they do.
 */
function oneFor(members: readonly Member[], target: Target): [string, Generalized][] {
  const [largest] = members as [Member, ...Member[]];
  const places = new Map<string, number>();
  const by = largest.sizes.map((value, place): Replacement => {
    const all = members.map(({ sizes }) => sizes[place]!);
    if (all.every((size) => size === value)) return { value };
    const key = all.join();
    if (!places.has(key)) places.set(key, places.size);
    return { value, argument: places.get(key)! };
  });
  const kernel = { ...replaced(largest.form, by), arguments: places.size };
  if (orderOf(kernel, target) !== orderOf(largest.kernel, target)) return [];
  const key = `${kernelKey(kernel)} of ${largest.key}`;
  return members.map((member) => {
    const sizes: number[] = [];
    for (const [place, { argument }] of by.entries())
      if (argument !== undefined) sizes[argument] = member.sizes[place]!;
    return [member.key, { kernel, key, sizes }];
  });
}
