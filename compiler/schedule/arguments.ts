/**
 * Kernels whose sizes and strides are arguments of their calls (see `many-shapes.ts`), and what
 * they are in one call.
 */
import {
  affine,
  type Affine,
  argumentOf,
  argumentOfStride,
  argumentSize,
  argumentStride,
  constantOf,
  countOf,
  fixed,
  isKnown,
  type Size,
} from "../ir/size.ts";
import type { Kernel, KernelCall, KernelProgram, Value } from "./kernel.ts";
import type { Shaped } from "./loops.ts";

type Body = Shaped["kernel"];

/** The kernel with other sizes of loops and other strides, always gone through in one order. */
function withSizes<K extends Body>(kernel: K, size: (of: Size) => Size, stride: (of: Affine) => Affine): K {
  const values = kernel.values.map((value): Value =>
    value.kind === "index" || value.kind === "random"
      ? { ...value, strides: value.strides.map(stride) }
      : value.kind === "row"
        ? { ...value, rows: size(value.rows), stride: stride(value.stride) }
        : value,
  );
  return {
    ...kernel,
    loops: kernel.loops.map(size),
    operands: kernel.operands.map((operand) => ({ ...operand, strides: operand.strides.map(stride) })),
    values,
    ...(kernel.kind === "product" ? { depth: size(kernel.depth) } : {}),
  };
}

/**
 * The kernel with an argument for each size of at least `least` and for each stride that is
 * neither 0 nor 1, and what these are.
 */
export function generalized<K extends Body>(
  kernel: K,
  least: number,
): { readonly form: K; readonly sizes: readonly number[] } {
  const sizes: number[] = [];
  const form = withSizes(
    kernel,
    (size) =>
      isKnown(size) && countOf(size) >= least
        ? argumentSize(countOf(size), sizes.push(countOf(size)) - 1)
        : size,
    (stride) => {
      const constant = constantOf(stride);
      return constant === null || constant < 2 ? stride : argumentStride(constant, sizes.push(constant) - 1);
    },
  );
  return { form, sizes };
}

/** What stands for an argument: a number, or another argument, of which the number is one value. */
export interface Replacement {
  readonly value: number;
  readonly argument?: number;
}

/** The kernel with its arguments replaced, each by what is beside its number. */
export function replaced<K extends Body>(form: K, by: readonly Replacement[]): K {
  return withSizes(
    form,
    (size) => {
      const place = argumentOf(size);
      if (place === null) return size;
      const { value, argument } = by[place]!;
      return argument === undefined ? fixed(value) : argumentSize(value, argument);
    },
    (stride) => {
      const place = argumentOfStride(stride);
      if (place === null) return stride;
      const { value, argument } = by[place]!;
      return argument === undefined ? affine(value) : argumentStride(value, argument);
    },
  );
}

/** The kernel of a call, with the sizes that this call has. */
export function kernelOf({ kernels }: Pick<KernelProgram, "kernels">, { kernel, sizes }: KernelCall): Kernel {
  const called = kernels[kernel]!;
  if (sizes === undefined) return called;
  const { arguments: _, ...form } = called;
  return replaced(
    form,
    sizes.map((value) => ({ value })),
  );
}
