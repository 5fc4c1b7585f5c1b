/**
 * How a matrix product is cut into tiles of results that stay in registers: chosen from shapes and
 * strides, before any code is written.
 *
 * Four forms, by the strides and sizes:
 * - outer: the right factor lies side by side along the columns. Each step of depth takes vectors
 *   of it and one number of the left.
 * - dot: both factors lie side by side along the depth. Lanes sum every fourth product, and are
 *   added up at the end.
 * - unrolled: a few columns and as little depth, many rows: rows lie in the lanes, and all else is
 *   written out.
 * - element: anything else, and products too small to be worth more code.
 *
 * An entry's sum has one order of its own, the same in every tile and tail of its form, so no
 * choice made here changes a bit of a result.
 */
import {
  type Affine,
  argumentOf,
  constantOf,
  countOf,
  isFree,
  isKnown,
  isUnit,
  type Size,
} from "../ir/size.ts";
import { type Gathering, gatheringOf, isGathered } from "./gathering.ts";
import type { Product } from "./kernel.ts";
import { LONGEST_SPAN, PRODUCT_SPAN } from "./spans.ts";
import { PACKING_GAP, STRETCH, type Stretches, stretchesOf } from "./stretches.ts";
import { worthTurning } from "./turning.ts";

export type Form = "outer" | "dot" | "unrolled" | "element";

/**
 * Rows of results held at once, and how many columns: the widest first, each for what the one
 * before leaves.
 */
export interface Tile {
  readonly rows: number;
  readonly widths: readonly number[];
}

/**
 * Which tiles follow each other. Down: those below each other, so that a strip of the right factor
 * stays in the first-level cache. Across: those beside each other, so that what the epilogue reads
 * and writes, such as a weight and its states, comes in the order in which it lies, which
 * processors foresee.
 */
export type Order = "down" | "across";

export interface Tiling {
  readonly form: Form;
  /** Tallest first, each for the rows that the one before leaves. */
  readonly tiles: readonly Tile[];
  readonly order: Order;
  /** Of depth, that the loop of the largest tile has written out. */
  readonly steps: number;
  /** Where the depth is long: how sums over it are cut (see `spans.ts`). */
  readonly span: Span | null;
  /** Where the depth is taken piece by piece: that (see `stretches.ts`). */
  readonly stretches: Stretches | null;
  /**
   * How results are cut where the depth is a batch of a single row, so that they are sums of one;
   * `null` where it cannot be, or is not worth code.
   */
  readonly single: Tile | null;
  /**
   * Rows are taken in blocks of so many, whose left factor stays in the second-level cache; `null`:
   * all are one block, or blocks are packed.
   */
  readonly block: number | null;
  /** Whether the rows of a block, or the columns of some tiles, are copied side by side first. */
  readonly packs: {
    readonly rows: PackedRows | null;
    readonly columns: PackedColumns | null;
    readonly turned: TurnedColumns | null;
  };
  /** Whether factors are gathered, whose rows, columns or depth are lists of loops (see `gathering.ts`). */
  readonly gathers: Gathering | null;
  /** Why, for a person. */
  readonly because: string;
}

export interface Span {
  /** How much of the depth is summed up at once. */
  readonly entries: number;
  /** How spans are added up: in f64 where a result fills at most half of a vector of f32. */
  readonly added: "in f64" | "pairwise";
}

/** Blocks of rows are packed, each of as many whole tiles as there is room for. */
export interface PackedRows {
  /** Bytes of that room. */
  readonly room: number;
  /** Steps of depth between the lines of one tile and those of the next. */
  readonly gap: number;
  /** Rows of a block; `null` where the depth of a stretch decides. */
  readonly count: number | null;
}

/** Columns are packed some tiles at a time. */
export interface PackedColumns {
  readonly tiles: number;
  /** Steps of depth between the lines of one tile and those of the next. */
  readonly gap: number;
  /** How far they reach into the depth at most. */
  readonly deepest: number;
}

/** Columns that lie along the depth are copied side by side some tiles at a time, for all rows. */
export interface TurnedColumns {
  readonly tiles: number;
}

/** What the code is made for. */
export interface Target {
  readonly lanes: 4 | 2;
  readonly bytes: 4 | 8;
  /**
   * Whether multiplication and addition are one instruction, which needs no register between them.
   */
  readonly fused: boolean;
}

/**
 * Vectors of columns by rows of an outer tile, fused and not. Engines leave 15 vector registers: a
 * tile takes one for each sum, one for each vector of the right factor, one for the left and,
 * unless fused, one for the product. Measured on a Xeon with 2 MB of second-level cache, as shares
 * of the peak: 4 × 2 reaches 0.98 and 6 × 2 0.95 strict, 0.82 and 0.95 fused. A single row takes
 * many columns, since each sum waits for the one before. Two rows strict, where at most three are
 * left, would gain 4 % of a batch of two and take 6 % more bytes of the digit network's module,
 * gzipped.
 */
