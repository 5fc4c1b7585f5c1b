/** Strips of a factor's lines, one tile high or wide, one after the other. */
import { cover, type Range } from "./cover.ts";
import type { Lines } from "./packing.ts";
import type { FunctionWriter } from "./writer.ts";

/** The lines of a factor that one tile reads. */
export interface Strip {
  readonly lines: Lines;
  /** Where these are, if they may be packed. */
  readonly at: string | null;
}

interface Strips {
  /** The name of the index along the rows or the columns. */
  readonly index: string;
  readonly range: Range;
  /** From one tile to the next, in bytes of the index. */
  readonly step: number;
  readonly lines: Lines;
  /** What the address of packed lines is called. */
  readonly at: string;
}

/**
 * Calls `body` for each strip. Of packed lines the address is known: it is only added to from tile
 * to tile, not multiplied for each.
 */
export function eachStrip(
  writer: FunctionWriter,
  { index, range, step, lines, at: name }: Strips,
  body: (strip: Strip) => void,
): void {
  if (!lines.mayBePacked) return cover(writer, index, range, [step], () => body({ lines, at: null }));
  const at = writer.fresh(name);
  const apart = writer.usize("apart", `${lines.across} * ${step}`);
  writer.line(`let ${at}: usize = ${lines.base};`);
  cover(writer, index, range, [step], () => {
    body({ lines, at });
    writer.line(`${at} += ${apart};`);
  });
}
