/** Rows of a product by the heights of its tiles, and in blocks. */
import { countOf, isKnown } from "../ir/size.ts";
import type { Tile } from "../schedule/tiling.ts";
import { type Ends, ends, type Range } from "./cover.ts";
import type { FunctionWriter } from "./writer.ts";

/**
 * Writes each height of tile with the rows that the taller ones leave; its code stands between
 * braces where there are several.
 * @param unit bytes of the index for each row
 */
export function eachHeight(
  w: FunctionWriter,
  tiles: readonly Tile[],
  range: Range,
  unit: number,
  inside: (tile: Tile, rows: Ends) => void,
): void {
  const apart = (head: string, tile: Tile, rows: Ends): void => {
    if (tiles.length === 1) inside(tile, rows);
    else w.scope(head, () => inside(tile, rows));
  };
  if ("size" in range && isKnown(range.size)) {
    let from = 0;
    for (const tile of tiles) {
      const end = from + Math.floor((countOf(range.size) - from) / tile.rows) * tile.rows;
      apart("", tile, { from: String(from * unit), end: String(end * unit) });
      from = end;
    }
    return;
  }
  const whole = ends(range);
  const end = isFormula(whole.end) ? w.usize("end", whole.end) : whole.end;
  let from = isFormula(whole.from) ? w.usize("start", whole.from) : whole.from;
  for (const tile of tiles) {
    const start = from;
    const height = tile.rows * unit;
    const fitting =
      start === "0"
        ? `${end} / ${height} * ${height}`
        : `${start} + (${end} - ${start}) / ${height} * ${height}`;
    from = tile === tiles.at(-1) ? end : w.usize("until", fitting);
    apart(`if (${start} < ${from})`, tile, { from: start, end: from });
  }
}

/** Writes blocks of rows. @param size bytes of the index of a block */
export function eachBlock(w: FunctionWriter, range: Ends, size: string, inside: (rows: Ends) => void): void {
  const from = w.fresh("block");
  w.block(`for (let ${from}: usize = ${range.from}; ${from} < ${range.end}; ${from} += ${size})`, () =>
    inside({ from, end: w.usize("blockEnd", `min<usize>(${from} + ${size}, ${range.end})`) }),
  );
}

/** Whether an expression is more than a name or a number. */
const isFormula = (text: string): boolean => /\W/.test(text);
