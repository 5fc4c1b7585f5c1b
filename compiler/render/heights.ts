/** Rows of a product by the heights of its tiles. */
import { countOf, isFree, type Size } from "../ir/size.ts";
import type { Tile } from "../schedule/tiling.ts";
import { sizeText } from "./affine.ts";
import type { FunctionWriter } from "./writer.ts";
import { shareOf } from "./workers.ts";

export interface Rows {
  readonly rows: Size;
  /** Tallest first. */
  readonly tiles: readonly Tile[];
  /** Whether workers divide the rows among them. */
  readonly isShared: boolean;
  /** Of an entry. */
  readonly bytes: number;
}

/**
 * Each height of tile takes the rows that the taller ones leave.
 * @param body writes what is done with the rows of a range, in bytes
 */
export function eachHeight(
  w: FunctionWriter,
  { rows, tiles, isShared, bytes }: Rows,
  body: (tile: Tile, range: { from: string; end: string }) => void,
): void {
  /** Code for one height stands between braces where there are several. */
  const apart = (head: string, inside: () => void): void => {
    if (tiles.length === 1) inside();
    else w.scope(head, inside);
  };
  if (!isFree(rows) && !isShared) {
    let from = 0;
    for (const tile of tiles) {
      const end = from + Math.floor((countOf(rows) - from) / tile.rows) * tile.rows;
      const range = { from: String(from * bytes), end: String(end * bytes) };
      apart("", () => body(tile, range));
      from = end;
    }
    return;
  }
  const share = shareOf(sizeText(rows, bytes), tiles[0]!.rows * bytes);
  const end = w.usize("end", isShared ? share.end : sizeText(rows, bytes));
  let from = isShared ? w.usize("start", share.from) : "0";
  for (const tile of tiles) {
    const start = from;
    const height = tile.rows * bytes;
    const whole =
      start === "0"
        ? `${end} / ${height} * ${height}`
        : `${start} + (${end} - ${start}) / ${height} * ${height}`;
    const until = tile.rows === 1 ? end : w.usize("until", whole);
    apart(`if (${start} < ${until})`, () => body(tile, { from: start, end: until }));
    from = until;
  }
}
