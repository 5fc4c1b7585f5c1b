/** Which kernels are one: those of one formula and one shape. */
import { shapeKey, sizeKey } from "../ir/key.ts";
import type { Affine } from "../ir/size.ts";
import type { Value } from "./kernel.ts";
import type { Shaped } from "./loops.ts";
import { affineKey, placelessKey } from "./value-key.ts";

/** Equal for kernels that differ in names alone, and in what arguments are. */
export function kernelKey(kernel: Shaped["kernel"]): string {
  const { loops, operands, values, stores } = kernel;
  const own =
    kernel.kind === "nest"
      ? `nest ${kernel.inner}`
      : `product ${kernel.left} ${kernel.right} ${sizeKey(kernel.depth)}`;
  let key = `${own} ${shapeKey(loops)};`;
  for (const { access, strides, type, lists } of operands) {
    key += `${access} ${type} ${affinesKey(strides)}`;
    key += lists === undefined ? ";" : ` over ${lists.map(shapeKey).join("|")};`;
  }
  for (const value of values) key += `${valueKey(value)};`;
  for (const { operand, value, row } of stores)
    key += `${operand} ${value}${row === undefined ? "" : ` at ${row}`};`;
  return key;
}

function affinesKey(affines: readonly Affine[]): string {
  let key = "";
  for (const affine of affines) key += `${affineKey(affine)},`;
  return key;
}

function valueKey(value: Value): string {
  switch (value.kind) {
    case "load":
      return `load ${value.operand}`;
    case "fetch":
      return `fetch ${value.operand} ${value.row}`;
    case "rank":
      return `rank ${value.operand} ${value.descending}`;
    case "index":
      return `index ${affineKey(value.start)} ${affinesKey(value.strides)}`;
    case "random":
      return `${value.distribution} ${value.site} ${affineKey(value.start)} ${affinesKey(value.strides)}`;
    default:
      return placelessKey(value);
  }
}
