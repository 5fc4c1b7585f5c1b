/**
 * Packing: the lines of a factor that tiles of a product read over the depth, copied side by side.
 * Where they lie, each step of depth is on another page of memory, and where the distance is a
 * power of two in the same few places of the cache.
 */
import { immediate } from "./address.ts";
import type { Extent } from "./extent.ts";
import { type FunctionWriter, Writer } from "./writer.ts";

/**
 * Lines of a factor as a tile reads them: the tile that begins at index `i` (in bytes) reads from
 * `base + (i - origin) * across` on, and `step` bytes further at each step of depth.
 */
export interface Lines {
  readonly base: string;
  readonly origin: string;
  readonly across: string;
  readonly step: string;
  /** Bytes between them; as they lie if it is left out, or an entry where they are packed. */
  readonly apart?: number;
  /** Whether they are, or the batch decides on it: base, across and step are then variables. */
  readonly mayBePacked: boolean;
}

export const lineAddress = ({ base, origin, across }: Lines, index: string): string => {
  const apart = origin === index ? "" : `(${index} - ${origin})`;
  if (apart === "") return base;
  return across === "1" ? `${base} + ${apart}` : `${base} + ${apart} * (${across})`;
};

/** What is copied, and where to. */
export interface Packing {
  readonly depth: Extent;
  /** The index behind the last tile. */
  readonly end: string;
  /** Of a tile, in bytes. */
  readonly width: number;
  /** Steps of depth between the lines of one tile and those of the next. */
  readonly gap: number;
  /** An address with room for the lines of all tiles. */
  readonly memory: string;
  /** The name of the function of `packSource` for that width. */
  readonly copier: string;
}

/**
 * Writes the copy of some neighboring tiles' lines, and returns where tiles read them: where they
 * are, should the batch decide on a depth that is not packed.
 * @param lines where they are, side by side
 */
export function pack(
  w: FunctionWriter,
  lines: Lines,
  { depth, end, width, gap, memory, copier }: Packing,
): Lines {
  const { entries, packedIf } = depth;
  const copy = (from: string, to: string): void => {
    const bytesOf = (steps: number): string =>
      packedIf === null ? String((Number(entries) + steps) * width) : `(${entries} + ${steps}) * ${width}`;
    const tile = `${bytesOf(0)}, ${bytesOf(gap)}`;
    w.line(`${copier}(${from}, ${to}, ${tile}, ${end} - ${lines.origin}, ${lines.step});`);
  };
  if (packedIf === null) {
    copy(lines.base, memory);
    const across = String(Number(entries) + gap);
    return { base: memory, origin: lines.origin, across, step: String(width), mayBePacked: true };
  }
  const base = w.usize("packed", lines.base, "let");
  const across = w.usize("across", lines.across, "let");
  const step = w.usize("stride", lines.step, "let");
  w.scope(`if (${packedIf})`, () => {
    const to = w.usize("to", memory);
    copy(base, to);
    w.line(`${base} = ${to};`);
    w.line(`${across} = ${entries} + ${gap};`);
    w.line(`${step} = ${width};`);
  });
  return { base, origin: lines.origin, across, step, mayBePacked: true };
}

/** The function that packs lines of tiles of so many bytes. */
export function packSource(name: string, width: number): string {
  const w = new Writer();
  w.line(
    `/// Lines of tiles of ${width} bytes from where they lie to where they follow each other: \`breadth\` bytes at each`,
  );
  w.line(
    `/// step of depth, \`step\` bytes further on; those of a tile take \`wide\` bytes, and begin \`pitch\` behind those before`,
  );
  w.block(
    `function ${name}(from: usize, to: usize, wide: usize, pitch: usize, breadth: usize, step: usize): void`,
    () => {
      // A step of depth at a time, since what a tile leaves of a cache line is the next one's.
      w.block(`for (const end = to + wide; to < end; to += ${width})`, () => {
        w.line("let place = to;");
        w.block(`for (let at = from, stop = from + breadth; at < stop; at += ${width})`, () => {
          copyBytes(w, "at", "place", width);
          w.line("place += pitch;");
        });
        w.line("from += step;");
      });
    },
  );
  return w.toString();
}

/** By sixteen, eight and four bytes. @param fromOffset constant bytes beyond `from`, and so on */
export function copyBytes(
  w: Writer,
  from: string,
  to: string,
  bytes: number,
  fromOffset = 0,
  toOffset = 0,
): void {
  let at = 0;
  const [source, target] = [(): string => immediate(fromOffset + at), (): string => immediate(toOffset + at)];
  for (; bytes - at >= 16; at += 16) w.line(`v128.store(${to}, v128.load(${from}${source()})${target()});`);
  for (const [size, type] of [
    [8, "u64"],
    [4, "u32"],
  ] as const) {
    for (; bytes - at >= size; at += size)
      w.line(`store<${type}>(${to}, load<${type}>(${from}${source()})${target()});`);
  }
}
