/** Loops over a range in steps of several sizes: full vectors, then single elements. */
import { countOf, isKnown, type Size } from "../ir/size.ts";
import { sizeText } from "./affine.ts";
import type { FunctionWriter } from "./writer.ts";

/**
 * What an index runs over, in bytes: from 0 to a size, or between two expressions; from where it
 * is, if the first is the index itself.
 */
export type Range = { readonly size: Size; readonly unit: number } | Ends;
export interface Ends {
  readonly from: string;
  readonly end: string;
}

/** The ends of a range as expressions; `total` is its length where that is known. */
export const ends = (
  range: Range,
): { readonly from: string; readonly end: string; readonly total: number | null } =>
  "size" in range
    ? {
        from: "0",
        end: sizeText(range.size, range.unit),
        total: isKnown(range.size) ? countOf(range.size) * range.unit : null,
      }
    : { ...range, total: null };

/**
 * Writes loops that together cover a range, each taking as many of its steps as fit and leaving the
 * rest to the next one. Where a loop would run once, its body stands alone; where it would not run,
 * it is left out.
 * @param steps in bytes, falling; the last divides every range
 */
export function cover(
  writer: FunctionWriter,
  index: string,
  range: Range,
  steps: readonly number[],
  body: (step: number) => void,
): void {
  if ("size" in range && isKnown(range.size)) {
    const total = countOf(range.size) * range.unit;
    let from = 0;
    for (const step of new Set(steps)) {
      const until = from + Math.floor((total - from) / step) * step;
      if (until - from > step) {
        writer.scope(`for (let ${index}: usize = ${from}; ${index} < ${until}; ${index} += ${step})`, () =>
          body(step),
        );
      } else if (until > from) {
        writer.scope("", () => {
          writer.line(`const ${index}: usize = ${from};`);
          body(step);
        });
      }
      from = until;
    }
    return;
  }
  const { from, end } = ends(range);
  if (from !== index) writer.line(`let ${index}: usize = ${from};`);
  const distinct = [...new Set(steps)];
  for (const [i, step] of distinct.entries()) {
    const condition = i === distinct.length - 1 ? `${index} < ${end}` : `${index} + ${step} <= ${end}`;
    writer.scope(`for (; ${condition}; ${index} += ${step})`, () => body(step));
  }
}
