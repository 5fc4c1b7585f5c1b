/**
 * Packing: the lines of a factor that tiles of a product read over the depth, copied side by side.
 * Where they lie, each step of depth is on another page of memory, and where the distance is a
 * power of two in the same few places of the cache.
 */
import { countOf, isKnown, type Size } from "../ir/size.ts";
import { sizeText } from "./affine.ts";
import { immediate } from "./address.ts";
import type { FunctionWriter, Writer } from "./writer.ts";

/**
 * Lines of a factor as a tile reads them: the tile that begins at index `i` (in bytes) reads from
 * `base + (i - origin) * across` on, and `step` bytes further at each step of depth.
 */
export interface Lines {
  readonly base: string;
  readonly origin: string;
  readonly across: string;
  readonly step: string;
  /** Whether they are, or the batch decides on it: base, across and step are then variables. */
  readonly mayBePacked: boolean;
}

export const lineAddress = ({ base, origin, across }: Lines, index: string): string => {
  const apart = origin === index ? "" : `(${index} - ${origin})`;
  if (apart === "") return base;
  return across === "1" ? `${base} + ${apart}` : `${base} + ${apart} * (${across})`;
};

/** Of which depths lines are packed, where the batch decides on the depth. */
export interface Packable {
  readonly shallowest: number;
  readonly deepest: number;
}

/** A condition, as text. */
export const isPackable = (depth: Size, { shallowest, deepest }: Packable): string => {
  const size = sizeText(depth, 1);
  return `${size} >= ${shallowest} && ${size} <= ${deepest}`;
};

/** What is copied, and where to. */
export interface Packing {
  readonly depth: Size;
  /** The index behind the last tile. */
  readonly end: string;
  /** Of a tile, in bytes. */
  readonly width: number;
  /** An address with room for the lines of all tiles. */
  readonly memory: string;
  readonly packable: Packable;
}

/**
 * Writes the copy of some neighboring tiles' lines, and returns where tiles read them: where they
 * are, should the batch decide on a depth that is not packed.
 * @param lines where they are, side by side
 */
export function pack(
  w: FunctionWriter,
  lines: Lines,
  { depth, end, width, memory, packable }: Packing,
): Lines {
  const size = sizeText(depth, 1);
  const copy = (): void => {
    // A step of depth at a time, since what a tile leaves of a cache line is the next one's.
    const [row, place, last] = [w.fresh("row"), w.fresh("place"), w.fresh("last")];
    const [from, to] = [w.fresh("source"), w.fresh("to")];
    const stop = w.fresh("stop");
    const wide = isKnown(depth) ? String(countOf(depth) * width) : `${size} * ${width}`;
    w.line(`let ${row}: usize = ${lines.base};`);
    w.line(`let ${place}: usize = ${memory};`);
    w.line(`const ${last} = ${place} + ${wide};`);
    w.block(`for (; ${place} < ${last}; ${place} += ${width})`, () => {
      w.line(`let ${to} = ${place};`);
      w.block(
        `for (let ${from} = ${row}, ${stop} = ${row} + (${end} - ${lines.origin}); ${from} < ${stop}; ${from} += ${width})`,
        () => {
          copyBytes(w, from, to, width);
          w.line(`${to} += ${wide};`);
        },
      );
      w.line(`${row} += ${lines.step};`);
    });
  };
  if (isKnown(depth)) {
    w.scope("", copy);
    return { base: memory, origin: lines.origin, across: size, step: String(width), mayBePacked: true };
  }
  const base = w.usize("packed", lines.base, "let");
  const across = w.usize("across", lines.across, "let");
  const step = w.usize("stride", lines.step, "let");
  w.scope(`if (${isPackable(depth, packable)})`, () => {
    copy();
    w.line(`${base} = ${memory};`);
    w.line(`${across} = ${size};`);
    w.line(`${step} = ${width};`);
  });
  return { base, origin: lines.origin, across, step, mayBePacked: true };
}

/** By sixteen, eight and four bytes. */
function copyBytes(w: Writer, from: string, to: string, bytes: number): void {
  let at = 0;
  for (; bytes - at >= 16; at += 16) {
    w.line(`v128.store(${to}, v128.load(${from}${immediate(at)})${immediate(at)});`);
  }
  for (const [size, type] of [
    [8, "u64"],
    [4, "u32"],
  ] as const) {
    for (; bytes - at >= size; at += size)
      w.line(`store<${type}>(${to}, load<${type}>(${from}${immediate(at)})${immediate(at)});`);
  }
}
