/** Functions of each entry. Of numbers they are numbers, computed at once. */
import type { Build } from "../../graph/build.ts";
import { commonShape } from "../../ir/broadcast.ts";
import type { ElementwiseName, Node } from "../../ir/node.ts";
import { sameShape, showShape } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { numberFunctions } from "../../ops/elementwise.ts";
import { scalar } from "../../ops/scalar.ts";
import { binary, elementwise as elementwiseOf, ofEach, toTruth } from "../operators.ts";
import { toFloat, toNode } from "../tensors.ts";
import { number, tensor, type Value } from "../values.ts";
import type { Primitive, PrimitiveContext, PrimitiveTable } from "./primitive.ts";

const unary = (op: ElementwiseName, doc: string): Primitive => ({
  parameters: ["x"],
  doc,
  apply: ({ build }, x) =>
    x!.kind === "number" ? number(scalar(op, x!.value)) : tensor(ofEach(build, op, x!)),
});

/** `max` and `min` of two; of one they are reductions. */
export function larger({ build }: PrimitiveContext, op: "max" | "min", a: Value, b: Value): Value {
  if (a.kind === "number" && b.kind === "number") {
    return number(scalar(op, a.value, b.value));
  }
  return elementwiseOf(build, op, a, b);
}

export const elementwise: PrimitiveTable = {
  ...Object.fromEntries(numberFunctions.map(([op, doc]) => [op, unary(op, doc)])),
  atan2: {
    parameters: ["y", "x"],
    doc: "the angle from -π to π of the point (x, y)",
    apply: ({ build }, y, x) =>
      y!.kind === "number" && x!.kind === "number"
        ? number(scalar("atan2", y!.value, x!.value))
        : elementwiseOf(build, "atan2", y!, x!),
  },
  softplus: {
    parameters: ["x", "beta?"],
    doc: "log(1 + e^(beta x)) / beta, without overflow",
    apply: (context, x, beta = number(1)) => {
      const { build } = context;
      const isOne = beta.kind === "number" && beta.value === 1;
      const scaled = isOne ? x! : binary(build, "*", x!, beta);
      const value: Value =
        scaled.kind === "number"
          ? number(scalar("softplus", scaled.value))
          : tensor(build.softplus(toFloat(build, scaled)));
      return isOne ? value : binary(build, "/", value, beta);
    },
  },
  stop_gradient: {
    parameters: ["x"],
    doc: "x, through which no gradient flows",
    apply: ({ build }, x) => tensor(build.elementwise("stop_gradient", toFloat(build, x!))),
  },
  couple: {
    parameters: ["x", "a"],
    doc: "x + a; x is not kept for the backward pass, but made again as the sum - a: `a` must not depend on x",
    apply: ({ build, freeName }, x, a) => {
      const [kept, added] = [toFloat(build, x!), toFloat(build, a!)];
      const sum = build.elementwise("couple", kept, added);
      if (!sameShape(sum.shape, kept.shape)) {
        const remarks = [kept, added].map((node) => showShape(node.shape, freeName));
        throw new OpError("shape-mismatch", "`couple` cannot stretch its first operand", remarks);
      }
      return tensor(sum);
    },
  },
  where: {
    parameters: ["condition", "a", "b"],
    doc: "a where the condition holds, b elsewhere",
    apply: ({ build }, condition, a, b) => {
      if (condition!.kind === "boolean")
        return condition!.value ? inShape(build, a!, b!) : inShape(build, b!, a!);
      const truth = toTruth(build, condition!, "where");
      const [then, otherwise] = [a!, b!].map((v) => (v.kind === "number" ? v.value : toNode(build, v)));
      if (typeof then === "object" && typeof otherwise === "object" && then.type !== otherwise.type) {
        return tensor(build.where(truth, build.toFloat(then), build.toFloat(otherwise)));
      }
      if (typeof then === "object" && then.type === "bool" && typeof otherwise === "number") {
        throw new OpError(
          "type-mismatch",
          "`where` chooses between true or false and a number",
          [],
          "make both sides numbers, or both sides true or false",
        );
      }
      return tensor(build.where(truth, beside(build, then!, otherwise!), beside(build, otherwise!, then!)));
    },
  },
};

/** The branch taken, in the shape that both have together; what are no tensors are taken as they are. */
function inShape(build: Build, taken: Value, other: Value): Value {
  const isArray = ({ kind }: Value): boolean => kind === "tensor" || kind === "number" || kind === "list";
  if ((taken.kind !== "tensor" && other.kind !== "tensor") || !isArray(taken) || !isArray(other))
    return taken;
  const node = toNode(build, taken);
  const shape = commonShape([node.shape, toNode(build, other).shape]);
  return taken.kind === "tensor" && sameShape(shape, node.shape)
    ? taken
    : tensor(build.broadcast(node, shape));
}

/** A branch beside a number: a whole number leaves ints as they are, another makes floats of them. */
function beside(build: Build, branch: Node | number, other: Node | number): Node | number {
  if (typeof branch === "number") {
    const isLabel = typeof other === "object" && other.type === "int" && Number.isInteger(branch);
    return isLabel ? build.constant(branch, [], "int") : branch;
  }
  return typeof other === "object" || (branch.type === "int" && Number.isInteger(other))
    ? branch
    : build.toFloat(branch);
}
