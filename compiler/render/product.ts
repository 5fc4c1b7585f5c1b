/**
 * Matrix products: loops over tiles of results. What is inside a tile is in `tile.ts`, what follows
 * it in `epilogue.ts`; how the product is cut into tiles is decided in `schedule/tiling.ts`.
 */
import { isZero } from "../ir/size.ts";
import type { Product } from "../schedule/kernel.ts";
import type { GatheredRows } from "../schedule/gathering.ts";
import type { ProductPlan } from "../schedule/kernel-plan.ts";
import type { PackedColumns, Tile, Tiling } from "../schedule/tiling.ts";
import type { Split } from "../schedule/split.ts";
import { addressName, advance } from "./address.ts";
import { sizeText } from "./affine.ts";
import { ColumnCopies } from "./column-copies.ts";
import { cover, type Ends, ends, type Range } from "./cover.ts";
import { DepthWriter } from "./depth.ts";
import { Epilogue } from "./epilogue.ts";
import { FactorLines } from "./factor-lines.ts";
import { eachBlock, eachHeight } from "./heights.ts";
import { lineAddress, type Lines, pack } from "./packing.ts";
import type { Panel } from "./panels.ts";
import type { ProductRoom } from "./room.ts";
import { StretchWriter } from "./stretches.ts";
import { eachStrip, type Strip } from "./strips.ts";
import { type Piece, TileWriter } from "./tile.ts";
import { renderTiny } from "./tiny.ts";
import { Values, type KernelTools } from "./values.ts";
import { shareOf } from "./workers.ts";
import type { FunctionWriter } from "./writer.ts";

export interface ProductOptions {
  readonly plan: ProductPlan;
  /** Whether multiplication and addition may be one rounding. */
  readonly fused: boolean;
  /** The address of memory of this worker's own, for so many bytes. */
  readonly room: (of: ProductRoom, bytes: number) => string;
  /** The function that packs lines of tiles of so many bytes. */
  readonly copier: (width: number) => string;
  /** The loop that workers divide among them. */
  readonly split: Split | null;
}

/** Writes the body of the function that runs `product`. */
export function renderProduct(product: Product, tools: KernelTools, options: ProductOptions): void {
  if (options.plan.tiling.form === "unrolled") renderTiny(product, tools, options);
  else new ProductWriter(product, tools, options).write();
}

