/** `x[…]` on tensors: NumPy's basic indexing. */
import type { Build } from "../graph/build.ts";
import type { Node, SliceAxis } from "../ir/node.ts";
import { countOf, fixed, isFree, showShape, showSize, type Size } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";

export type Selection =
  | { readonly kind: "at"; readonly index: number }
  | {
      readonly kind: "slice";
      readonly start: number | null;
      readonly stop: number | null;
      readonly step: number;
    }
  | { readonly kind: "ellipsis" };

const FULL: Selection = { kind: "slice", start: null, stop: null, step: 1 };

/** @throws OpError where there are too many, or one is out of range */
export function select(build: Build, x: Node, selections: readonly Selection[], freeName: string): Node {
  const rank = x.shape.length;
  const shown = showShape(x.shape, freeName);
  const ellipses = selections.filter((s) => s.kind === "ellipsis").length;
  if (ellipses > 1)
    throw new OpError(
      "bad-index",
      "`...` may stand once in an index",
      [],
      "write `:` for the axes that the other one does not cover",
    );
  const missing = rank - (selections.length - ellipses);
  if (missing < 0) {
    throw new OpError(
      "bad-index",
      `${selections.length - ellipses} indices for the ${rank} axes of ${shown}`,
      [],
      "leave some out: what is not named is taken whole",
    );
  }
  const fill = Array.from({ length: missing }, () => FULL);
  const whole =
    ellipses === 0
      ? [...selections, ...fill]
      : selections.flatMap((s) => (s.kind === "ellipsis" ? fill : [s]));

  const cut = whole.map((selection, axis) => along(selection, x.shape[axis]!, axis, freeName));
  const sliced = build.slice(
    x,
    cut.map((c) => c.axis),
    cut.map((c) => c.size),
  );
  return build.reshape(
    sliced,
    cut.flatMap((c) => (c.dropped ? [] : [c.size])),
  );
}

interface Cut {
  readonly axis: SliceAxis;
  readonly size: Size;
  readonly dropped: boolean;
}

function along(selection: Selection, size: Size, axis: number, freeName: string): Cut {
  if (selection.kind === "ellipsis")
    throw new OpError("bad-index", "`...` stands for whole axes", [], "write an index or a slice");
  if (selection.kind === "at") {
    const { index } = selection;
    if (index >= countOf(size) || index < -countOf(size)) {
      if (isFree(size))
        throw new OpError(
          "bad-index",
          `whether there is an entry ${index} along axis ${axis} depends on the batch, ${showSize(size, freeName)} rows`,
          [],
          countOf(size) === 1
            ? "every batch has a first and a last row, 0 and -1"
            : `every batch has the entries 0 to ${countOf(size) - 1}, and -1 to -${countOf(size)} from the end`,
        );
      throw new OpError(
        "bad-index",
        `there is no entry ${index} along axis ${axis}, whose size is ${countOf(size)}`,
        [],
        `indices are 0 to ${countOf(size) - 1}, or -1 to -${countOf(size)} from the end`,
      );
    }
    const place: SliceAxis =
      index >= 0
        ? { start: index, fromEnd: false, step: 1 }
        : isFree(size)
          ? { start: -index, fromEnd: true, step: 1 }
          : { start: countOf(size) + index, fromEnd: false, step: 1 };
    return { axis: place, size: fixed(1), dropped: true };
  }
  const { start, stop, step } = selection;
  if (step === 0)
    throw new OpError(
      "bad-index",
      "the step of a slice cannot be 0",
      [],
      "1 takes every entry, -1 every entry from the end",
    );
  if (isFree(size)) {
    if (start === null && stop === null && step === 1) {
      return { axis: { start: 0, fromEnd: false, step: 1 }, size, dropped: false };
    }
    throw new OpError(
      "free-slice",
      `axis ${axis} is the batch, ${showSize(size, freeName)} rows, and how many a part of it has is not known when compiling`,
      [],
      "take all rows with `:`, or one with an integer, `x[0]` or `x[-1]`",
    );
  }
  const { first, count } = range(start, stop, step, countOf(size));
  if (count === 0) {
    throw new OpError(
      "bad-index",
      `this slice takes nothing of axis ${axis}, whose size is ${countOf(size)}`,
      [],
      `a slice is start:stop, where stop itself is left out, as in 0:${countOf(size)}`,
    );
  }
  return { axis: { start: first, fromEnd: false, step }, size: fixed(count), dropped: false };
}

/** Bounds are clipped to the axis, as in NumPy. */
function range(
  start: number | null,
  stop: number | null,
  step: number,
  size: number,
): { first: number; count: number } {
  const clip = (value: number, low: number, high: number): number =>
    Math.min(Math.max(value < 0 ? value + size : value, low), high);
  if (step > 0) {
    const first = start === null ? 0 : clip(start, 0, size);
    const end = stop === null ? size : clip(stop, 0, size);
    return { first, count: Math.max(0, Math.ceil((end - first) / step)) };
  }
  const first = start === null ? size - 1 : clip(start, -1, size - 1);
  const end = stop === null ? -1 : clip(stop, -1, size - 1);
  return { first, count: Math.max(0, Math.ceil((end - first) / step)) };
}
