/** Broadcasting, as in NumPy. */
import { OpError } from "./op-error.ts";
import { fixed, isOne, sameSize, showShape, type Shape } from "./size.ts";

/**
 * The shape that all of `shapes` broadcast to, as in NumPy, except that a free size matches only
 * itself, 1, or an absent axis.
 * @throws OpError `shape-mismatch`
 */
export function commonShape(shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, axis) => {
    let common = fixed(1);
    for (const shape of shapes) {
      const size = shape[axis - (rank - shape.length)];
      if (size === undefined || isOne(size) || sameSize(size, common)) continue;
      if (!isOne(common)) {
        throw new OpError(
          "shape-mismatch",
          "the shapes do not broadcast to one another",
          shapes.map((s) => showShape(s)),
          "sizes agree, counted from the last axis, or one of them is 1",
        );
      }
      common = size;
    }
    return common;
  });
}