const OUTER = {
  fused: [
    { rows: 6, vectors: 2 },
    { rows: 4, vectors: 2 },
    { rows: 2, vectors: 4 },
    { rows: 1, vectors: 8 },
  ],
  strict: [
    { rows: 4, vectors: 2 },
    { rows: 1, vectors: 8 },
  ],
} as const;
/**
 * Rows and columns of a dot tile, measured likewise: 2 × 4 reaches 0.97 strict and 0.88 fused, 2 ×
 * 6 fused 0.95.
 */
const DOT = { strict: [4, 2, 1], fused: [6, 4, 2, 1] } as const;
/**
 * Steps of depth in one turn of the loop. For each fused multiplication a loop of one step takes 2
 * (dot) or 2.8 instructions (outer), one of four 1.7 or 2. Alone on its core that is 2 % faster
 * strict and as fast fused; beside another thread on the same core, where a processor takes three
 * instructions a cycle instead of six, 5 and 12 %.
 */
const STEPS = 4;
/**
 * The loop has to turn so often, and a row of a batch to take so many multiplications, for that to
 * be worth more code.
 */
const LEAST_TURNS = 2;
const WORTH_STEPS = 4096;
/** Products with fewer multiplications than this are written in the smallest form. */
const TINY = 512;
/** Columns and depth of products that are written out. */
const NARROW = 8;
/** Of a block of rows: it stays in the second-level cache. */
const BLOCK_BYTES = 128 * 1024;
/**
 * The same where columns are packed: that is done again for each block, and makes up for what comes
 * from further away.
 */
const PACKING_BLOCK_BYTES = 256 * 1024;
/** A processor keeps the addresses of so many pages at hand, or fewer. */
const PAGES = 64;
const PAGE_BYTES = 4096;
/** Of rows that grow with the batch, a copy is made where they are this long at least. */
const LONG_ROW_BYTES = 512;
/** So many tiles have to read a copy for it to be worth making. */
const WORTHWHILE_TILES = 4;
/** Results from which on a batch of one row has code of its own. */
const WORTH_SINGLE = 1024;
/** How far packed columns may reach into a depth that is known. */
const PANEL_DEPTH = 1024;
/**
 * Tiles of columns packed together: their columns fill two cache lines, which are fetched in pairs.
 */
const PANEL_TILES = 4;

export function tileProduct(product: Product, target: Target): Tiling {
  const { loops, depth } = product;
  const [rows, columns] = [loops.at(-2)!, loops.at(-1)!];
  if (isGathered(product)) return gatheredTiling(product, target);
  const { form, because } = chooseForm(product, target.lanes);
  const turned = form === "dot" ? turnedTiling(product, target) : null;
  if (turned !== null) return turned;
  if (form === "element" || form === "unrolled")
    return { form, ...WHOLE, span: spanOf(product, form, WHOLE.tiles, target), because };

  const tiles = tilesOf(form, rows, columns, target);
  const tallest = tiles[0]!;
  const span = spanOf(product, form, tiles, target);
  const mayPack = form === "outer" && (isKnown(depth) || span?.added !== "in f64");
  const packs = mayPack ? worthPacking(product, tallest, target) : NOTHING;
  const stretches = (packs.rows ?? packs.columns) ? stretchesOf(product, PACKING_BLOCK_BYTES) : null;
  // A sum over the batch is shallow, and its epilogue touches more memory than its factors take.
  const isShallow = form === "outer" && isFree(depth);
  const results = countOf(rows) * countOf(columns);
  return {
    form,
    tiles,
    order: isShallow ? "across" : "down",
    steps: stepsOf(product, form, target.lanes),
    span,
    stretches,
    single:
      isShallow && countOf(depth) === 1 && results >= WORTH_SINGLE
        ? { rows: tallest.rows, widths: useful(singleWidths(target), columns) }
        : null,
    block:
      packs.rows !== null || stretches !== null
        ? null
        : blockOf(
            product,
            tallest,
            (packs.columns === null ? BLOCK_BYTES : PACKING_BLOCK_BYTES) / target.bytes,
          ),
    packs,
    gathers: null,
    because: [
      because,
      ...(packs.rows !== null || packs.columns !== null
        ? ["over the depth, what is packed lies far apart"]
        : []),
      ...(isShallow ? ["a batch is shallow, so results are taken across, as they lie"] : []),
    ].join("; "),
  };
}

