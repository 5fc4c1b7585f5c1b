/** Which subscript stands for which axis. */
import type { Index, IndexItem } from "../../../grammar/ast.ts";
import type { Span } from "../../../grammar/diagnostic.ts";
import { showShape, type Shape } from "../../ir/size.ts";
import { problem, quoted } from "../complain.ts";
import type { Frame } from "../frame.ts";
import type { Machine } from "../machine.ts";
import type { Problem } from "../problem.ts";

export interface Aligned {
  readonly item: Exclude<IndexItem, { readonly kind: "slice" }>;
  /** The first axis that it stands for. */
  readonly axis: number;
  /** How many: 1, but for `...`. */
  readonly count: number;
}

/** @throws Problem where they are too many or too few, and where a slice is among them */
export function align(
  machine: Machine,
  frame: Frame,
  e: Index,
  shape: Shape,
  hasDots: boolean,
): readonly Aligned[] {
  const text = quoted(machine, e.operand.span);
  const shown = showShape(shape, machine.freeName);
  const about = { also: [{ span: e.operand.span, text: shown }] };
  const dots = e.items.filter((item) => item.kind === "ellipsis");
  if (dots.length > 1) {
    throw problem(machine, frame, {
      code: "misplaced-dots",
      span: dots[1]!.span,
      message: "`...` may stand once in a subscript",
      help: "name the other axes",
      ...about,
    });
  }
  if (dots.length > 0 && !hasDots) {
    throw problem(machine, frame, {
      code: "misplaced-dots",
      span: dots[0]!.span,
      message: "`...` stands for axes that the left side of this formula does not have",
      help: "write it on the left too, as in `y[..., o] = …`, or name the axes",
      ...about,
    });
  }
  const covered = dots.length === 0 ? 0 : shape.length - (e.items.length - 1);
  if (covered < 0 || (dots.length === 0 && shape.length !== e.items.length)) {
    const count = counted(e.items.length - dots.length, "subscript", "subscripts");
    throw problem(machine, frame, {
      code: "subscript-count",
      span: e.span,
      message: `${count} for the ${counted(shape.length, "axis", "axes")} of \`${text}\``,
      help: "write a subscript for each axis: an index, a whole number, or a sum of indices",
      ...about,
    });
  }
  let axis = 0;
  return e.items.map((item) => {
    if (item.kind === "slice") {
      throw problem(machine, frame, {
        code: "sliced-subscript",
        span: item.span,
        message: "a slice cannot stand among subscripts with indices",
        help: "write an index for this axis; take the slice before, as in `part = x[:, 1:]`",
        ...about,
      });
    }
    const count = item.kind === "ellipsis" ? covered : 1;
    const aligned = { item, axis, count };
    axis += count;
    return aligned;
  });
}

const counted = (n: number, one: string, more: string): string => (n === 1 ? `one ${one}` : `${n} ${more}`);

/** Of a subscript that is no sum of indices. */
export const badSubscript = (machine: Machine, frame: Frame, span: Span): Problem =>
  problem(machine, frame, {
    code: "bad-subscript",
    span,
    message: "a subscript is an index, a whole number, or a sum of indices times whole numbers",
    help: "write it as such a sum, as in `x[2 * i + u - 1]`, or look it up in an int tensor, as in `x[ids[i]]`",
  });
