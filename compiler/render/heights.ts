/** Rows of a product by the heights of its tiles. */
import { countOf, isKnown, type Size } from "../ir/size.ts";
import type { Tile } from "../schedule/tiling.ts";
import { sizeText } from "./affine.ts";
import type { FunctionWriter } from "./writer.ts";
import type { Share } from "./workers.ts";

export interface Rows {
  readonly rows: Size;
  /** Tallest first. */
  readonly tiles: readonly Tile[];
  /** This worker's, where they divide the rows among them. */
  readonly share: Share | null;
  /** Of an entry. */
  readonly bytes: number;
}

/**
 * Each height of tile takes the rows that the taller ones leave.
 * @param body writes what is done with the rows of a range, in bytes
 */
export function eachHeight(
  w: FunctionWriter,
  { rows, tiles, share, bytes }: Rows,
  body: (tile: Tile, range: { from: string; end: string }) => void,
): void {
  /** Code for one height stands between braces where there are several. */
  const apart = (head: string, inside: () => void): void => {
    if (tiles.length === 1) inside();
    else w.scope(head, inside);
  };
  if (isKnown(rows) && share === null) {
    let from = 0;
    for (const tile of tiles) {
      const end = from + Math.floor((countOf(rows) - from) / tile.rows) * tile.rows;
      const range = { from: String(from * bytes), end: String(end * bytes) };
      apart("", () => body(tile, range));
      from = end;
    }
    return;
  }
  const end = w.usize("end", share?.end ?? sizeText(rows, bytes));
  let from = share ? w.usize("start", share.from) : "0";
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
