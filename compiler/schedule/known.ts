/** Where the values of a kernel are known: as many of its loops are open there as they depend on. */
import { isZero, type Affine } from "../ir/size.ts";
import type { Kernel, Nest } from "./kernel.ts";

/** How many loops must be open for all strides that are not zero to count. */
export const innermost = (strides: readonly Affine[]): number =>
  strides.findLastIndex((stride) => !isZero(stride)) + 1;

/** Beside the values: how many loops must be open for each to be known. */
export function levelsOf(kernel: Kernel): number[] {
  const levels: number[] = [];
  for (const value of kernel.values) {
    switch (value.kind) {
      case "load":
        levels.push(innermost(kernel.operands[value.operand]!.strides));
        break;
      case "index":
      case "random":
        levels.push(innermost(value.strides));
        break;
      case "constant":
      case "extent":
        levels.push(0);
        break;
      case "apply":
        levels.push(Math.max(0, ...value.arguments.map((a) => levels[a]!)));
        break;
      case "reduce":
        levels.push(kernel.kind === "nest" ? keptLoops(kernel) : kernel.loops.length);
        break;
      case "product":
        levels.push(kernel.loops.length);
        break;
      default:
        value satisfies never;
    }
  }
  return levels;
}

/** How many loops of a nest no reduction runs over: the outer ones. */
export const keptLoops = ({ loops, inner }: Pick<Nest, "loops" | "inner">): number => loops.length - inner;
