/** Cotangents of slices, laid side by side. */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { countOf, fixed, isFree, ONE, sameSize, type Shape, type Size } from "../ir/size.ts";

/** A box: along each axis the entries from `from` up to `to`, 0 to 1 for all of a free axis. */
interface Box {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** What flows to a box. */
export interface Part extends Box {
  readonly node: Node;
}

/**
 * The part that an embed puts among zeros, and the shape of the whole. Every other entry of an axis
 * is a column of the axis as a grid, so `x[::2]` is a box too. Null where it is no box.
 */
export function partOf(b: Build, flow: Node): { readonly part: Part; readonly whole: Shape } | null {
  if (flow.op !== "embed") return null;
  const { axes } = flow.attributes;
  const given = flow.operands[0]!;
  const whole: Size[] = [];
  const shape: Size[] = [];
  const from: number[] = [];
  const to: number[] = [];
  for (const [axis, { start, fromEnd, step }] of axes.entries()) {
    const [all, some] = [flow.shape[axis]!, given.shape[axis]!];
    const count = countOf(some);
    if (isFree(all)) {
      if (start !== 0 || fromEnd || step !== 1 || !sameSize(all, some)) return null;
      from.push(0);
      to.push(1);
      whole.push(all);
      shape.push(some);
    } else if (fromEnd || step < 1) {
      return null;
    } else if (step === 1 || count === 1) {
      from.push(start);
      to.push(start + count);
      whole.push(all);
      shape.push(some);
    } else {
      if (start >= step || count * step !== countOf(all)) return null;
      from.push(0, start);
      to.push(count, start + 1);
      whole.push(some, fixed(step));
      shape.push(some, ONE);
    }
  }
  return { part: { node: b.reshape(given, shape), from, to }, whole };
}

/** How boxes share a box: what covers all of it is added, and the rest is cut along an axis. */
type Cover =
  | { readonly kind: "sum"; readonly box: Box; readonly parts: readonly Part[] }
  | { readonly kind: "concat"; readonly axis: number; readonly covers: readonly Cover[] };

/**
 * Boxes that cross each other along several axes are cut into many pieces: beyond so many for each
 * part it is cheaper to add them up.
 */
const MOST_PIECES = 4;

/**
 * The tensor of shape `whole` that has the sum of `parts` where they lie, and 0 elsewhere; null
 * where they lie too unevenly.
 */
export function putTogether(b: Build, parts: readonly Part[], whole: Shape): Node | null {
  const box = { from: whole.map(() => 0), to: whole.map((size) => (isFree(size) ? 1 : countOf(size))) };
  let left = MOST_PIECES * parts.length + 1;
  const covered = (some: readonly Part[], within: Box): Cover | null => {
    const cut = bestCut(some, within);
    if (cut === null) return left-- > 0 ? { kind: "sum", box: within, parts: some } : null;
    const { axis, at } = cut;
    const covers: Cover[] = [];
    for (const [i, end] of at.slice(1).entries()) {
      const piece = { from: within.from.with(axis, at[i]!), to: within.to.with(axis, end) };
      const inside = some.filter((part) => part.from[axis]! < end && part.to[axis]! > at[i]!);
      const cover = covered(inside, piece);
      if (cover === null) return null;
      covers.push(cover);
    }
    return { kind: "concat", axis, covers };
  };
  const cover = covered(parts, box);
  return cover === null ? null : made(b, cover, whole);
}

function made(b: Build, cover: Cover, whole: Shape): Node {
  if (cover.kind === "concat") {
    return b.concat(
      cover.covers.map((piece) => made(b, piece, whole)),
      cover.axis,
    );
  }
  const { box, parts } = cover;
  const shape = whole.map((size, axis) => (isFree(size) ? size : fixed(box.to[axis]! - box.from[axis]!)));
  if (parts.length === 0) return b.zeros(shape);
  return parts.map((part) => piece(b, part, box, shape)).reduce((sum, addend) => b.add(sum, addend));
}

/** What of a part lies in a box inside of it. */
function piece(b: Build, { node, from, to }: Part, box: Box, shape: Shape): Node {
  const isWhole = from.every((start, axis) => start === box.from[axis] && to[axis] === box.to[axis]);
  if (isWhole) return node;
  const axes = from.map((start, axis) => ({ start: box.from[axis]! - start, fromEnd: false, step: 1 }));
  return b.slice(node, axes, shape);
}

/**
 * Along which axis to cut a box, and where, ends included: where fewest parts are cut through, and
 * of such axes the outermost. Null where every part covers all of it.
 */
function bestCut(parts: readonly Part[], { from, to }: Box): { axis: number; at: readonly number[] } | null {
  let best: { axis: number; at: readonly number[]; through: number } | null = null;
  for (const [axis, start] of from.entries()) {
    const end = to[axis]!;
    const clip = (place: number): number => Math.min(Math.max(place, start), end);
    const ends = parts.flatMap((part) => [clip(part.from[axis]!), clip(part.to[axis]!)]);
    const at = [...new Set([start, end, ...ends])].sort((x, y) => x - y);
    if (at.length === 2) continue;
    const inside = (part: Part): number =>
      at.filter((place) => place > part.from[axis]! && place < part.to[axis]!).length;
    const through = parts.reduce((sum, part) => sum + inside(part), 0);
    if (best === null || through < best.through) best = { axis, at, through };
  }
  return best;
}
