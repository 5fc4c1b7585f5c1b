/** Which subscript stands for which axis. */
import type { Index, IndexItem } from "../../../grammar/ast.ts";
import { showShape, type Shape } from "../../ir/size.ts";
import { problem, quoted } from "../complain.ts";
import type { Frame } from "../frame.ts";
import type { Machine } from "../machine.ts";

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
  const fail = (code: string, span: Index["span"], message: string, help: string): never => {
    throw problem(machine, frame, {
      code,
      span,
      message,
      help,
      also: [{ span: e.operand.span, text: shown }],
    });
  };
  const dots = e.items.filter((item) => item.kind === "ellipsis");
  if (dots.length > 1)
    fail("misplaced-dots", dots[1]!.span, "`...` may stand once in a subscript", "name the other axes");
  if (dots.length > 0 && !hasDots) {
    const help = "write it on the left too, as in `y[..., o] = …`, or name the axes";
    fail(
      "misplaced-dots",
      dots[0]!.span,
      "`...` stands for axes that the left side of this formula does not have",
      help,
    );
  }
  const covered = dots.length === 0 ? 0 : shape.length - (e.items.length - 1);
  if (covered < 0 || (dots.length === 0 && shape.length !== e.items.length)) {
    const count = e.items.length - dots.length;
    const many = (n: number, one: string, more: string): string =>
      `${n === 1 ? "one" : n} ${n === 1 ? one : more}`;
    fail(
      "subscript-count",
      e.span,
      `${many(count, "subscript", "subscripts")} for the ${many(shape.length, "axis", "axes")} of \`${text}\``,
      "write a subscript for each axis: an index, a whole number, or a sum of indices",
    );
  }
  let axis = 0;
  return e.items.map((item) => {
    if (item.kind === "slice") {
      const help = "write an index for this axis; take the slice before, as in `part = x[:, 1:]`";
      return fail("sliced-subscript", item.span, "a slice cannot stand among subscripts with indices", help);
    }
    const count = item.kind === "ellipsis" ? covered : 1;
    const aligned = { item, axis, count };
    axis += count;
    return aligned;
  });
}
