/** Columns of a right factor as tiles read them: turned, or gathered, over all of the depth or a stretch of it. */
import { constantOf, countOf } from "../ir/size.ts";
import type { Product } from "../schedule/kernel.ts";
import type { Tiling } from "../schedule/tiling.ts";
import type { Range } from "./cover.ts";
import { ColumnGather } from "./gather-columns.ts";
import type { Stretch } from "./gather.ts";
import type { Lines } from "./packing.ts";
import { eachPanel, type Panel, type Panels } from "./panels.ts";
import { turnRest, turnTiles, type Turning } from "./turning.ts";
import type { KernelTools } from "./values.ts";

/** Which columns, and of how many tiles at a time. */
interface Some {
  readonly tiles: number;
  readonly columns: Range;
}

export class ColumnCopies {
  readonly #product: Product;
  readonly #tools: KernelTools;
  readonly #tiling: Tiling;
  readonly #gather: ColumnGather;
  readonly #room: (bytes: number) => string;

  /** @param room the address of memory of this worker's own for the copies, for so many bytes */
  constructor(
    product: Product,
    tools: KernelTools,
    { tiling, room }: { readonly tiling: Tiling; readonly room: (bytes: number) => string },
  ) {
    this.#product = product;
    this.#tools = tools;
    this.#tiling = tiling;
    this.#gather = new ColumnGather(product, tools);
    this.#room = room;
  }

  /** @param inside writes what is done with a panel, here and below */
  turned(
    { linesFrom, ...some }: Some & { readonly linesFrom: (from: string) => Lines },
    inside: (panel: Panel) => void,
  ): void {
    const panels = this.#whole(some);
    const { strides } = this.#product.operands[this.#product.right]!;
    const across = constantOf(strides[this.#product.loops.length - 1]!)!;
    const turning: Turning = { ...panels, depth: panels.deepest, across, linesFrom };
    this.#each(
      {
        ...panels,
        copyTiles: (w, run) => turnTiles(w, turning, run),
        copyRest: (w, run) => turnRest(w, turning, run),
      },
      inside,
    );
  }

  /** @param base the address of the factor */
  gathered({ base, ...some }: Some & { readonly base: string }, inside: (panel: Panel) => void): void {
    const panels = this.#whole(some);
    const [width] = panels.widths as [number];
    this.#each(
      {
        ...panels,
        copyTiles: (_, run) => this.#gather.tiles(base, width, run),
        copyRest: (_, run) => this.#gather.rest(base, width, run),
      },
      inside,
    );
  }

  /** Over a stretch of the depth. */
  strip(
    { base, deep, ...some }: Some & { readonly base: string; readonly deep: Stretch },
    inside: (panel: Panel) => void,
  ): void {
    const deepest = this.#tiling.stretches?.entries ?? countOf(this.#product.depth);
    const panels = { ...this.#whole(some), depth: deep.entries, deepest };
    const [width] = panels.widths as [number];
    this.#each(
      {
        ...panels,
        copyTiles: (_, run) => this.#gather.tilesOf(base, width, deep, run),
        copyRest: (_, run) => this.#gather.restOf(base, { width, count: panels.rest }, deep, run),
      },
      inside,
    );
  }

  #each = (panels: Panels, inside: (panel: Panel) => void): void =>
    eachPanel(this.#tools.writer, panels, inside);

  #whole({ tiles, columns }: Some): Omit<Panels, "copyTiles" | "copyRest"> {
    const { loops, depth } = this.#product;
    const { widths } = this.#tiling.tiles[0]!;
    return {
      depth: String(countOf(depth)),
      deepest: countOf(depth),
      columns,
      bytes: this.#tools.format.bytes,
      rest: countOf(loops.at(-1)!) % widths[0]!,
      widths,
      tiles,
      room: this.#room,
    };
  }
}
