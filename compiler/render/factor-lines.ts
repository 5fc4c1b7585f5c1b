/** Where tiles find the lines of the factors: where these lie, packed beside one another, or gathered. */
import type { GatheredRows } from "../schedule/gathering.ts";
import type { Product } from "../schedule/kernel.ts";
import type { Tile, Tiling } from "../schedule/tiling.ts";
import { advance } from "./address.ts";
import { affineText } from "./affine.ts";
import type { Ends } from "./cover.ts";
import { type Extent, extentOf } from "./extent.ts";
import { RowGather } from "./gather-rows.ts";
import { lineAddress, type Lines, pack } from "./packing.ts";
import type { ProductRoom } from "./room.ts";
import type { StretchWriter } from "./stretches.ts";
import type { KernelTools } from "./values.ts";

interface FactorMemory {
  /** Of each operand, inside the loops opened so far. */
  readonly addresses: readonly string[];
  /** The address of memory of this worker's own, for so many bytes. */
  readonly room: (of: ProductRoom, bytes: number) => string;
  /** The function that packs lines of tiles of so many bytes. */
  readonly copier: (width: number) => string;
}

export class FactorLines {
  readonly #product: Product;
  readonly #tools: KernelTools;
  readonly #tiling: Tiling;
  readonly #stretches: StretchWriter | null;
  readonly #memory: FactorMemory;
  readonly #gather: RowGather;
  /** The rows that are gathered now. */
  #gathered: Lines | null = null;

  constructor(
    product: Product,
    tools: KernelTools,
    tiling: Tiling,
    stretches: StretchWriter | null,
    memory: FactorMemory,
  ) {
    this.#product = product;
    this.#tools = tools;
    this.#tiling = tiling;
    this.#stretches = stretches;
    this.#memory = memory;
    this.#gather = new RowGather(product, tools);
  }

  /** How much of the depth is read at a time. */
  get extent(): Extent {
    return this.#stretches?.extent() ?? extentOf(this.#product.depth, this.#tools.format);
  }

  /** A factor's lines from index `origin` on, as the outer form reads them. */
  inPlace(operand: number, loop: number, origin: string): Lines {
    const { strides } = this.#product.operands[operand]!;
    const along = strides[loop]!;
    return {
      base: advance(this.#memory.addresses[operand]!, origin, along),
      origin,
      across: affineText(along, 1),
      step: affineText(strides.at(-1)!, this.#tools.format.bytes),
      mayBePacked: false,
    };
  }

  /**
   * From here on, the left factor's lines are these.
   * @param deep where in the depth they begin, in bytes of its index
   */
  gatherRows({ along, room }: Pick<GatheredRows, "along" | "room">, rows: Ends, deep: string): void {
    const base = this.#memory.addresses[this.#product.left]!;
    const memory = this.#memory.room("left", room);
    this.#gathered =
      along === "depth"
        ? this.#gather.alongDepth(base, rows, memory)
        : this.#gather.alongRows(base, rows, memory, { from: deep, bytes: this.extent.bytes });
  }

  /** The left factor's lines of some rows, packed where that is worth it. */
  left(tile: Tile, { from, end }: Ends): Lines {
    const gathered = this.#gathered;
    if (gathered !== null) return { ...gathered, base: lineAddress(gathered, from), origin: from };
    const lines = this.inPlace(this.#product.left, this.#product.loops.length - 2, from);
    const { packs, tiles } = this.#tiling;
    if (packs.rows === null || tile !== tiles[0]) return lines;
    const { room, gap } = packs.rows;
    const memory = this.#memory.room("left", room);
    const width = tile.rows * this.#tools.format.bytes;
    const copier = this.#memory.copier(width);
    return pack(this.#tools.writer, lines, { depth: this.extent, end, width, gap, memory, copier });
  }
}
