/**
 * Turning: columns of a right factor that lie along the depth, copied so that each step of depth
 * has them side by side.
 */
import { immediate } from "./address.ts";
import type { Lines } from "./packing.ts";
import type { Run } from "./panels.ts";
import type { FunctionWriter } from "./writer.ts";

/** Entries of f32 in a vector, and their bytes. */
const LANES = 4;
const BYTES = 4;

export interface Turning {
  /** At least a vector. */
  readonly depth: number;
  /** From a column to the next, in entries. */
  readonly across: number;
  /** Columns behind the last whole tile of all. */
  readonly rest: number;
  /** Of tiles, the widest first, each for the columns that the one before leaves. */
  readonly widths: readonly number[];
  /** Where the columns are from an index on. */
  readonly linesFrom: (index: string) => Lines;
}

/** Whole tiles, four steps of depth of four columns at a time. */
export function turnTiles(
  w: FunctionWriter,
  { depth, across, widths, linesFrom }: Turning,
  { from, end, memory }: Run,
): void {
  const columns = widths[0]!;
  const source = w.usize("source", linesFrom(from).base, "let");
  const to = w.usize("to", memory, "let");
  const last = w.usize("last", `${to} + (${end} - ${from}) * ${depth}`);
  w.block(`for (; ${to} < ${last}; ${to} += ${depth * columns * BYTES})`, () => {
    const [first, step] = [w.fresh("first"), w.fresh("step")];
    const [tile, vector] = [columns * BYTES, LANES * BYTES];
    w.block(`for (let ${first}: usize = 0; ${first} < ${tile}; ${first} += ${vector})`, () => {
      w.block(`for (let ${step}: usize = 0; ${step} < ${depth * BYTES}; ${step} += ${vector})`, () => {
        // Where the depth is no multiple of four, its last four steps overlap those before.
        const final = (depth - LANES) * BYTES;
        const at = depth % LANES === 0 ? step : w.usize("at", `min<usize>(${step}, ${final})`);
        const begin = w.usize("columnsAt", `${source} + ${first} * ${across} + ${at}`);
        const place = w.usize("place", `${to} + ${at} * ${columns} + ${first}`);
        const square = Array.from({ length: LANES }, (_, k) =>
          w.vector("column", `v128.load(${begin}${immediate(k * across * BYTES)})`),
        );
        for (const [k, row] of transposed(w, square).entries())
          w.line(`v128.store(${place}, ${row}${immediate(k * tile)});`);
      });
    });
    w.line(`${source} += ${tile * across};`);
  });
}

/** Four vectors of four, so that the first has the first entry of each. */
function transposed(w: FunctionWriter, rows: readonly string[]): string[] {
  const [a, b, c, d] = rows as [string, string, string, string];
  const mix = (left: string, right: string, lanes: string): string =>
    w.vector("turned", `i32x4.shuffle(${left}, ${right}, ${lanes})`);
  const [FIRST, LAST] = ["0, 4, 1, 5", "2, 6, 3, 7"];
  return [FIRST, LAST].flatMap((lanes) => {
    const [ab, cd] = [mix(a, b, lanes), mix(c, d, lanes)];
    return [mix(ab, cd, "0, 1, 4, 5"), mix(ab, cd, "2, 3, 6, 7")];
  });
}

/** The columns that fill no tile, entry by entry. */
export function turnRest(
  w: FunctionWriter,
  { depth, across, rest, widths, linesFrom }: Turning,
  { from, memory }: Run,
): void {
  const column = w.fresh("column");
  w.block(`for (let ${column}: usize = 0; ${column} < ${rest * BYTES}; ${column} += ${BYTES})`, () => {
    const source = w.usize("source", `${linesFrom(from).base} + ${column} * ${across}`, "let");
    const to = w.usize("to", `${memory} + ${column}`, "let");
    const last = w.usize("last", `${source} + ${depth * BYTES}`);
    w.block(`for (; ${source} < ${last}; ${source} += ${BYTES})`, () => {
      w.line(`store<u32>(${to}, load<u32>(${source}));`);
      w.line(`${to} += ${widths[0]! * BYTES};`);
    });
  });
}
