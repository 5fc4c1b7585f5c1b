/** What copies of factors of lists are written with (see `gather-rows.ts` and `gather-columns.ts`). */
import { constantOf, known } from "../ir/size.ts";
import { type Loop, loopsAlong, type Product } from "../schedule/kernel.ts";
import { sizeText } from "./affine.ts";
import type { FunctionWriter } from "./writer.ts";

/** The loops of a factor: of its rows or columns, and of its depth. */
export function factorLoops(
  product: Product,
  side: "left" | "right",
): { readonly lines: readonly Loop[]; readonly depth: readonly Loop[] } {
  const operand = product.operands[product[side]]!;
  const { length } = product.loops;
  return {
    lines: loopsAlong(product, operand, side === "left" ? length - 2 : length - 1),
    depth: loopsAlong(product, operand, length),
  };
}

/** Some of the depth, as expressions: where it begins, and how far it goes, in bytes of the index. */
export interface Deep {
  readonly from: string;
  readonly bytes: string;
}

/** The same in steps besides. */
export interface Stretch extends Deep {
  readonly entries: string;
}

/** Steps of an index in bytes. */
export const inSteps = (index: string, bytes: number): string =>
  index === "0" ? "0" : `${index} / ${bytes}`;

/** Loops in one another, whose variables are as they were behind each but the outermost. */
export function eachOf<L extends Loop>(
  w: FunctionWriter,
  loops: readonly L[],
  steps: (loop: L) => { readonly move: () => void; readonly back: () => void },
  body: () => void,
  isOutermost = true,
): void {
  const [loop, ...inner] = loops;
  if (loop === undefined) return body();
  const n = w.fresh("n");
  w.scope(`for (let ${n}: usize = 0; ${n} < ${sizeText(loop.size, 1)}; ${n}++)`, () => {
    eachOf(w, inner, steps, body, false);
    steps(loop).move();
  });
  if (!isOutermost) steps(loop).back();
}

/** Where each step of some loops is, in entries; null where that is not known, or before the first. */
export function offsetsOf(loops: readonly Loop[]): number[] | null {
  let offsets = [0];
  for (const { size, stride } of loops) {
    const [count, by] = [known(size), constantOf(stride)];
    if (count === null || by === null || by < 0) return null;
    offsets = offsets.flatMap((offset) => Array.from({ length: count }, (_, i) => offset + i * by));
  }
  return offsets;
}
