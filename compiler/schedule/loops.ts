/**
 * From a kernel's body over its domain to loops: those that reductions run over go last, and
 * neighbors that every operand runs through without a break become one.
 */
import {
  affine,
  type Affine,
  isFree,
  isOne,
  multiplySize,
  sameAffine,
  scale,
  type Size,
  ZERO,
  countOf,
  isUnit,
  isZero,
} from "../ir/size.ts";
import type { Access, Body, FormedValue } from "./formed.ts";
import type { Group } from "./group.ts";
import type { Address, Nest, Operand, Product, Store, Value } from "./kernel.ts";
import { Unique } from "./names.ts";
import type { View } from "./view.ts";

/** A kernel without its name and formula, and the call of it. */
export interface Shaped {
  readonly kernel: Omit<Nest, "name" | "formula"> | Omit<Product, "name" | "formula">;
  readonly addresses: readonly Address[];
  /** Of the kernel's first random stream, from which it counts its own; 0 without one. */
  readonly site: number;
  /** Beside the kernel's stores: what a person calls that which they store. */
  readonly labels: readonly string[];
}

/**
 * Strides over the kernel's loops as they are being merged; those of a product's factors have the
 * depth behind.
 */
type Strides = Affine[];

/**
 * The kernel of a body, its call, and what it stores.
 * @param operandName what a buffer is called; taken again, it gets a number
 */
export function shapeLoops(group: Group, body: Body, operandName: (buffer: number) => string): Shaped {
  const product = group.matmul !== null;
  const order = orderOf(group, body);
  const loops: Size[] = order.map((axis) => group.domain[axis]!);
  const over = (view: View): Strides => order.map((axis) => view.strides[axis]!);

  // A product's factors are read over [...batch, rows | columns, depth]; each is constant along the
  // loop of the other.
  const reads = body.reads.map((read, i): Strides => {
    const { strides } = read.view;
    // Lists are not merged with anything.
    const batch = strides.slice(0, read.lists === undefined ? -2 : group.domain.length - 2);
    if (read.lists !== undefined) return [...batch, ZERO, ZERO];
    if (product && i === body.left) return [...batch, strides.at(-2)!, ZERO];
    if (product && i === body.right) return [...batch, ZERO, strides.at(-1)!];
    return over(read.view);
  });
  const writes = body.writes.map((write) => over(write.view));
  const numbered = new Map<FormedValue, Strides>();
  for (const value of body.values) {
    if (value.kind === "index" || value.kind === "random") numbered.set(value, over(value.view));
  }

  const all = [...reads, ...writes, ...numbered.values()];
  const right = product
    ? { strides: reads[body.right]!, apart: body.reads.some(({ lists }) => lists !== undefined) }
    : null;
  const inner = coalesce(loops, group.inner.filter(Boolean).length, all, right);

  const names = new Unique();
  const named = (buffer: number): string => names.take(operandName(buffer));
  const operands: Operand[] = body.reads.map((read, i) => {
    const own = reads[i]!;
    let strides: readonly Affine[] = own;
    if (read.lists !== undefined) {
      const factor = listedFactor(read, read.lists, own.slice(0, -2), loops, i === body.left);
      return { name: named(read.region.buffer), access: "read", ...factor, type: read.type };
    }
    if (product && i === body.left) {
      strides = [...own, unitIfOne(read.view, -1)];
    } else if (product && i === body.right) {
      strides = [...own.slice(0, -1), unitIfOne(read.view, -1), unitIfOne(read.view, -2)];
    }
    return { name: named(read.region.buffer), access: "read", strides, type: read.type };
  });
  const stores: Store[] = body.writes.map((write, i) => {
    operands.push({
      name: named(write.region.buffer),
      access: "write",
      strides: writes[i]!,
      type: write.type,
    });
    const { row } = write;
    return { operand: operands.length - 1, value: body.stored[i]!, ...(row === null ? {} : { row }) };
  });
  const site = body.values.find((value) => value.kind === "random")?.site ?? 0;
  const values = body.values.map((value): Value => {
    switch (value.kind) {
      case "load":
        return { kind: "load", operand: value.access };
      case "fetch":
        return { kind: "fetch", operand: value.access, row: value.row };
      case "rank":
        return { kind: "rank", operand: value.access, descending: value.descending };
      case "index":
        return { kind: "index", start: value.view.offset, strides: numbered.get(value)! };
      case "random": {
        const { distribution } = value;
        return {
          kind: "random",
          distribution,
          site: value.site - site,
          start: value.view.offset,
          strides: numbered.get(value)!,
        };
      }
      default:
        return value;
    }
  });
  const common = { loops, operands, values, stores };
  return {
    kernel: product
      ? { kind: "product", ...common, left: body.left, right: body.right, depth: body.depth }
      : { kind: "nest", ...common, inner },
    addresses: [...body.reads, ...body.writes].map(({ region: { buffer }, view }) => ({
      buffer,
      offset: view.offset,
    })),
    site,
    labels: body.writes.map((write) => operandName(write.region.buffer)),
  };
}

