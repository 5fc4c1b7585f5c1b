/**
 * Which calls are of one kernel: all that have one formula and one shape; where there are several
 * shapes, one formula.
 */
import type { Size } from "../ir/size.ts";
import { formulaOf } from "./formula.ts";
import { kernelKey } from "./kernel-key.ts";
import type { Entry, EntryName, Kernel, KernelCall, KernelProgram } from "./kernel.ts";
import type { Shaped } from "./loops.ts";
import { Unique } from "./names.ts";

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
}

export function shareKernels(planned: readonly PlannedEntry[]): Pick<KernelProgram, "kernels" | "entries"> {
  const sizes = new Map<string, Set<string>>();
  for (const { own, anySize } of planned.flatMap((entry) => entry.calls)) {
    if (anySize === null) continue;
    const known = sizes.get(anySize.key) ?? new Set();
    sizes.set(anySize.key, known.add(own.key));
  }
  const names = new Unique();
  const kernels: Kernel[] = [];
  const byKey = new Map<string, number>();
  const entries = planned.map(({ name: entry, calls }): Entry => {
    const made = calls.map(({ shaped, own, anySize, name }): KernelCall => {
      const general = anySize !== null && sizes.get(anySize.key)!.size > 1 ? anySize : null;
      const { kernel: body, key } = general ?? own;
      let kernel = byKey.get(key);
      if (kernel === undefined) {
        kernel = kernels.length;
        kernels.push({ ...body, name: names.take(name), formula: formulaOf(body, shaped.labels) });
        byKey.set(key, kernel);
      }
      const { addresses, site } = shaped;
      const call = { kernel, addresses, ...(site === 0 ? {} : { site }) };
      return general === null ? call : { ...call, rows: general.rows };
    });
    return { name: entry, calls: made };
  });
  return { kernels, entries };
}
