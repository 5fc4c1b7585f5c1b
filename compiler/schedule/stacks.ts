/**
 * What a loop carries, where all of it is kept: a stack with one place more than the loop has. At a
 * place the loop reads one slot and writes the next, so nothing is copied, and what arrives at each
 * place and what goes on from it are views of one buffer. Where not all is kept, one buffer holds what
 * is carried and is overwritten at each place.
 */
import type { Loop } from "../ir/loop.ts";
import { affine, fixed, type Shape } from "../ir/size.ts";
import { Region } from "./place.ts";
import type { Slot } from "./roots.ts";
import { contiguous, pickView, sliceView, type View } from "./view.ts";

export interface Stack {
  readonly whole: Region;
  /** Of all places: what arrives there, and what goes on. */
  readonly arriving: View;
  readonly leaving: View;
  /** At the place of the loop. */
  readonly carried: Slot;
  readonly next: Slot;
  /** What the loop begins with. */
  readonly first: Slot;
}

/** A stack of which the last entry alone is read, as what the loop carried last: any entry is that one. */
export const endView = ({ length }: Loop, shape: Shape): View => {
  const { offset, strides } = contiguous(shape);
  return { offset, shape: [fixed(length), ...shape], strides: [affine(0), ...strides] };
};

/** One place more. */
export const stackShape = (loop: Loop, shape: Shape): Shape => [fixed(loop.length + 1), ...shape];

/** The stack in a region of that shape. */
export function stackIn(whole: Region, loop: Loop, shape: Shape): Stack {
  const { length, reverse } = loop;
  const all = contiguous(stackShape(loop, shape));
  const from = (start: number, places: number): View => {
    const axes = all.shape.map((_, axis) => ({ start: axis === 0 ? start : 0, fromEnd: false, step: 1 }));
    return sliceView(all, axes, [fixed(places), ...shape]);
  };
  const arriving = from(reverse ? 1 : 0, length);
  const leaving = from(reverse ? 0 : 1, length);
  // At one place the two never meet.
  const slot = (view: View): Slot => ({
    region: new Region(whole.buffer, whole),
    view: pickView(view, loop),
  });
  const start = from(reverse ? length : 0, 1);
  return {
    whole,
    arriving,
    leaving,
    carried: slot(arriving),
    next: slot(leaving),
    first: { region: whole, view: { ...start, shape, strides: start.strides.slice(1) } },
  };
}