/** Where it pays, and in f32 alone: the form `outer`, all of whose tiles have the width of those that are copied. */
function turnedTiling(product: Product, target: Target): Tiling | null {
  const [rows, columns] = [product.loops.at(-2)!, product.loops.at(-1)!];
  const tall = outerTiles(target);
  const width = tall[0]!.widths[0]!;
  if (target.bytes !== 4 || !worthTurning(product, width)) return null;
  const widths = useful(tall[0]!.widths, columns);
  const tiles = tall.filter((_, i) => takesPart(tall, i, rows)).map((tile) => ({ ...tile, widths }));
  return {
    ...WHOLE,
    form: "outer",
    tiles,
    order: "across",
    steps: stepsOf(product, "outer", target.lanes),
    packs: { ...NOTHING, turned: { tiles: Math.min(PANEL_TILES, Math.floor(countOf(columns) / width)) } },
    span: null,
    because:
      "the depth is short, and the rows are many enough to lay columns of the right factor side by side",
  };
}

/** Those that have any rows and columns to take, the tallest first. */
function tilesOf(form: "outer" | "dot", rows: Size, columns: Size, target: Target): Tile[] {
  const tall = form === "dot" ? dotTiles(target) : outerTiles(target);
  return tall
    .filter((_, i) => takesPart(tall, i, rows))
    .map(({ rows: height, widths }) => ({ rows: height, widths: useful(widths, columns) }));
}

/** The forms `outer` and `dot`, in which tiles read copies of a factor as they do the factor itself. */
function gatheredTiling(product: Product, target: Target): Tiling {
  const { operands, right, depth, loops } = product;
  const [rows, columns] = [loops.at(-2)!, loops.at(-1)!];
  const { lists, strides } = operands[right]!;
  const form = lists !== undefined || isUnit(strides.at(-2)!) ? "outer" : "dot";
  const tiles = tilesOf(form, rows, columns, target);
  const tallest = tiles[0]!;
  const span = spanOf(product, form, tiles, target);
  const gathers = gatheringOf(product, { rows: tallest.rows, width: tallest.widths[0]! }, target.bytes);
  // What is put aside between stretches is added up pairwise.
  const stretches = isFree(depth) ? stretchesOf(product, PACKING_BLOCK_BYTES) : null;
  return {
    ...WHOLE,
    form,
    tiles,
    order: isFree(depth) ? "across" : "down",
    steps: stepsOf(product, form, target.lanes),
    span: span !== null && stretches !== null ? { ...span, added: "pairwise" } : span,
    stretches,
    gathers,
    because: [
      form === "outer" ? "columns lie side by side" : "both factors lie side by side along the depth",
      "rows, columns or depth are lists of loops, gathered block by block",
    ].join("; "),
  };
}

/** In f32 alone: in f64, sums of any length are exact enough. */
function spanOf(
  { depth }: Product,
  form: Form,
  tiles: readonly Tile[],
  { bytes, lanes }: Target,
): Span | null {
  const together = form === "dot" ? lanes : 1;
  const isLong = isFree(depth) || countOf(depth) > LONGEST_SPAN * together;
  if (bytes !== 4 || !isLong) return null;
  const isNarrow = form !== "dot" && tiles.every(({ widths }) => widths.every((w) => w <= 2));
  return { entries: PRODUCT_SPAN * together, added: isNarrow ? "in f64" : "pairwise" };
}

/** Steps of depth in one turn. */
function stepsOf({ loops, depth }: Product, form: "outer" | "dot", lanes: number): number {
  const turns = isFree(depth) ? Infinity : countOf(depth) / (form === "dot" ? lanes : 1) / STEPS;
  const multiplications = [...loops, depth].reduce((n, size) => n * countOf(size), 1);
  return turns >= LEAST_TURNS && multiplications >= WORTH_STEPS ? STEPS : 1;
}

const NOTHING = { rows: null, columns: null, turned: null } as const;

/** One result at a time. */
const WHOLE = {
  tiles: [{ rows: 1, widths: [1] }],
  order: "down",
  steps: 1,
  stretches: null,
  single: null,
  block: null,
  packs: NOTHING,
  gathers: null,
} as const;

/** @param room in entries of the left factor */
function blockOf({ loops, depth }: Product, tile: Tile, room: number): number | null {
  if (isFree(depth)) return null;
  const rows = loops.at(-2)!;
  const fitting = Math.max(tile.rows, Math.floor(room / Math.max(1, countOf(depth)) / tile.rows) * tile.rows);
  return isFree(rows) || countOf(rows) > fitting ? fitting : null;
}

const outerTiles = (target: Target): Tile[] =>
  OUTER[target.fused ? "fused" : "strict"].map(({ rows, vectors }) => ({
    rows,
    widths: [vectors * target.lanes, ...singleWidths(target)],
  }));

/** A vector of columns, or what is left of one. Two columns are half a vector of four. */
const singleWidths = ({ lanes }: Target): number[] => [lanes, ...(lanes > 2 ? [2] : []), 1];

