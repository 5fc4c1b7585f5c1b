/** Which values of a kernel are one. */
import { numberKey, sizeKey } from "../ir/key.ts";
import { type Affine, argumentOfStride, byTerms, movesOf } from "../ir/size.ts";
import type { Value } from "./kernel.ts";

/** A value that is the same wherever its operands lie. */
type Placeless = Exclude<Value, { kind: "load" | "fetch" | "rank" | "index" | "random" }>;

export function affineKey(a: Affine): string {
  const argument = argumentOfStride(a);
  if (argument !== null) return `?${argument}`;
  const still = byTerms(a, (constant, perRow) => `${constant}+${perRow}N`);
  return movesOf(a).reduce((text, { loop, by }) => `${text}+@${loop.id}(${affineKey(by)})`, still);
}

/** Equal text for equal values. */
export function placelessKey(value: Placeless): string {
  switch (value.kind) {
    case "constant":
      return `${value.type} ${numberKey(value.value)}`;
    case "extent":
      return `extent ${sizeKey(value.size)}`;
    case "row":
      return `row ${value.of} of ${sizeKey(value.rows)} by ${affineKey(value.stride)}`;
    case "running":
      return `running ${value.op} ${value.value} by ${value.by}`;
    case "reduce":
      return `${value.op} over ${value.value}`;
    case "product":
      return "product";
    case "apply":
      return `${value.type} ${value.op}(${value.arguments.join()})`;
    default:
      return value satisfies never;
  }
}
