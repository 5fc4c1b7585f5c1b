/**
 * Matrix products: loops over tiles of results. What is inside a tile is in `tile.ts`, what follows
 * it in `epilogue.ts`; how the product is cut into tiles is decided in `schedule/tiling.ts`.
 */
import { constantOf, countOf, isKnown, isZero } from "../ir/size.ts";
import type { Product } from "../schedule/kernel.ts";
import type { ProductPlan } from "../schedule/kernel-plan.ts";
import type { PackedColumns, PackedRows, Tile, Tiling, TurnedColumns } from "../schedule/tiling.ts";
import type { Split } from "../schedule/split.ts";
import { addressName, advance } from "./address.ts";
import { affineText, sizeText } from "./affine.ts";
import { cover, ends, type Range } from "./cover.ts";
import { DepthWriter } from "./depth.ts";
import { Epilogue } from "./epilogue.ts";
import { eachHeight } from "./heights.ts";
import { isPackable, lineAddress, type Lines, pack } from "./packing.ts";
import { type Piece, TileWriter } from "./tile.ts";
import { renderTiny } from "./tiny.ts";
import { eachTurned, type Panel } from "./turning.ts";
import { Values, type KernelTools } from "./values.ts";
import { shareOf } from "./workers.ts";
import type { FunctionWriter } from "./writer.ts";

/**
 * Memory beside the arena: for packed factors, for values that all tiles read, and for sums of
 * spans of the depth.
 */
export type ProductRoom = "left" | "right" | "kept" | "sums";

export interface ProductOptions {
  readonly plan: ProductPlan;
  /** Whether multiplication and addition may be one rounding. */
  readonly fused: boolean;
  /** The address of memory of this worker's own, for so many bytes. */
  readonly room: (of: ProductRoom, bytes: number) => string;
  /** The loop that workers divide among them. */
  readonly split: Split | null;
}

/** Writes the body of the function that runs `product`. */
export function renderProduct(product: Product, tools: KernelTools, options: ProductOptions): void {
  if (options.plan.tiling.form === "unrolled") renderTiny(product, tools, options);
  else new ProductWriter(product, tools, options).write();
}

/** The lines of a factor that one tile reads. */
interface Strip {
  readonly lines: Lines;
  /** Where these are, if they may be packed. */
  readonly at: string | null;
}

class ProductWriter {
  readonly #product: Product;
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  readonly #options: ProductOptions;
  readonly #tiling: Tiling;
  /** Where sums of spans are put, if there are any. */
  #aside = "";
  readonly #rowLoop: number;
  readonly #columnLoop: number;
  /** Of each operand, inside the loops opened so far. */
  readonly #addresses: string[];
  readonly #indices: string[] = [];
  /** The columns that are turned now. */
  #panel: Panel | null = null;
  readonly #tile: TileWriter;
  readonly #epilogue: Epilogue;

