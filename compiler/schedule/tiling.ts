/**
 * How a matrix product is cut into tiles of results that stay in registers: chosen from shapes and strides, before any code is written.
 *
 * Three forms, by the strides:
 * - outer: the right factor lies side by side along the columns. Each step of depth takes vectors of it and one number of the left.
 * - dot: both factors lie side by side along the depth. Lanes sum every fourth product, and are added up at the end.
 * - element: anything else, and products too small to be worth more code.
 *
 * An entry's sum has one order of its own, the same in every tile and tail of its form, so no choice made here changes a bit of a result.
 */
import { type Affine, type Size } from "../ir/size.ts";
import type { Product } from "./kernel.ts";

export type Form = "outer" | "dot" | "element";

/** Rows of results held at once, and how many columns: the widest first, each for what the one before leaves. */
export interface Tile {
  readonly rows: number;
  readonly widths: readonly number[];
}

export interface Tiling {
  readonly form: Form;
  /** Tallest first, each for the rows that the one before leaves. */
  readonly tiles: readonly Tile[];
  /** Rows are taken in blocks of so many, whose left factor stays in the second-level cache; `null`: all are one block. */
  readonly block: number | null;
  /** Whether the columns of a tile are copied side by side first: over the depth they lie on a page of memory each otherwise. */
  readonly packs: boolean;
  /** Why, for a person. */
  readonly because: string;
}

/** What the code is made for. */
export interface Target {
  readonly lanes: 4 | 2;
  readonly bytes: 4 | 8;
  /** Whether multiplication and addition are one instruction, which needs no register between them. */
  readonly fused: boolean;
}

/**
 * Vectors of columns by rows of an outer tile. Engines leave 15 vector registers: a tile takes one for each sum, one for each vector of the
 * right factor, one for the left and, unless fused, one for the product. Measured on a Xeon with 2 MB of second-level cache, as shares of the peak:
 * 4 × 2 reaches 0.98 and 6 × 2 0.95 strict, 0.82 and 0.95 fused. A single row takes many columns, since each sum waits for the one before.
 */
const OUTER: readonly { readonly rows: number; readonly vectors: readonly number[] }[] = [
  { rows: 6, vectors: [2, 1] },
  { rows: 4, vectors: [2, 1] },
  { rows: 2, vectors: [4, 1] },
  { rows: 1, vectors: [8, 1] },
];
/** Rows and columns of a dot tile, measured likewise: 2 × 4 reaches 0.97 strict and 0.88 fused, 2 × 6 fused 0.95. */
const DOT = { strict: [4, 2, 1], fused: [6, 4, 2, 1] } as const;
/** Products with fewer multiplications than this are written in the smallest form. */
const TINY = 512;
const BLOCK_BYTES = 128 * 1024;
/** A processor keeps the addresses of so many pages at hand, or fewer. */
const PAGES = 64;
const PAGE_BYTES = 4096;
/** Of rows that grow with the batch, a copy is made where they are this long at least. */
const LONG_ROW_BYTES = 512;
/** A copy has to be read this often to be worth making. */
const WORTHWHILE_ROWS = 24;
/** How far a packed panel may reach into the depth: it shares the first-level cache with the left factor. */
export const PANEL_DEPTH = 1024;

export function tileProduct(product: Product, target: Target): Tiling {
  const { loops, operands, depth } = product;
  const [rows, columns] = [loops.at(-2)!, loops.at(-1)!];
  const right = operands[product.right]!.strides;
  const { form, because } = chooseForm(product, target.lanes);
  if (form === "element")
    return { form, tiles: [{ rows: 1, widths: [1] }], block: null, packs: false, because };

  const tall = form === "dot" ? dotTiles(target) : outerTiles(target);
  const tiles = tall
    .filter((_, i) => takesPart(tall, i, rows))
    .map(({ rows: height, widths }) => ({ rows: height, widths: useful(widths, columns) }));
  const packs = form === "outer" && isWorthPacking(right.at(-1)!, rows, depth, target.bytes);
  const tallest = tiles[0]!.rows;
  const rowBytes = depth.free ? null : Math.max(1, depth.count * target.bytes);
  const fitting =
    rowBytes === null ? null : Math.max(tallest, Math.floor(BLOCK_BYTES / rowBytes / tallest) * tallest);
  const block = fitting !== null && (rows.free || rows.count > fitting) ? fitting : null;
  return {
    form,
    tiles,
    block,
    packs,
    because: packs ? `${because}; columns are packed: over the depth each lies on another page` : because,
  };
}

const outerTiles = ({ lanes, fused }: Target): Tile[] =>
  OUTER.filter(({ rows }) => fused || rows <= 4).map(({ rows, vectors }) => ({
    rows,
    widths: [...vectors.map((count) => count * lanes), 1],
  }));

const dotTiles = ({ fused }: Target): Tile[] =>
  [2, 1].map((rows) => ({ rows, widths: fused ? DOT.fused : DOT.strict }));

/** Whether the taller tiles leave it any of the rows. */
function takesPart(tiles: readonly Tile[], index: number, rows: Size): boolean {
  if (rows.free) return true;
  let left = rows.count;
  for (const tile of tiles.slice(0, index)) left %= tile.rows;
  return left >= tiles[index]!.rows;
}

/** The widths that any columns are left for. */
function useful(widths: readonly number[], columns: Size): number[] {
  if (columns.free) return [...widths];
  let left = columns.count;
  return widths.filter((width) => {
    const takes = left >= width;
    left %= width;
    return takes;
  });
}

function isWorthPacking(stride: Affine, rows: Size, depth: Size, bytes: number): boolean {
  const rowBytes = Math.abs(stride.constant) * bytes;
  if (stride.perRow !== 0 || (!rows.free && rows.count < WORTHWHILE_ROWS)) return false;
  if (depth.free) return rowBytes >= LONG_ROW_BYTES;
  return depth.count <= PANEL_DEPTH && (depth.count * rowBytes) / PAGE_BYTES > PAGES;
}

const isUnit = (a: Affine): boolean => a.constant === 1 && a.perRow === 0;

function chooseForm(product: Product, lanes: number): { form: Form; because: string } {
  const { loops, operands, depth } = product;
  const rows = loops.at(-2)!;
  const columns = loops.at(-1)!;
  const multiplications = [rows, columns, depth].reduce((n, size) => n * (size.free ? 1 : size.count), 1);
  const isFree = rows.free || columns.free || depth.free;
  const left = operands[product.left]!.strides;
  const right = operands[product.right]!.strides;
  if (isFree ? multiplications < TINY / 16 : multiplications < TINY)
    return { form: "element", because: "too small for more code" };
  const sideBySide = isUnit(right.at(-2)!);
  if (sideBySide && (columns.free || columns.count >= lanes))
    return { form: "outer", because: "the right factor lies side by side along the columns" };
  if (isUnit(left.at(-1)!) && isUnit(right.at(-1)!))
    return { form: "dot", because: "both factors lie side by side along the depth" };
  return sideBySide
    ? { form: "outer", because: "too few columns for a vector" }
    : { form: "element", because: "neither factor lies side by side" };
}
