/** What runs along an axis entry by entry, and what puts an axis in order. */
import type { Build } from "../../graph/build.ts";
import type { Node } from "../../ir/node.ts";
import { countOf, fixed, showShape, type Size } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { toAxis, toBoolean, toInteger, toNode } from "../tensors.ts";
import { list, number, tensor, type Value } from "../values.ts";
import type { PrimitiveContext, PrimitiveTable } from "./primitive.ts";
import { requireKnown } from "./windows.ts";

export const running: PrimitiveTable = {
  cumsum: {
    parameters: ["x", "axis"],
    doc: "each entry with all before it along the axis, added up",
    apply: (context, x, axis) => {
      const { node, at } = along(context, "cumsum", x!, axis!);
      return tensor(context.build.cumsum(node, at));
    },
  },
  cumprod: {
    parameters: ["x", "axis"],
    doc: "each entry times all before it along the axis",
    apply: (context, x, axis) => {
      const { node, at } = along(context, "cumprod", x!, axis!);
      return tensor(context.build.cumprod(node, at));
    },
  },
  sort: {
    parameters: ["x", "axis?", "descending?"],
    doc: "the entries of an axis in order, the last one unless told; NaN counts as the largest",
    apply: (context, x, axis, descending) => {
      const { build } = context;
      const { node, at } = along(context, "sort", x!, axis ?? number(-1));
      return tensor(
        inLast(build, node, at, (rows) => {
          const last = rows.shape.length - 1;
          return build.scatter(rows, build.rank(rows, isDescending(descending)), rows.shape[last]!, last);
        }),
      );
    },
  },
  argsort: {
    parameters: ["x", "axis?", "descending?"],
    doc: "which entries of an axis those of `sort` are; of equal ones the first comes first",
    apply: (context, x, axis, descending) => {
      const { build } = context;
      const { node, at } = along(context, "argsort", x!, axis ?? number(-1));
      return tensor(
        inLast(build, node, at, (rows) =>
          indicesOf(build, build.rank(rows, isDescending(descending)), rows.shape.at(-1)!),
        ),
      );
    },
  },
  top_k: {
    parameters: ["x", "k", "axis?"],
    doc: "the k largest entries of an axis, the largest first, and which they are: [values, indices]",
    apply: (context, x, k, axis) => {
      const { build, freeName } = context;
      const { node, at } = along(context, "top_k", x!, axis ?? number(-1));
      const most = countOf(node.shape[at]!);
      const count = toInteger(k, "the number of entries");
      if (count < 1 || count > most) {
        throw new OpError(
          "bad-size",
          `\`top_k\` has ${most} entries to take the largest of, not ${count}`,
          [showShape(node.shape, freeName)],
          `write a number from 1 to ${most}`,
        );
      }
      const values = inLast(build, node, at, (rows) =>
        build.scatter(rows, build.rank(rows, true), fixed(count), rows.shape.length - 1),
      );
      const indices = inLast(build, node, at, (rows) =>
        indicesOf(build, build.rank(rows, true), fixed(count)),
      );
      return list([tensor(values), tensor(indices)]);
    },
  },
};

/** Which entries are the first `count` of the order that places say. */
function indicesOf(build: Build, places: Node, count: Size): Node {
  const last = places.shape.length - 1;
  return build.scatter(build.iota(last, places.shape), places, count, last);
}

/** What is done to the last axis, done to another. */
function inLast(build: Build, node: Node, axis: number, what: (rows: Node) => Node): Node {
  const order = node.shape.map((_, at) => at).filter((at) => at !== axis);
  const turned = [...order, axis];
  return build.permute(
    what(build.permute(node, turned)),
    turned.map((_, at) => turned.indexOf(at)),
  );
}

/** A tensor of numbers, and an axis that is not the batch. @throws OpError */
function along(
  { build, freeName }: PrimitiveContext,
  name: string,
  x: Value,
  axis: Value,
): { readonly node: Node; readonly at: number } {
  const given = toNode(build, x);
  const node = given.type === "bool" ? build.toFloat(given) : given;
  const at = toAxis(axis, node.shape.length, showShape(node.shape, freeName));
  requireKnown(name, node, at, freeName);
  return { node, at };
}

const isDescending = (value: Value | undefined): boolean => toBoolean(value, false, "`descending`");