  constructor(product: Product, tools: KernelTools, options: ProductOptions) {
    const { plan, fused, room } = options;
    this.#product = product;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#options = options;
    this.#tiling = plan.tiling;
    this.#columnLoop = product.loops.length - 1;
    this.#rowLoop = product.loops.length - 2;
    this.#addresses = product.operands.map((o) => addressName(o.name));
    const around = { addresses: this.#addresses, indices: this.#indices };
    const depth = new DepthWriter(product.depth, plan.tiling.span, tools, (bytes) => {
      room("sums", bytes);
      return this.#aside;
    });
    this.#tile = new TileWriter(product, tools, { fused, depth, around });
    this.#epilogue = new Epilogue(product, plan, tools, {
      around,
      room: (bytes) => room("kept", bytes),
    });
  }

  write(): void {
    if (this.#tiling.span?.added === "pairwise")
      this.#aside = this.#writer.usize("aside", this.#options.room("sums", 0));
    this.#batch(0, new Values(this.#tools));
  }

  /** Loops over the leading axes, outermost first. */
  #batch(level: number, values: Values): void {
    this.#epilogue.share(level, values);
    if (level === this.#rowLoop) {
      const { turned } = this.#tiling.packs;
      if (turned === null) this.#rows(values);
      else this.#turned(turned, values);
      return;
    }
    const { bytes } = this.#tools.format;
    const index = this.#writer.fresh("b");
    this.#indices[level] = index;
    const saved = [...this.#addresses];
    cover(this.#writer, index, this.#range(level, bytes), [bytes], () => {
      for (const [i, operand] of this.#product.operands.entries()) {
        const stride = operand.strides[level]!;
        if (isZero(stride)) continue;
        const text = advance(this.#addresses[i]!, index, stride);
        this.#addresses[i] = this.#writer.usize(`${addressName(operand.name)}${level}`, text);
      }
      this.#batch(level + 1, values.inside());
    });
    this.#addresses.splice(0, this.#addresses.length, ...saved);
  }

  /** What the loop runs over: all of it, or this worker's share in pieces of `step` bytes. */
  #range(loop: number, step: number): Range {
    const { bytes } = this.#tools.format;
    const size = this.#product.loops[loop]!;
    const { split } = this.#options;
    if (split?.loop !== loop) return { size, unit: bytes };
    const { from, end } = shareOf(split, { size, bytes }, step);
    return { from, end: this.#writer.usize("shareEnd", end) };
  }

  #rows(values: Values): void {
    const { bytes } = this.#tools.format;
    const rows = this.#product.loops[this.#rowLoop]!;
    this.#indices[this.#rowLoop] = this.#writer.fresh("i");
    this.#indices[this.#columnLoop] = this.#writer.fresh("j");
    const { split } = this.#options;
    const share =
      split?.loop === this.#rowLoop
        ? shareOf(split, { size: rows, bytes }, this.#tiling.tiles[0]!.rows * bytes)
        : null;
    eachHeight(this.#writer, { tiles: this.#tiling.tiles, rows, share, bytes }, (tile, range) =>
      this.#blocks(tile, range, values),
    );
  }

  /** All rows for some turned columns, and for the next ones. */
  #turned({ tiles }: TurnedColumns, values: Values): void {
    const [{ widths }] = this.#tiling.tiles as [Tile];
    const { strides } = this.#product.operands[this.#product.right]!;
    const turning = {
      depth: countOf(this.#product.depth),
      across: constantOf(strides[this.#columnLoop]!)!,
      columns: this.#range(this.#columnLoop, widths[0]! * this.#tools.format.bytes),
      rest: countOf(this.#product.loops[this.#columnLoop]!) % widths[0]!,
      widths,
      tiles,
      linesFrom: (from: string) => this.#lines(this.#product.right, this.#columnLoop, from),
      room: (bytes: number) => this.#options.room("right", bytes),
    };
    eachTurned(this.#writer, turning, (panel) => {
      this.#panel = panel;
      this.#rows(values);
    });
  }

  #blocks(tile: Tile, range: { from: string; end: string }, values: Values): void {
    const { block, tiles, packs } = this.#tiling;
    const height = tile.rows * this.#tools.format.bytes;
    const size =
      tile !== tiles[0]
        ? null
        : packs.rows === null
          ? this.#bytesOf(block)
          : this.#packedSize(packs.rows, height);
    if (size === null) {
      this.#columns(tile, range, this.#lines(this.#product.left, this.#rowLoop, range.from), values);
      return;
    }
    const from = this.#writer.fresh("block");
    this.#writer.block(
      `for (let ${from}: usize = ${range.from}; ${from} < ${range.end}; ${from} += ${size})`,
      () => {
        const { depth } = this.#product;
        const end = this.#writer.usize("blockEnd", `min<usize>(${from} + ${size}, ${range.end})`);
        let left = this.#lines(this.#product.left, this.#rowLoop, from);
        if (packs.rows !== null) {
          const { room, shallowest } = packs.rows;
          const memory = this.#options.room("left", room);
          const packable = { shallowest, deepest: Math.floor(room / height) };
          left = pack(this.#writer, left, { depth, end, width: height, memory, packable });
        }
        this.#columns(tile, { from, end }, left, values);
      },
    );
  }

  #bytesOf(rows: number | null): string | null {
    return rows === null ? null : String(rows * this.#tools.format.bytes);
  }

  /**
   * As many whole tiles of rows as there is room for, as the bytes of their index; one where there
   * is none.
   */
  #packedSize({ room, count }: PackedRows, height: number): string | null {
    if (count !== null) return this.#bytesOf(count);
    const depth = sizeText(this.#product.depth, 1);
    return this.#writer.usize("blockSize", `max<usize>(${room} / (${depth}) / ${height}, 1) * ${height}`);
  }

  /** A factor's lines from index `origin` on, as the outer form reads them. */
  #lines(operand: number, loop: number, origin: string): Lines {
    const { bytes } = this.#tools.format;
    const { strides } = this.#product.operands[operand]!;
    const along = strides[loop]!;
    return {
      base: advance(this.#addresses[operand]!, origin, along),
      origin,
      across: affineText(along, 1),
      step: affineText(strides.at(-1)!, bytes),
      mayBePacked: false,
    };
  }

  /** All columns of some rows. */
  #columns(tile: Tile, rows: Range, left: Lines, values: Values): void {
    const { tiles, packs, single } = this.#tiling;
    const panel = this.#panel;
    const sums = (): void => {
      if (panel !== null) this.#cut({ ...tile, widths: panel.widths }, rows, panel, left, values);
      else if (packs.columns !== null && tile === tiles[0])
        this.#panels(tile, packs.columns, rows, left, values);
      else this.#cut(tile, rows, this.#columnRange(tile), left, values);
    };
    if (single === null || tile !== tiles[0]) return sums();
    this.#writer.scope(`if (${sizeText(this.#product.depth, 1)} == 1)`, () =>
      this.#single(single, rows, left, values),
    );
    this.#writer.scope("else", sums);
  }

  #columnRange({ widths }: Tile): Range {
    return this.#range(this.#columnLoop, widths[0]! * this.#tools.format.bytes);
  }

  /** Tiles of all widths, each for the columns that the one before leaves. */
  #cut({ rows: height, widths }: Tile, rows: Range, columns: Range, left: Lines, values: Values): void {
    const { bytes } = this.#tools.format;
    const j = this.#indices[this.#columnLoop]!;
    const steps = widths.map((width) => width * bytes);
    const eachColumn = (body: (step: number) => void): void => cover(this.#writer, j, columns, steps, body);
    const eachRow = (body: (strip: Strip) => void): void =>
      this.#along(this.#rowLoop, rows, height, left, body);
    const tile = (step: number, strip: Strip): void => {
      const isDot = this.#tiling.form === "dot";
      const lines = isDot
        ? null
        : (this.#panel?.lines ?? this.#lines(this.#product.right, this.#columnLoop, j));
      const right = lines === null ? null : { lines, at: null };
      this.#whole(this.#piece(height, step / bytes), strip, right, values);
    };
    if (this.#tiling.order === "across") eachRow((strip) => eachColumn((step) => tile(step, strip)));
    else eachColumn((step) => eachRow((strip) => tile(step, strip)));
  }

  /**
   * Whole tiles of columns, some packed at a time; where the batch forbids that, all of them where
   * they lie. What is left over stays there.
   */
  #panels(tile: Tile, packed: PackedColumns, rows: Range, left: Lines, values: Values): void {
    const { format } = this.#tools;
    const { depth, right } = this.#product;
    const [columns, ...narrower] = tile.widths as [number, ...number[]];
    const width = columns * format.bytes;
    const panel = packed.tiles * width;
    const range = ends(this.#columnRange(tile));
    const whole =
      range.total === null
        ? this.#writer.usize("whole", `${range.from} + (${range.end} - ${range.from}) / ${width} * ${width}`)
        : String(Math.floor(range.total / width) * width);
    const all = range.from === "0" ? whole : `${whole} - ${range.from}`;
    const step = isKnown(depth)
      ? String(panel)
      : this.#writer.usize("panel", `${isPackable(depth, packed)} ? ${panel} : ${all}`);
    const j = this.#indices[this.#columnLoop]!;
    this.#writer.scope(`for (let ${j}: usize = ${range.from}; ${j} < ${whole}; ${j} += ${step})`, () => {
      const end = this.#writer.usize("panelEnd", `min<usize>(${j} + ${step}, ${whole})`);
      const lines = pack(this.#writer, this.#lines(right, this.#columnLoop, j), {
        depth,
        end,
        width,
        memory: this.#options.room("right", packed.deepest * panel),
        packable: packed,
      });
      const k = this.#writer.fresh("k");
      this.#indices[this.#columnLoop] = k;
      const eachRow = (body: (strip: Strip) => void): void =>
        this.#along(this.#rowLoop, rows, tile.rows, left, body);
      const eachColumn = (body: (strip: Strip) => void): void =>
        this.#along(this.#columnLoop, { from: j, end }, columns, lines, body);
      const inside = (above: Strip, beside: Strip): void =>
        this.#whole(this.#piece(tile.rows, columns), above, beside, values);
      if (this.#tiling.order === "across") eachRow((a) => eachColumn((b) => inside(a, b)));
      else eachColumn((b) => eachRow((a) => inside(a, b)));
      this.#indices[this.#columnLoop] = j;
    });
    if (narrower.length > 0)
      this.#cut({ ...tile, widths: narrower }, rows, { from: whole, end: range.end }, left, values);
  }

  /**
   * Where the depth is a batch of one row, each result is one product: numbers of the left factor
   * are loaded once for all columns.
   */
  #single({ rows: height, widths }: Tile, rows: Range, left: Lines, values: Values): void {
    const { format } = this.#tools;
    const steps = widths.map((width) => width * format.bytes);
    const columns = this.#range(this.#columnLoop, steps[0]!);
    const j = this.#indices[this.#columnLoop]!;
    this.#along(this.#rowLoop, rows, height, left, (strip) => {
      const lefts = this.#tile.lefts(height, strip.at);
      cover(this.#writer, j, columns, steps, (step) => {
        const at = lineAddress(this.#lines(this.#product.right, this.#columnLoop, j), j);
        const columns = step / format.bytes;
        const products = this.#tile.products(lefts, at, columns);
        this.#epilogue.write(columns, products, values.inside());
      });
    });
  }

  /**
   * Tiles one after the other along the rows or the columns. Of packed lines the address is known:
   * it is only added to from tile to tile, not multiplied for each.
   * @param lines of the factor on that side
   */
  #along(loop: number, range: Range, count: number, lines: Lines, body: (strip: Strip) => void): void {
    const index = this.#indices[loop]!;
    const step = count * this.#tools.format.bytes;
    if (!lines.mayBePacked) return cover(this.#writer, index, range, [step], () => body({ lines, at: null }));
    const at = this.#writer.fresh(loop === this.#rowLoop ? "rowsAt" : "columnsAt");
    const apart = this.#writer.usize("apart", `${lines.across} * ${step}`);
    this.#writer.line(`let ${at}: usize = ${lines.base};`);
    cover(this.#writer, index, range, [step], () => {
      body({ lines, at });
      this.#writer.line(`${at} += ${apart};`);
    });
  }

  #piece(rows: number, columns: number): Piece {
    const { tiles, steps } = this.#tiling;
    const largest = tiles[0]!;
    const isLargest = rows === largest.rows && columns === largest.widths[0];
    return { rows, columns, steps: isLargest ? steps : 1 };
  }

  /** @param right null where the form is `dot` */
  #whole(piece: Piece, left: Strip, right: Strip | null, values: Values): void {
    const here = values.inside();
    const sums =
      right === null
        ? this.#tile.dot(piece)
        : this.#tile.outer(
            piece,
            { at: left.at, step: left.lines.step },
            {
              at: right.at ?? lineAddress(right.lines, this.#indices[this.#columnLoop]!),
              step: right.lines.step,
            },
          );
    this.#epilogue.write(piece.columns, sums, here);
  }
}
