/** Where the values of a kernel are known: as many of its loops are open there as they depend on. */
import { isZero, type Affine } from "../ir/size.ts";
import { type Kernel, madeOf, type Nest } from "./kernel.ts";

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
      case "row":
        levels.push(levels[value.of]!);
        break;
      case "fetch":
        levels.push(Math.max(levels[value.row]!, innermost(kernel.operands[value.operand]!.strides)));
        break;
      case "running":
      case "rank":
        levels.push(kernel.loops.length);
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

/** Beside the values: the loops along which each is another one. */
export function loopsOfValues(kernel: Kernel): ReadonlySet<number>[] {
  const all: ReadonlySet<number>[] = [];
  const along = (strides: readonly Affine[]): number[] =>
    strides.flatMap((stride, loop) => (isZero(stride) ? [] : [loop]));
  for (const value of kernel.values) {
    const own =
      value.kind === "load" || value.kind === "fetch" || value.kind === "rank"
        ? along(kernel.operands[value.operand]!.strides)
        : value.kind === "index" || value.kind === "random"
          ? along(value.strides)
          : value.kind === "product"
            ? [...kernel.loops.keys()]
            : value.kind === "running"
              ? [kernel.loops.length - 1]
              : [];
    const made = madeOf(value).flatMap((a) => [...all[a]!]);
    const kept = value.kind === "reduce" && kernel.kind === "nest" ? keptLoops(kernel) : Infinity;
    all.push(new Set([...own, ...made].filter((loop) => loop < kept)));
  }
  return all;
}
