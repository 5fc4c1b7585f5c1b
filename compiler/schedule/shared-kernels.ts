/**
 * Which calls are of one kernel: all that have one formula and one shape; where there are several
 * shapes, one formula, if the kernel is one for any size, or if there are many shapes.
 */
import type { Size } from "../ir/size.ts";
import { formulaOf } from "./formula.ts";
import { kernelKey } from "./kernel-key.ts";
import type { Entry, EntryName, Kernel, KernelCall, KernelProgram, Repeat } from "./kernel.ts";
import type { Shaped } from "./loops.ts";
import { manyShapes, type ShapedKernel, type ShapeLimits } from "./many-shapes.ts";
import { Unique } from "./names.ts";
import type { Target } from "./tiling.ts";

interface Keyed {
  readonly kernel: Shaped["kernel"];
  /** Equal for calls of one kernel. */
  readonly key: string;
}

/** Kernels by their keys: one object for all that are equal. */
export class KernelKeys {
  readonly #known = new Map<string, Keyed>();

  of(kernel: Shaped["kernel"]): Keyed {
    const key = kernelKey(kernel);
    const keyed = this.#known.get(key) ?? { kernel, key };
    this.#known.set(keyed.key, keyed);
    return keyed;
  }
}

/** A kernel call while it is not known yet which kernels are one. */
export interface PlannedCall {
  readonly shaped: Omit<Shaped, "kernel">;
  readonly own: Keyed;
  /** The kernel for any size of its loop, and the size that this call has. */
  readonly anySize: (Keyed & { readonly rows: Size }) | null;
  readonly name: string;
}

export interface PlannedEntry {
  readonly name: EntryName;
  readonly calls: readonly PlannedCall[];
  readonly loops: readonly Repeat[];
}

export function shareKernels(
  planned: readonly PlannedEntry[],
  target: Target,
  limits: ShapeLimits,
): Pick<KernelProgram, "kernels" | "entries"> {
  const sizes = new Map<string, Set<string>>();
  for (const { own, anySize } of planned.flatMap((entry) => entry.calls)) {
    if (anySize === null) continue;
    const known = sizes.get(anySize.key) ?? new Set();
    sizes.set(anySize.key, known.add(own.key));
  }
  const chosen = ({ own, anySize }: PlannedCall): Keyed =>
    anySize !== null && sizes.get(anySize.key)!.size > 1 ? anySize : own;
  const shared = manyShapes(shapesOf(planned, chosen), target, limits);
  const names = new Unique();
  const kernels: Kernel[] = [];
  const byKey = new Map<string, number>();
  const entries = planned.map(({ name: entry, calls, loops }): Entry => {
    const made = calls.map((call): KernelCall => {
      const { shaped, anySize, name } = call;
      const mine = chosen(call);
      const many = shared.get(mine.key);
      const { kernel: body, key } = many ?? mine;
      let kernel = byKey.get(key);
      if (kernel === undefined) {
        kernel = kernels.length;
        kernels.push({ ...body, name: names.take(name), formula: formulaOf(body, shaped.labels) });
        byKey.set(key, kernel);
      }
      const { addresses, site } = shaped;
      return {
        kernel,
        addresses,
        ...(site === 0 ? {} : { site }),
        ...(mine === anySize ? { rows: anySize.rows } : {}),
        ...(many === undefined ? {} : { sizes: many.sizes }),
      };
    });
    return { name: entry, calls: made, loops };
  });
  return { kernels, entries };
}

/** The kernels that are called, each once, with what its calls in a step take for the batch. */
function shapesOf(
  planned: readonly PlannedEntry[],
  chosen: (call: PlannedCall) => Keyed,
): Iterable<ShapedKernel> {
  const shapes = new Map<string, ShapedKernel & { calls: Pick<KernelCall, "rows">[] }>();
  for (const { name, calls } of planned) {
    for (const call of calls) {
      const { kernel, key } = chosen(call);
      const shape = shapes.get(key) ?? { kernel, key, calls: [] };
      shapes.set(key, shape);
      // What is done once, as a program starts, is no reason to have code of its own.
      if (name === "initialize") continue;
      shape.calls.push(call.anySize === null || call.anySize.key !== key ? {} : { rows: call.anySize.rows });
    }
  }
  return shapes.values();
}