const dotTiles = ({ fused }: Target): Tile[] =>
  [2, 1].map((rows) => ({ rows, widths: fused ? DOT.fused : DOT.strict }));

/** Whether the taller tiles leave it any of the rows. */
function takesPart(tiles: readonly Tile[], index: number, rows: Size): boolean {
  if (argumentOf(rows) !== null) return true;
  // What is left of any batch is what is left of some batch up to this one.
  const batches = isFree(rows) ? tiles.reduce((product, tile) => product * tile.rows, 1) : 1;
  return Array.from({ length: batches }, (_, i) => countOf(rows) * (i + 1)).some((count) => {
    const left = tiles.slice(0, index).reduce((rest, tile) => rest % tile.rows, count);
    return left >= tiles[index]!.rows;
  });
}

/** The widths that any columns are left for. */
function useful(widths: readonly number[], columns: Size): number[] {
  if (!isKnown(columns)) return [...widths];
  let left = countOf(columns);
  return widths.filter((width) => {
    const takes = left >= width;
    left %= width;
    return takes;
  });
}

/**
 * A factor is packed where its lines lie side by side, and over the depth far apart, and the copy
 * is read often.
 */
function worthPacking(product: Product, tile: Tile, { bytes }: Target): Tiling["packs"] {
  const { operands, left, right, loops, depth } = product;
  const [rows, columns] = [loops.at(-2)!, loops.at(-1)!];
  const isFar = (factor: number, line: Affine): boolean => {
    const stride = constantOf(operands[factor]!.strides.at(-1)!);
    if (stride === null || !isUnit(line)) return false;
    const apart = Math.abs(stride) * bytes;
    return isFree(depth) ? apart >= LONG_ROW_BYTES : (countOf(depth) * apart) / PAGE_BYTES > PAGES;
  };
  const often = (size: Size, tiles: number): boolean =>
    isFree(size) || Math.ceil(countOf(size) / tiles) >= WORTHWHILE_TILES;
  const [width] = tile.widths as [number];
  const deep = Math.max(1, countOf(depth)) + PACKING_GAP;
  const most = Math.floor(PACKING_BLOCK_BYTES / (deep * bytes * tile.rows));
  const packsRows =
    isFar(left, operands[left]!.strides.at(-3)!) && often(columns, width) && (isFree(depth) || most > 0);
  const packsColumns =
    isFar(right, operands[right]!.strides.at(-2)!) &&
    often(rows, tile.rows) &&
    width > 1 &&
    (isFree(depth) || countOf(depth) <= PANEL_DEPTH);
  const tiles = isFree(columns) ? PANEL_TILES : Math.min(PANEL_TILES, Math.floor(countOf(columns) / width));
  return {
    rows: packsRows
      ? { room: PACKING_BLOCK_BYTES, gap: PACKING_GAP, count: isKnown(depth) ? most * tile.rows : null }
      : null,
    columns: packsColumns
      ? { tiles, gap: PACKING_GAP, deepest: isKnown(depth) ? countOf(depth) : STRETCH }
      : null,
    turned: null,
  };
}

/** Whether a product of many rows is small enough to be written out. */
export const isNarrow = (columns: Size, depth: Size): boolean =>
  !isFree(columns) && countOf(columns) <= NARROW && !isFree(depth) && countOf(depth) <= NARROW;

function chooseForm(product: Product, lanes: number): { form: Form; because: string } {
  const { loops, operands, depth } = product;
  const rows = loops.at(-2)!;
  const columns = loops.at(-1)!;
  const multiplications = [rows, columns, depth].reduce(
    (n, size) => n * (isFree(size) ? 1 : countOf(size)),
    1,
  );
  const hasFree = [rows, columns, depth].some(isFree);
  const left = operands[product.left]!.strides;
  const right = operands[product.right]!.strides;
  const sideBySide = isUnit(right.at(-2)!);
  if (isNarrow(columns, depth) && loops.length === 2 && (isFree(rows) || countOf(rows) >= lanes))
    return { form: "unrolled", because: `at most ${NARROW} columns and as deep` };
  if (hasFree ? multiplications < TINY / 16 : multiplications < TINY) {
    return sideBySide && isFree(depth) && !isFree(columns) && countOf(columns) > 1
      ? { form: "outer", because: "a sum over the batch, all of whose results fit registers" }
      : { form: "element", because: "too small for more code" };
  }
  if (sideBySide && (isFree(columns) || countOf(columns) >= lanes))
    return { form: "outer", because: "the right factor lies side by side along the columns" };
  if (isUnit(left.at(-1)!) && isUnit(right.at(-1)!))
    return { form: "dot", because: "both factors lie side by side along the depth" };
  return sideBySide
    ? { form: "outer", because: "too few columns for a vector" }
    : { form: "element", because: "neither factor lies side by side" };
}