/**
 * The loops that reductions run over go last. Where what is read lies side by side along none of
 * those that vectors are filled from, the last kept one and the last of all, but along another kept
 * one, as the weights of a window for each channel do, that one is the last to be kept.
 */
export function orderOf(group: Group, body: Body): number[] {
  const axes = group.domain.map((_, axis) => axis);
  const kept = axes.filter((axis) => group.inner[axis] !== true);
  const inner = axes.filter((axis) => group.inner[axis] === true);
  const order = [...kept, ...inner];
  if (body.isTurned) return [...order.slice(0, -2), ...order.slice(-2).toReversed()];
  if (group.matmul !== null || inner.length === 0 || kept.length < 2) return order;
  const liesAlong = (axis: number): boolean => {
    const strides = body.reads.map(({ view }) => view.strides[axis]!);
    return strides.some(isUnit) && strides.every((stride) => isUnit(stride) || isZero(stride));
  };
  if (liesAlong(kept.at(-1)!) || liesAlong(inner.at(-1)!)) return order;
  const better = kept.findLast((axis) => countOf(group.domain[axis]!) >= LEAST_LANES && liesAlong(axis));
  return better === undefined ? order : [...kept.filter((axis) => axis !== better), better, ...inner];
}

/** Entries that fill a vector. */
const LEAST_LANES = 4;

/**
 * Makes one loop of neighbors that all operands run through without a break, in `loops` and in
 * each of `all`. The columns of a product stay a loop of their own, and so does, in a nest, the
 * border between kept and inner loops.
 * @param right strides of a product's right factor, and whether rows are no part of a batch; null in
 * a nest
 * @returns how many of the loops left are inner ones
 */
function coalesce(
  loops: Size[],
  inner: number,
  all: readonly Strides[],
  right: { readonly strides: Strides; readonly apart: boolean } | null,
): number {
  for (let loop = loops.length - 2; loop >= 0; loop--) {
    const border = right === null ? loop === loops.length - 1 - inner : loop === loops.length - 2;
    if (border || (isFree(loops[loop]!) && isFree(loops[loop + 1]!))) continue;
    const size = loops[loop + 1]!;
    const unbroken = (s: Strides): boolean => isOne(size) || sameAffine(s[loop]!, scale(s[loop + 1]!, size));
    if (!all.every(unbroken)) continue;
    // A row of size 1 under a batch: the right factor of one row is not that of the next.
    const isBatch = right !== null && loop === loops.length - 3;
    if (isBatch && (right.apart || !sameAffine(right.strides[loop]!, ZERO))) continue;
    const keep = isOne(size) ? loop : loop + 1;
    for (const strides of all) strides.splice(loop, 2, strides[keep]!);
    if (loop >= loops.length - inner) inner -= 1;
    loops.splice(loop, 2, multiplySize(loops[loop]!, size));
  }
  return inner;
}

/**
 * The strides of a product's factor over the batch, and the lists of loops that its rows or columns
 * and its depth are; over the columns or rows of the other factor there are none.
 * @param lengths of the lists that the axes of its view are
 */
function listedFactor(
  { view: { shape, strides } }: Access,
  lengths: readonly number[],
  batch: Strides,
  loops: readonly Size[],
  isLeft: boolean,
): Pick<Operand, "strides" | "lists"> {
  const [first, last] = [lengths.at(-2)!, lengths.at(-1)!];
  const begin = shape.length - first - last;
  const range = <T>(of: readonly T[], from: number, count: number): T[] => of.slice(from, from + count);
  const parts = [
    { sizes: range(shape, begin, first), strides: range(strides, begin, first) },
    { sizes: range(shape, begin + first, last), strides: range(strides, begin + first, last) },
  ];
  // The view of the right factor has the depth first.
  const [lines, depth] = isLeft ? [parts[0]!, parts[1]!] : [parts[1]!, parts[0]!];
  return {
    strides: [...batch, ...lines.strides, ...depth.strides],
    lists: [
      ...loops.slice(0, -2).map((size) => [size]),
      isLeft ? lines.sizes : [],
      isLeft ? [] : lines.sizes,
      depth.sizes,
    ],
  };
}

/** An axis of one entry lies as closely as one wants. */
const unitIfOne = (view: View, axis: number): Affine =>
  isOne(view.shape.at(axis)!) ? affine(1) : view.strides.at(axis)!;
