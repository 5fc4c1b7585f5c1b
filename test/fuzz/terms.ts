/**
 * What a program under construction holds: its terms, by name, with what is known of their entries.
 */
import type { ElementType } from "../../compiler/ir/node.ts";
import {
  bySize,
  countOf,
  elements,
  isFree,
  isOne,
  ONE,
  sameSize,
  type Shape,
  type Size,
} from "../../compiler/ir/size.ts";
import type { Range } from "./range.ts";

export interface Term {
  /** A name. */
  readonly text: string;
  readonly shape: Shape;
  readonly type: ElementType;
  readonly range: Range;
  /** Of labels: how many classes there are. */
  readonly classes?: number;
  /** Names of all terms that this one was computed from. */
  readonly from: ReadonlySet<string>;
}

/** The batches that programs are run at; ranges hold for the largest. */
export const batches = [1, 3, 5, 17] as const;
export const MOST_ROWS = 17;

/** How many entries a tensor may have for each row. */
const ROOM = 48;

export const showSize = (size: Size): string =>
  bySize(size, String, (count) => (count === 1 ? "N" : `${count} * N`));
export const showShape = (shape: Shape): string => `[${shape.map(showSize).join(", ")}]`;

/** The most entries that a tensor of this shape can have. */
export function largest(shape: Shape): number {
  const size = elements(shape);
  if (size === null) throw new RangeError("the batch is on two axes");
  return countOf(size) * (isFree(size) ? MOST_ROWS : 1);
}

/**
 * The shape of operands broadcast to one another, null where they do not fit or the result is
 * large.
 */
export function broadcastShape(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const shape: Size[] = [];
  for (let i = 1; i <= rank; i++) {
    const left = a.at(-i) ?? ONE;
    const right = b.at(-i) ?? ONE;
    if (!isOne(left) && !isOne(right) && !sameSize(left, right)) return null;
    shape.unshift(isOne(left) ? right : left);
  }
  return fits(shape) ? shape : null;
}

/** Whether the generator wants tensors of this shape. */
export function fits(shape: Shape): boolean {
  const size = elements(shape);
  return size !== null && countOf(size) <= ROOM && countOf(size) > 0 && shape.length <= 4;
}
