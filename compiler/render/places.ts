/**
 * The places of the entries of a row in their order, by a radix sort: the entries' bits, as integers
 * in the same order, are put in order by their lowest byte, then by the next one, and so on. Each turn
 * keeps the order of the one before where bytes are equal, so equal entries keep theirs.
 */
import type { Format } from "./format.ts";

/** Of the counts of a byte's values, 32 bits each. */
const COUNTS = 256 * 4;

/** Bytes of so many keys, each with its entry's number, from one vector's place to another's. */
const keysBytes = (count: number, { bytes }: Format): number => Math.ceil((count * 2 * bytes) / 16) * 16;

/** What a row of so many entries takes: its keys twice, and counts. */
export const placesBytes = (count: number, format: Format): number => 2 * keysBytes(count, format) + COUNTS;

export const placesName = ({ vector }: Format): string => `places_${vector}`;

/** The function that sorts. Equal numbers have equal keys, +0 and -0 too; NaN has the largest. */
export function placesSource(format: Format): string {
  const { dtype, bytes } = format;
  const word = dtype === "f32" ? "u32" : "u64";
  const signed = dtype === "f32" ? "i32" : "i64";
  const [bits, size, shift] = [bytes * 8, 2 * bytes, dtype === "f32" ? 3 : 4];
  const [load, store] = dtype === "f32" ? ["load<u64>", "store<u64>"] : ["v128.load", "v128.store"];
  return `/// Where each of \`count\` numbers, \`step\` bytes apart, comes in their order, as numbers side by side, and the address of
/// the first; \`room\` is where they are sorted
function ${placesName(format)}(from: usize, step: usize, count: usize, room: usize, descending: bool): usize {
  const size = count << ${shift};
  const other = room + ((size + 15) & ~15);
  const counts = other + ((size + 15) & ~15);
  const flip: ${word} = descending ? ~0 : 0;
  for (let i: usize = 0, to = room; i < count; i++) {
    const x = load<${dtype}>(from);
    const bits = reinterpret<${word}>(x + 0);
    const key = x == x ? bits ^ (<${word}>(<${signed}>bits >> ${bits - 1}) | (<${word}>1 << ${bits - 1})) : ~0;
    store<${word}>(to, key ^ flip);
    store<${word}>(to, <${word}>i, ${bytes});
    from += step;
    to += ${size};
  }
  let keys = room;
  let sorted = other;
  for (let shift: ${word} = 0; shift < ${bits}; shift += 8) {
    for (let at = counts, end = counts + ${COUNTS}; at < end; at += 16) v128.store(at, i32x4.splat(0));
    for (let at = keys, end = keys + size; at < end; at += ${size}) {
      const counted = counts + <usize>((load<${word}>(at) >> shift) & 255) * 4;
      store<u32>(counted, load<u32>(counted) + ${size});
    }
    for (let at = counts, before: u32 = 0, end = counts + ${COUNTS}; at < end; at += 4) {
      const here = load<u32>(at);
      store<u32>(at, before);
      before += here;
    }
    for (let at = keys, end = keys + size; at < end; at += ${size}) {
      const next = counts + <usize>((load<${word}>(at) >> shift) & 255) * 4;
      const to = load<u32>(next);
      store<u32>(next, to + ${size});
      ${store}(sorted + <usize>to, ${load}(at));
    }
    const swapped = keys;
    keys = sorted;
    sorted = swapped;
  }
  // After an even number of turns they are where they began.
  for (let i: usize = 0, at = room; i < count; i++) {
    store<${dtype}>(other + <usize>load<${word}>(at, ${bytes}) * ${bytes}, <${dtype}>i);
    at += ${size};
  }
  return other;
}
`;
}
