/** The same entries in another order or shape. */
import {
  divideSize,
  elements,
  isOne,
  sameShape,
  sameSize,
  type Shape,
  showShape,
  showSize,
  type Size,
} from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { transpose } from "../operators.ts";
import { checkedShape, stack, toAxes, toAxis, toNode, toOneType, toShape, toSize } from "../tensors.ts";
import { kindOf, number, tensor, type Value } from "../values.ts";
import type { PrimitiveTable } from "./primitive.ts";

export const movement: PrimitiveTable = {
  reshape: {
    parameters: ["x", "shape"],
    doc: "the entries of x, row by row, in another shape; one size may be -1, which is what is left",
    apply: ({ build, freeName }, x, shape) => {
      const node = toNode(build, x!);
      return tensor(build.reshape(node, wantedShape(node.shape, shape!, freeName)));
    },
  },
  transpose: {
    parameters: ["x", "axes?"],
    doc: "the axes in another order; without one, the last two exchanged",
    apply: ({ build, freeName }, x, axes) => {
      if (axes === undefined) return transpose(build, x!);
      const node = toNode(build, x!);
      const order = toAxes(axes, node, freeName);
      if (order.length !== node.shape.length) {
        throw new OpError(
          "bad-axis",
          `${order.length} axes are named of the ${node.shape.length} of ${showShape(node.shape, freeName)}`,
          [],
          "name each axis once, as in [1, 0]",
        );
      }
      return tensor(build.permute(node, order));
    },
  },
  broadcast: {
    parameters: ["x", "shape"],
    doc: "x repeated along axes where it has size 1 or none",
    apply: ({ build, freeName }, x, shape) => {
      const node = toNode(build, x!);
      const wanted = toShape(shape!, freeName);
      if (!spreads(node.shape, wanted)) {
        throw new OpError(
          "shape-mismatch",
          `${showShape(node.shape, freeName)} does not broadcast to ${showShape(wanted, freeName)}`,
          [],
          "only axes of size 1, and missing ones, can be repeated",
        );
      }
      return tensor(build.broadcast(node, wanted));
    },
  },
  concat: {
    parameters: ["tensors", "axis?"],
    doc: "tensors one after another along an axis, 0 unless told",
    apply: ({ build, freeName }, tensors, axis = number(0)) => {
      const nodes = toOneType(build, parts(tensors!, "concat"));
      const first = nodes[0]!;
      if (first.shape.length === 0)
        throw new OpError("shape-mismatch", "`concat` needs tensors with axes", [], "`stack` makes an axis");
      const at = toAxis(axis, first.shape.length, showShape(first.shape, freeName));
      return tensor(nodes.length === 1 ? first : build.concat(nodes, at));
    },
  },
  stack: {
    parameters: ["tensors", "axis?"],
    doc: "tensors of one shape along a new axis, 0 unless told",
    apply: ({ build, freeName }, tensors, axis = number(0)) => {
      const nodes = toOneType(build, parts(tensors!, "stack"));
      const shown = nodes.map((n) => showShape(n.shape, freeName));
      if (!nodes.every((n) => sameShape(n.shape, nodes[0]!.shape))) {
        throw new OpError(
          "shape-mismatch",
          `\`stack\` needs tensors of one shape, not ${[...new Set(shown)].join(" and ")}`,
          [],
          "`reshape` or `broadcast` them to one shape first",
        );
      }
      return tensor(stack(build, nodes, toAxis(axis, nodes[0]!.shape.length + 1, shown[0]!)));
    },
  },
};

const spreads = (from: Shape, to: Shape): boolean =>
  from.length <= to.length &&
  from.every((size, i) => isOne(size) || sameSize(size, to[i + to.length - from.length]!));

function parts(value: Value, what: string): readonly Value[] {
  if (value.kind !== "list")
    throw new OpError(
      "type-mismatch",
      `\`${what}\` takes a list of tensors, not ${kindOf(value)}`,
      [],
      `write ${what}([a, b])`,
    );
  if (value.items.length === 0)
    throw new OpError("empty-list", `\`${what}\` of nothing`, [], "give it a tensor or more");
  return value.items;
}

/** The shape asked for, with -1 worked out. */
function wantedShape(before: readonly Size[], value: Value, freeName: string): readonly Size[] {
  const items = value.kind === "list" ? value.items : [value];
  const open = items.filter((item) => item.kind === "number" && item.value === -1).length;
  const known = items
    .filter((item) => !(item.kind === "number" && item.value === -1))
    .map((item) => toSize(item, freeName));
  const total = elements(before)!;
  const shown = showShape(before, freeName);
  const mismatch = (target: string): never => {
    throw new OpError(
      "shape-mismatch",
      `${shown} has ${showSize(total, freeName)} entries, which do not make ${target}`,
      [],
      "keep the product of the sizes; one of them may be -1, which is what is left",
    );
  };
  const target = `[${items.map((item) => (item.kind === "number" && item.value === -1 ? "-1" : showSize(toSize(item, freeName), freeName))).join(", ")}]`;
  if (open > 1) throw new OpError("bad-size", "only one size may be -1", [], "write out the other");
  if (open === 0) {
    const after = elements(checkedShape(known, freeName))!;
    if (!sameSize(after, total)) mismatch(target);
    return known;
  }
  const part = elements(checkedShape(known, freeName))!;
  const left = divideSize(total, part) ?? mismatch(target);
  let next = 0;
  return items.map((item) => (item.kind === "number" && item.value === -1 ? left : known[next++]!));
}