/** Of some rows and columns. */
interface Results {
  readonly rows: Ends;
  readonly columns: Range;
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
  /** The columns that are copied now. */
  #panel: Panel | null = null;
  readonly #lines: FactorLines;
  readonly #copies: ColumnCopies;
  readonly #tile: TileWriter;
  readonly #epilogue: Epilogue;
  readonly #stretches: StretchWriter | null;

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
    this.#copies = new ColumnCopies(product, tools, {
      tiling: plan.tiling,
      room: (bytes) => room("right", bytes),
    });
    const { span, stretches } = plan.tiling;
    this.#stretches =
      stretches === null
        ? null
        : new StretchWriter(product.depth, { stretches, span }, tools, (bytes) => room("stretches", bytes));
    this.#lines = new FactorLines(product, tools, plan.tiling, this.#stretches, {
      ...options,
      addresses: this.#addresses,
    });
    const depth = new DepthWriter(product.depth, { span, stretches: this.#stretches }, tools, (bytes) => {
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
    if (this.#tiling.span?.added === "pairwise" && this.#stretches === null)
      this.#aside = this.#writer.usize("aside", this.#options.room("sums", 0));
    this.#batch(0, new Values(this.#tools));
  }

  /** Loops over the leading axes, outermost first. */
  #batch(level: number, values: Values): void {
    this.#epilogue.share(level, values);
    if (level === this.#rowLoop) {
      const { packs, gathers } = this.#tiling;
      const isGathered = Boolean(gathers?.columns) && this.#stretches === null;
      if (packs.turned !== null || isGathered) this.#copiedColumns(values);
      else this.#rows(values);
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
    const { rows: height } = this.#tiling.tiles[0]!;
    const range = this.#range(this.#rowLoop, height * this.#tools.format.bytes);
    this.#indices[this.#rowLoop] = this.#writer.fresh("i");
    this.#indices[this.#columnLoop] = this.#writer.fresh("j");
    const gathers = this.#tiling.gathers?.rows ?? null;
    if (this.#stretches !== null) this.#stretched(this.#stretches, range, values);
    else if (gathers !== null) this.#gatheredRows(gathers, range, values);
    else this.#heights(range, (tile, rows) => this.#blocks(tile, rows, values));
  }

  /** All rows for some columns that are turned or gathered, and for the next ones. */
  #copiedColumns(values: Values): void {
    const { tiles, packs, gathers } = this.#tiling;
    const { right } = this.#product;
    const columns = this.#range(this.#columnLoop, tiles[0]!.widths[0]! * this.#tools.format.bytes);
    const inside = (panel: Panel): void => {
      this.#panel = panel;
      this.#rows(values);
    };
    if (packs.turned !== null) {
      const linesFrom = (from: string): Lines => this.#lines.inPlace(right, this.#columnLoop, from);
      this.#copies.turned({ tiles: packs.turned.tiles, columns, linesFrom }, inside);
    } else if (gathers?.columns) {
      const base = this.#addresses[right]!;
      this.#copies.gathered({ tiles: gathers.columns.tiles, columns, base }, inside);
    }
  }

  /** Blocks of rows, each gathered before its tiles of all heights. */
  #gatheredRows({ along, count, room }: GatheredRows, range: Range, values: Values): void {
    const { bytes } = this.#tools.format;
    const size = String((count ?? 1) * bytes);
    eachBlock(this.#writer, ends(range), size, (rows) => {
      this.#lines.gatherRows({ along, room }, rows, "0");
      this.#heights(rows, (tile, some) => this.#columns(tile, some, this.#columnRange(tile), values));
    });
  }

  #heights(range: Range, inside: (tile: Tile, rows: Ends) => void): void {
    eachHeight(this.#writer, this.#tiling.tiles, range, this.#tools.format.bytes, inside);
  }

  #blocks(tile: Tile, range: Ends, values: Values): void {
    const { block, tiles, packs } = this.#tiling;
    const size = tile === tiles[0] ? (packs.rows?.count ?? block) : null;
    if (size === null) this.#columns(tile, range, this.#columnRange(tile), values);
    else
      eachBlock(this.#writer, range, String(size * this.#tools.format.bytes), (rows) =>
        this.#columns(tile, rows, this.#columnRange(tile), values),
      );
  }

  /** Blocks of rows, of each some columns, and of these one stretch of the depth after the other. */
  #stretched(stretches: StretchWriter, range: Range, values: Values): void {
    const { tiles, packs } = this.#tiling;
    const { bytes } = this.#tools.format;
    const [tallest] = tiles as [Tile];
    const { left, right, operands } = this.#product;
    const step = (packs.columns?.tiles ?? 1) * tallest.widths[0]! * bytes;
    eachBlock(this.#writer, ends(range), stretches.blockSize(tallest.rows * bytes), (rows) => {
      stretches.each(`(${rows.end} - ${rows.from})`, this.#columnRange(tallest), step, (strip, from) => {
        const saved = [...this.#addresses];
        for (const factor of new Set([left, right])) {
          const { name, strides, lists } = operands[factor]!;
          if (lists !== undefined) continue;
          const text = advance(saved[factor]!, from, strides.at(-1)!);
          this.#addresses[factor] = this.#writer.usize(`${addressName(name)}Deep`, text);
        }
        const gathers = this.#tiling.gathers ?? null;
        if (gathers?.rows) this.#lines.gatherRows(gathers.rows, rows, from);
        const heights = (): void =>
          this.#heights(rows, (tile, some) => this.#columns(tile, some, strip, values));
        if (gathers?.columns) {
          const base = this.#addresses[right]!;
          const { bytes: deep, entries } = this.#lines.extent;
          this.#copies.strip(
            { tiles: gathers.columns.tiles, columns: strip, base, deep: { from, bytes: deep, entries } },
            (panel) => {
              this.#panel = panel;
              heights();
            },
          );
        } else heights();
        this.#addresses.splice(0, this.#addresses.length, ...saved);
      });
    });
  }

  /** Some columns of some rows. */
  #columns(tile: Tile, rows: Ends, columns: Range, values: Values): void {
    const { tiles, packs, single } = this.#tiling;
    const left = this.#lines.left(tile, rows);
    const panel = this.#panel;
    const sums = (): void => {
      if (panel !== null) this.#cut({ ...tile, widths: panel.widths }, rows, panel, left, values);
      else if (packs.columns !== null && tile === tiles[0])
        this.#panels(tile, packs.columns, { rows, columns }, left, values);
      else this.#cut(tile, rows, columns, left, values);
    };
    if (single === null || tile !== tiles[0]) return sums();
    this.#writer.scope(`if (${sizeText(this.#product.depth, 1)} == 1)`, () =>
      this.#single(single, { rows, columns }, left, values),
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
        : (this.#panel?.lines ?? this.#lines.inPlace(this.#product.right, this.#columnLoop, j));
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
  #panels(tile: Tile, packed: PackedColumns, { rows, columns }: Results, left: Lines, values: Values): void {
    const { format } = this.#tools;
    const { right } = this.#product;
    const depth = this.#lines.extent;
    const [widest, ...narrower] = tile.widths as [number, ...number[]];
    const width = widest * format.bytes;
    const panel = packed.tiles * width;
    const range = ends(columns);
    const { from } = range;
    const whole =
      range.total !== null
        ? String(Math.floor(range.total / width) * width)
        : narrower.length === 0
          ? range.end
          : this.#writer.usize("whole", `${from} + (${range.end} - ${from}) / ${width} * ${width}`);
    const all = from === "0" ? whole : `${whole} - ${from}`;
    const step =
      depth.packedIf === null
        ? String(panel)
        : this.#writer.usize("panel", `${depth.packedIf} ? ${panel} : ${all}`);
    const j = this.#indices[this.#columnLoop]!;
    this.#writer.scope(`for (let ${j}: usize = ${from}; ${j} < ${whole}; ${j} += ${step})`, () => {
      const end = this.#writer.usize("panelEnd", `min<usize>(${j} + ${step}, ${whole})`);
      const lines = pack(this.#writer, this.#lines.inPlace(right, this.#columnLoop, j), {
        depth,
        end,
        width,
        gap: packed.gap,
        memory: this.#options.room("right", (packed.deepest + packed.gap) * panel),
        copier: this.#options.copier(width),
      });
      const k = this.#writer.fresh("k");
      this.#indices[this.#columnLoop] = k;
      const eachRow = (body: (strip: Strip) => void): void =>
        this.#along(this.#rowLoop, rows, tile.rows, left, body);
      const eachColumn = (body: (strip: Strip) => void): void =>
        this.#along(this.#columnLoop, { from: j, end }, widest, lines, body);
      const inside = (above: Strip, beside: Strip): void =>
        this.#whole(this.#piece(tile.rows, widest), above, beside, values);
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
  #single({ rows: height, widths }: Tile, { rows, columns }: Results, left: Lines, values: Values): void {
    const { format } = this.#tools;
    const steps = widths.map((width) => width * format.bytes);
    const j = this.#indices[this.#columnLoop]!;
    this.#along(this.#rowLoop, rows, height, left, (strip) => {
      const lefts = this.#tile.lefts(height, strip.at);
      cover(this.#writer, j, columns, steps, (step) => {
        const at = lineAddress(this.#lines.inPlace(this.#product.right, this.#columnLoop, j), j);
        const columns = step / format.bytes;
        const products = this.#tile.products(lefts, at, columns);
        this.#epilogue.write(columns, products, values.inside());
      });
    });
  }

  /** Tiles one after the other along the rows or the columns. @param lines of the factor on that side */
  #along(loop: number, range: Range, count: number, lines: Lines, body: (strip: Strip) => void): void {
    const at = loop === this.#rowLoop ? "rowsAt" : "columnsAt";
    const step = count * this.#tools.format.bytes;
    eachStrip(this.#writer, { index: this.#indices[loop]!, range, step, lines, at }, body);
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
    const apart = left.lines.apart === undefined ? {} : { apart: left.lines.apart };
    const sums =
      right === null
        ? this.#tile.dot(piece, { at: left.at, ...apart })
        : this.#tile.outer(
            piece,
            { at: left.at, step: left.lines.step, ...apart },
            {
              at: right.at ?? lineAddress(right.lines, this.#indices[this.#columnLoop]!),
              step: right.lines.step,
            },
          );
    const epilogue = (): void => this.#epilogue.write(piece.columns, sums, here);
    if (this.#stretches === null) epilogue();
    else this.#stretches.finish(sums.flat(), epilogue);
  }
}
