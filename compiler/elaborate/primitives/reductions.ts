/** Sums and the like over axes; over all of them where none is named. */
import type { Build } from "../../graph/build.ts";
import type { Node, ReductionName } from "../../ir/node.ts";
import { elements } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { reduced } from "../../ops/scalar.ts";
import { sizeValue, toAxes, toBoolean, toFloat, toNode } from "../tensors.ts";
import { number, tensor, type Value } from "../values.ts";
import { larger } from "./elementwise.ts";
import type { Primitive, PrimitiveContext, PrimitiveTable } from "./primitive.ts";

function reduce(
  { build, freeName }: PrimitiveContext,
  op: ReductionName,
  x: Value,
  axis: Value | undefined,
  keep: Value | undefined,
): Value {
  const given = toNode(build, x);
  const isInt = given.type === "int" && (op === "reduce_max" || op === "reduce_min");
  const node = isInt ? given : build.toFloat(given);
  const axes = toAxes(axis, node, freeName);
  const result = build.reduce(op, node, axes);
  return tensor(toBoolean(keep, false, "`keep`") ? result : drop(build, result, axes));
}

const drop = (build: Build, x: Node, axes: readonly number[]): Node =>
  build.reshape(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );

/** The numbers of a number or of a list of numbers. */
function numbersOf(x: Value): readonly number[] | null {
  if (x.kind === "number") return [x.value];
  if (x.kind !== "list" || x.items.length === 0) return null;
  const numbers = x.items.flatMap((item) => (item.kind === "number" ? [item.value] : []));
  return numbers.length === x.items.length ? numbers : null;
}

const reduction = (op: ReductionName, doc: string): Primitive => ({
  parameters: ["x", "axis?", "keep?"],
  doc,
  apply: (context, x, axis, keep) => {
    const numbers = axis === undefined || axis.kind === "all" ? numbersOf(x!) : null;
    return numbers === null ? reduce(context, op, x!, axis, keep) : number(reduced(op, numbers));
  },
});

const extreme = (op: "max" | "min", reducer: ReductionName, doc: string): Primitive => ({
  parameters: ["a", "b?", "axis?", "keep?"],
  doc,
  apply: (context, a, b, axis, keep) => {
    if (b !== undefined) {
      if (axis !== undefined || keep !== undefined) {
        throw new OpError(
          "argument-unexpected",
          `\`${op}\` of two tensors has no axis`,
          [],
          `write ${op}(a, b), or ${op}(x, axis = 1)`,
        );
      }
      return larger(context, op, a!, b);
    }
    const numbers = axis === undefined || axis.kind === "all" ? numbersOf(a!) : null;
    return numbers === null ? reduce(context, reducer, a!, axis, keep) : number(reduced(reducer, numbers));
  },
});

export const reductions: PrimitiveTable = {
  sum: reduction("sum", "the sum over axes"),
  prod: reduction("prod", "the product over axes"),
  logsumexp: reduction("logsumexp", "log Σ e^x over axes, without overflow"),
  max: extreme("max", "reduce_max", "the larger of two, or the largest over axes"),
  min: extreme("min", "reduce_min", "the smaller of two, or the smallest over axes"),
  argmax: {
    parameters: ["x", "axis?", "keep?"],
    doc: "the index of the first largest entry; without an axis, of the tensor read row by row",
    apply: ({ build, freeName }, x, axis, keep) => {
      let node = toFloat(build, x!);
      let axes: readonly number[] = [0];
      if (axis === undefined || axis.kind === "all") {
        const size = elements(node.shape);
        if (size === null)
          throw new OpError(
            "free-squared",
            "`argmax` of a tensor with the batch on two axes",
            [],
            "name an axis",
          );
        node = build.reshape(node, [size]);
      } else axes = toAxes(axis, node, freeName);
      const result = build.reduce("argmax", node, axes);
      return tensor(toBoolean(keep, false, "`keep`") ? result : drop(build, result, axes));
    },
  },
  count: {
    parameters: ["x", "axis?"],
    doc: "how many entries a reduction over these axes takes together",
    apply: ({ build, freeName }, x, axis) => {
      const node = toNode(build, x!);
      const sizes = toAxes(axis, node, freeName).map((a) => node.shape[a]!);
      const size = elements(sizes);
      if (size === null)
        throw new OpError(
          "free-squared",
          "`count` over two axes that are both the batch",
          [],
          "name one axis",
        );
      return sizeValue(size);
    },
  },
};
