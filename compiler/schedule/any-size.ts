/**
 * Kernels for any number of entries. A nest of one loop that runs through its operands entry by
 * entry does the same for a tensor of any size, so it takes the number as its rows: one function
 * updates all parameters, another fills all states with zeros.
 */
import { affine, type Affine, constantOf, free, ONE, type Size, sizeAt } from "../ir/size.ts";
import type { KernelCall } from "./kernel.ts";
import type { Shaped } from "./loops.ts";

/**
 * The kernel with its one loop made free, and the loop's size for the call; `null` where the kernel
 * is bound to its size.
 * @param isNumber whether an operand is a single number whatever the size, such as a learning rate
 */
export function forAnySize(
  kernel: Shaped["kernel"],
  isNumber: (operand: number) => boolean,
): { readonly kernel: Shaped["kernel"]; readonly rows: Size } | null {
  if (kernel.kind === "product" || kernel.loops.length > 1) return null;
  // Rows of a table are as long as they are.
  if (kernel.values.some(({ kind }) => kind === "row")) return null;
  // A kernel without loops is one of a single entry.
  const rows = kernel.loops[0] ?? ONE;
  const stepped = (strides: readonly Affine[], stride: number): Affine[] => [strides[0] ?? affine(stride)];
  const operands = kernel.operands.map((operand, i) => ({
    ...operand,
    strides: stepped(operand.strides, isNumber(i) ? 0 : 1),
  }));
  const values = kernel.values.map((value) =>
    value.kind === "index" || value.kind === "random"
      ? { ...value, strides: stepped(value.strides, value.kind === "random" ? 1 : 0) }
      : value,
  );
  // Rows of another meaning would change strides and numbers that depend on the batch.
  const bound =
    operands.some(({ strides }) => constantOf(strides[0]!) === null) ||
    values.some(
      (value) =>
        value.kind === "extent" ||
        ((value.kind === "index" || value.kind === "random") &&
          [value.start, value.strides[0]!].some((a) => constantOf(a) === null)),
    );
  return bound ? null : { kernel: { ...kernel, operands, values, loops: [free()] }, rows };
}

/** What the kernel of a call takes for its free dimension, in a batch of so many rows. */
export const rowsOf = ({ rows }: Pick<KernelCall, "rows">, batch: number): number =>
  rows === undefined ? batch : sizeAt(rows, batch);
