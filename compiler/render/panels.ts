/**
 * Columns of a right factor that are copied side by side some tiles at a time, for all rows of a
 * product. In the room, tile lies behind tile, and in each a step of depth behind the other.
 */
import { ends, type Range } from "./cover.ts";
import type { Lines } from "./packing.ts";
import type { FunctionWriter } from "./writer.ts";

export interface Panels {
  /** Steps, as an expression, and how many there are at most. */
  readonly depth: string;
  readonly deepest: number;
  readonly columns: Range;
  /** Of an entry. */
  readonly bytes: number;
  /** Columns behind the last whole tile of all. */
  readonly rest: number;
  /** Of tiles, the widest first, each for the columns that the one before leaves. */
  readonly widths: readonly number[];
  /** So many of the widest are copied at once. */
  readonly tiles: number;
  /** An address with room for so many bytes. */
  readonly room: (bytes: number) => string;
  /** Writes the copy of whole tiles. */
  readonly copyTiles: (w: FunctionWriter, run: Run) => void;
  /** The same of the columns that fill no tile, which lie as those of one do. */
  readonly copyRest: (w: FunctionWriter, run: Run) => void;
}

/** Some columns, between two indices in bytes, and where they are copied to. */
export interface Run {
  readonly from: string;
  readonly end: string;
  readonly memory: string;
}

/** Columns that are copied. */
export interface Panel {
  readonly from: string;
  readonly end: string;
  readonly widths: readonly number[];
  readonly lines: Lines;
}

/** Copies some columns, and does with them what `body` writes; then the next ones. */
export function eachPanel(w: FunctionWriter, panels: Panels, body: (panel: Panel) => void): void {
  const { columns, rest, widths, tiles, depth, deepest, bytes, copyTiles, copyRest } = panels;
  const [widest, ...narrower] = widths as [number, ...number[]];
  const width = widest * bytes;
  const { from, end, total } = ends(columns);
  const whole =
    total !== null
      ? String(Math.floor(total / width) * width)
      : rest === 0
        ? end
        : w.usize("whole", `${from} + (${end} - ${from}) / ${width} * ${width}`);
  const memory = panels.room(deepest * tiles * width);
  const lines = { base: memory, step: String(width), mayBePacked: true };
  const panel = w.fresh("panel");
  const step = tiles * width;
  w.scope(`for (let ${panel}: usize = ${from}; ${panel} < ${whole}; ${panel} += ${step})`, () => {
    const stop = w.usize("panelEnd", `min<usize>(${panel} + ${step}, ${whole})`);
    w.scope("", () => copyTiles(w, { from: panel, end: stop, memory }));
    body({ from: panel, end: stop, widths: [widest], lines: { ...lines, origin: panel, across: depth } });
  });
  if (rest === 0) return;
  w.scope(total === null ? `if (${whole} < ${end})` : "", () => {
    w.scope("", () => copyRest(w, { from: whole, end, memory }));
    body({ from: whole, end, widths: narrower, lines: { ...lines, origin: whole, across: "1" } });
  });
}
