/** Derivatives as formulas: nodes that the pass `differentiate` replaces. */
import { countOf, elements, isFree, ONE, showShape } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { checkedShape, stack, toFloat, toNode } from "../tensors.ts";
import { kindOf, list, tensor, type Value } from "../values.ts";
import type { PrimitiveContext, PrimitiveTable } from "./primitive.ts";

/** Rows of a Jacobian, each of which is a gradient of its own. */
const MAX_ROWS = 1024;

export const derivatives: PrimitiveTable = {
  grad: {
    parameters: ["scalar", "tensor"],
    doc: "∂ scalar / ∂ tensor, shaped like the tensor",
    apply: (context, scalar, wrt) => gradient(context, scalar!, wrt!),
  },
  jacobian: {
    parameters: ["vector", "tensor"],
    doc: "y [...y], x [...x] → [...y, ...x]: ∂ y / ∂ x; of vectors, the matrix",
    apply: ({ build, freeName }, vector, wrt) => {
      const y = toFloat(build, vector!);
      const x = variable(wrt!);
      const size = elements(y.shape);
      if (size === null || isFree(size)) {
        throw new OpError(
          "jacobian-of-batch",
          `\`jacobian\` needs to know its rows when compiling, and ${showShape(y.shape, freeName)} has the batch in it`,
          [],
          "take one row of the batch, or sum over it: the gradient of a sum of rows holds the gradient of each",
        );
      }
      if (countOf(size) > MAX_ROWS)
        throw new OpError(
          "jacobian-too-large",
          `a Jacobian of ${countOf(size)} rows; ${MAX_ROWS} is the most`,
          [],
          "differentiate a smaller part of it",
        );
      checkedShape([...y.shape, ...x.shape], freeName);
      const flat = build.reshape(y, [size]);
      const rows = Array.from({ length: countOf(size) }, (_, i) => {
        const entry = build.slice(flat, [{ start: i, fromEnd: false, step: 1 }], [ONE]);
        return build.grad(build.reshape(entry, []), x);
      });
      return tensor(build.reshape(stack(build, rows, 0), [...y.shape, ...x.shape]));
    },
  },
};

function gradient(context: PrimitiveContext, scalar: Value, wrt: Value): Value {
  const { build, freeName } = context;
  if (wrt.kind === "list") return list(wrt.items.map((item) => gradient(context, scalar, item)));
  const y = toNode(build, scalar);
  if (y.shape.length > 0) {
    throw new OpError(
      "not-a-scalar",
      `\`grad\` differentiates a single number, but this is ${showShape(y.shape, freeName)}`,
      [],
      "take its `sum` or `mean` first, or use `jacobian`",
    );
  }
  return tensor(build.grad(build.toFloat(y), variable(wrt)));
}

function variable(value: Value) {
  if (value.kind !== "tensor")
    throw new OpError(
      "type-mismatch",
      `a derivative is taken with respect to a tensor, not ${kindOf(value)}`,
      [],
      "name an input, a parameter, or a tensor computed from them",
    );
  return value.node;
}
