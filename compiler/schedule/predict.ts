/**
 * How much of a processor's peak a kernel call can reach, in cycles of a core with 128-bit vectors.
 * A model for a person who asks where the time goes, and for choosing between kernels; nothing that
 * is compiled depends on it.
 */
import { sizeAt, type Size } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { elementsTouched, flopsOf, RANDOM_COST, RANK_COST } from "./cost.ts";
import type { Kernel, Product, Value } from "./kernel.ts";
import type { KernelPlan } from "./kernel-plan.ts";
import type { Target, Tile, Tiling } from "./tiling.ts";

/**
 * Multiply-adds of whole vectors that a cycle can begin: two where they are one instruction; three
 * additions and multiplications otherwise.
 */
const MULTIPLY_ADDS = { fused: 2, strict: 1.5 } as const;
/** Cycles until a sum can be added to again. */
const LATENCY = 4;
/** Loads that a cycle can begin, and other instructions of vectors. */
const LOADS = 2;
const INSTRUCTIONS = 2;
/**
 * Cycles around a tile or a pass of the vector loop: setting sums to zero, loop control, filling
 * the pipeline.
 */
const TILE_OVERHEAD = 12;
/** Of a call, with what it finds out about its loops. */
const CALL_OVERHEAD = 30;
/** Bytes a cycle from and to the second-level cache, as copies of 1 MB reach. */
const CACHE_BYTES = 16;

export interface Prediction {
  readonly flops: number;
  /** Elements that the call touches, each counted once, in bytes. */
  readonly bytes: number;
  /** Of the most floating-point operations that the processor could do in the time, 0 … 1. */
  readonly share: number;
}

/** @param rows what the kernel takes for the free dimension */
export function predict(kernel: Kernel, plan: KernelPlan, rows: number, target: Target): Prediction {
  const flops = flopsOf(kernel, rows);
  const bytes = elementsTouched(kernel, rows) * target.bytes;
  const computing =
    kernel.kind === "product" && plan.kind === "product"
      ? productCycles(kernel, plan.tiling, rows, target)
      : nestCycles(kernel, rows, target);
  const cycles = Math.max(computing, bytes / CACHE_BYTES) + CALL_OVERHEAD;
  const peak = 2 * target.lanes * MULTIPLY_ADDS[target.fused ? "fused" : "strict"];
  return { flops, bytes, share: Math.min(1, flops / (cycles * peak)) };
}

function productCycles(product: Product, tiling: Tiling, rows: number, target: Target): number {
  const { loops, depth } = product;
  const batch = loops.slice(0, -2).reduce((n, size: Size) => n * sizeAt(size, rows), 1);
  const after = product.values.reduce(
    (sum, value) => sum + instructionsOf(value, target.lanes),
    product.stores.length,
  );
  const deep = sizeAt(depth, rows);
  let cycles = 0;
  let left = sizeAt(loops.at(-2)!, rows);
  const [tallest, ...others] = tiling.tiles;
  for (const tile of [deep === 1 && tiling.single !== null ? tiling.single : tallest!, ...others]) {
    const times = Math.floor(left / tile.rows);
    left -= times * tile.rows;
    cycles += times * rowOfTiles(tiling, tile, { columns: sizeAt(loops.at(-1)!, rows), deep, after }, target);
  }
  return batch * cycles;
}

/** Cycles for all columns of a tile's rows. */
function rowOfTiles(
  { form, single }: Tiling,
  tile: Tile,
  { columns, deep, after }: { readonly columns: number; readonly deep: number; readonly after: number },
  { lanes, fused }: Target,
): number {
  const rate = MULTIPLY_ADDS[fused ? "fused" : "strict"];
  let cycles = 0;
  let left = columns;
  for (const width of tile.widths) {
    const times = Math.floor(left / width);
    left -= times * width;
    const vectors = Math.ceil(width / lanes);
    const [sums, loads, steps] =
      form === "dot"
        ? [tile.rows * width, tile.rows + width, Math.floor(deep / lanes) + (deep % lanes)]
        : [tile.rows * vectors, tile.rows + vectors, deep];
    const epilogue = (tile.rows * vectors * after) / INSTRUCTIONS;
    if (tile === single) {
      cycles += times * (sums / INSTRUCTIONS + epilogue);
      continue;
    }
    const step = Math.max(sums / rate, loads / LOADS, LATENCY);
    const gathering = form === "dot" ? (tile.rows * width * 3) / INSTRUCTIONS : 0;
    cycles += times * (steps * step + gathering + epilogue + TILE_OVERHEAD);
  }
  return cycles;
}

function nestCycles(kernel: Kernel, rows: number, { lanes }: Target): number {
  const points = kernel.loops.reduce((n, size: Size) => n * sizeAt(size, rows), 1);
  const each = kernel.values.reduce((sum, value) => sum + instructionsOf(value, lanes), kernel.stores.length);
  const passes = kernel.loops.slice(0, -1).reduce((n, size: Size) => n * sizeAt(size, rows), 1);
  return (Math.ceil(points / lanes) * each) / INSTRUCTIONS + passes * TILE_OVERHEAD;
}

/** Instructions of a value, as the operations that its record counts. */
function instructionsOf(value: Value, lanes: number): number {
  switch (value.kind) {
    case "apply":
      return ops[value.op].flops;
    case "load":
    case "fetch":
    case "reduce":
    case "running":
    case "index":
      return 1;
    case "random":
      return RANDOM_COST;
    case "rank":
      return RANK_COST * lanes;
    case "constant":
    case "extent":
    case "product":
    case "row":
      return 0;
    default:
      return value satisfies never;
  }
}
