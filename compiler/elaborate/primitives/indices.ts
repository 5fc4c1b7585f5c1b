/** Indices, sizes, and what is asked of a value while compiling. */
import type { Build } from "../../graph/build.ts";
import { remake } from "../../graph/graph.ts";
import type { Node } from "../../ir/node.ts";
import { showShape } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { isSame } from "../operators.ts";
import { checkedShape, sizeValue, toAxis, toInteger, toNode, toSize } from "../tensors.ts";
import { boolean, kindOf, list, number, showTensor, tensor, type Value } from "../values.ts";
import type { PrimitiveContext, PrimitiveTable } from "./primitive.ts";

export const indices: PrimitiveTable = {
  one_hot: {
    parameters: ["y", "classes"],
    doc: "y [...] → [..., K]: 1 at the entry that y names, 0 elsewhere",
    apply: (context, y, classes) => {
      const K = toInteger(classes, "the number of classes");
      const labels = integers(context, y!, "one_hot");
      checkedShape([...labels.shape, toSize(number(K), context.freeName)], context.freeName);
      return tensor(context.build.toFloat(context.build.oneHot(labels, K)));
    },
  },
  gather: {
    parameters: ["x", "y"],
    doc: "x [..., K], y [...] → [...]: in each row of x the entry that y names",
    apply: (context, x, y) => {
      const { build } = context;
      const rows = toNode(build, x!);
      const entries = rows.type === "int" ? rows : build.toFloat(rows);
      return tensor(build.gather(entries, integers(context, y!, "gather")));
    },
  },
  take: {
    parameters: ["table", "ids"],
    doc: "table [V, ...], ids [...] → [..., ...]: the rows of the table that the ids name",
    apply: (context, table, ids) => {
      const { build } = context;
      return tensor(build.take(toNode(build, table!), integers(context, ids!, "take")));
    },
  },
  iota: {
    parameters: ["n"],
    doc: "0, 1, 2 … n - 1",
    apply: ({ build, freeName }, n) => tensor(build.iota(0, checkedShape([toSize(n!, freeName)], freeName))),
  },
  size: {
    parameters: ["x", "axis"],
    doc: "the size of an axis",
    apply: ({ build, freeName }, x, axis) => {
      const { shape } = toNode(build, x!);
      return sizeValue(shape[toAxis(axis!, shape.length, showShape(shape, freeName))]!);
    },
  },
  shape: {
    parameters: ["x"],
    doc: "the sizes of all axes, as a list",
    apply: ({ build }, x) => list(toNode(build, x!).shape.map(sizeValue)),
  },
  len: {
    parameters: ["x"],
    doc: "how many items a list or a range has",
    apply: (_, x) => {
      if (x!.kind === "list") return number(x!.items.length);
      if (x!.kind === "range") return number(Math.max(0, x!.stop - x!.start));
      throw new OpError(
        "type-mismatch",
        `\`len\` counts the items of a list, but this is ${kindOf(x!)}`,
        [],
        "`size(x, axis)` is the size of a tensor's axis",
      );
    },
  },
  is_list: {
    parameters: ["x"],
    doc: "whether x is a list",
    apply: (_, x) => boolean(x!.kind === "list"),
  },
  is_same: {
    parameters: ["a", "b"],
    doc: "whether a and b are one and the same value: one formula, where they are tensors",
    apply: (_, a, b) => boolean(isSame(a!, b!)),
  },
};

/** Views inside one another that are looked through. */
const MOST_VIEWS = 100;

/**
 * A tensor as `int` where it is one, or is whole numbers written in the program, in whatever order
 * and shape their views put them; `null` for another.
 */
export function wholeNumbers(build: Build, node: Node, views = MOST_VIEWS): Node | null {
  if (node.type === "int") return node;
  if (node.type === "bool" || views === 0) return null;
  switch (node.op) {
    case "table":
      if (!node.attributes.values.every(Number.isInteger)) return null;
      return build.graph.make("table", [], { ...node.attributes, type: "int" }, build.origin) as Node;
    case "constant":
      if (!Number.isInteger(node.attributes.value)) return null;
      return build.constant(node.attributes.value, node.shape, "int");
    case "cast":
      return node.operands[0]!.type === "int" ? node.operands[0]! : null;
    case "reshape":
    case "permute":
    case "broadcast":
    case "slice":
    case "windows":
    case "concat":
    // Whole numbers of a range are counted from 0, and then moved.
    case "add":
    case "sub":
    case "mul":
    case "neg": {
      const operands: Node[] = [];
      for (const operand of node.operands) {
        const whole = wholeNumbers(build, operand, views - 1);
        if (whole === null) return null;
        operands.push(whole);
      }
      return remake(build.graph, node, operands);
    }
    case "where": {
      const [then, otherwise] = node.operands
        .slice(1)
        .map((branch) => wholeNumbers(build, branch, views - 1));
      return then && otherwise ? remake(build.graph, node, [node.operands[0]!, then, otherwise]) : null;
    }
    default:
      return null;
  }
}

/** Labels: a tensor of `int`, or whole numbers written in the program. */
function integers({ build, freeName }: PrimitiveContext, y: Value, what: string) {
  const node = toNode(build, y);
  const whole = wholeNumbers(build, node);
  if (whole !== null) return whole;
  throw new OpError(
    "type-mismatch",
    `\`${what}\` needs whole numbers, but these are ${node.type === "bool" ? "true or false" : "floats"}`,
    [showTensor(node, freeName)],
    `declare the input as \`int${showShape(node.shape, freeName)}\``,
  );
}
