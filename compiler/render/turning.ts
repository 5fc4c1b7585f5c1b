/**
 * Turning: columns of a right factor that lie along the depth, copied so that each step of depth
 * has them side by side.
 */
import { immediate } from "./address.ts";
import { ends, type Range } from "./cover.ts";
import type { Lines } from "./packing.ts";
import type { FunctionWriter } from "./writer.ts";

/** Entries of f32 in a vector, and their bytes. */
const LANES = 4;
const BYTES = 4;

export interface Turning {
  /** At least a vector. */
  readonly depth: number;
  /** From a column to the next, in entries. */
  readonly across: number;
  readonly columns: Range;
  /** Columns behind the last whole tile of all. */
  readonly rest: number;
  /** Of tiles, the widest first, each for the columns that the one before leaves. */
  readonly widths: readonly number[];
  /** So many of the widest are turned at once. */
  readonly tiles: number;
  /** Where the columns are from an index on. */
  readonly linesFrom: (index: string) => Lines;
  /** An address with room for so many bytes. */
  readonly room: (bytes: number) => string;
}

/** Columns that are turned, between two indices in bytes. */
export interface Panel {
  readonly from: string;
  readonly end: string;
  readonly widths: readonly number[];
  readonly lines: Lines;
}

/**
 * Turns some columns, and does with them what `body` writes; then the next ones. In the room, tile
 * lies behind tile, and in each a step of depth behind the other.
 */
export function eachTurned(w: FunctionWriter, turning: Turning, body: (panel: Panel) => void): void {
  const { columns, rest, widths, tiles, depth } = turning;
  const [widest, ...narrower] = widths as [number, ...number[]];
  const width = widest * BYTES;
  const { from, end, total } = ends(columns);
  const whole =
    total !== null
      ? String(Math.floor(total / width) * width)
      : rest === 0
        ? end
        : w.usize("whole", `${from} + (${end} - ${from}) / ${width} * ${width}`);
  const memory = turning.room(depth * tiles * width);
  const lines = { base: memory, step: String(width), mayBePacked: true };
  const panel = w.fresh("panel");
  const step = tiles * width;
  w.scope(`for (let ${panel}: usize = ${from}; ${panel} < ${whole}; ${panel} += ${step})`, () => {
    const stop = w.usize("panelEnd", `min<usize>(${panel} + ${step}, ${whole})`);
    w.scope("", () => turnTiles(w, turning, { from: panel, end: stop, memory }));
    const across = String(depth);
    body({ from: panel, end: stop, widths: [widest], lines: { ...lines, origin: panel, across } });
  });
  if (rest === 0) return;
  w.scope(total === null ? `if (${whole} < ${end})` : "", () => {
    w.scope("", () => turnRest(w, turning, { from: whole, memory }));
    body({ from: whole, end, widths: narrower, lines: { ...lines, origin: whole, across: "1" } });
  });
}

/** Whole tiles, four steps of depth of four columns at a time. */
function turnTiles(
  w: FunctionWriter,
  { depth, across, widths, linesFrom }: Turning,
  { from, end, memory }: { readonly from: string; readonly end: string; readonly memory: string },
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
function turnRest(
  w: FunctionWriter,
  { depth, across, rest, widths, linesFrom }: Turning,
  { from, memory }: { readonly from: string; readonly memory: string },
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
