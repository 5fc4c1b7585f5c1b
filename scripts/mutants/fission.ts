/**
 * Loops split wrongly: ops lifted along other axes, sums over other places, nodes on the wrong side of
 * the loop. Values of drawn loops must differ from those before the pass.
 */
import type * as fission from "../../test/helpers/fission.ts";
import { type Mistake, tryMistakes } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const byFile: readonly (readonly [file: string, mistakes: readonly Mistake[]])[] = [
  [
    "lift.ts",
    [
      [
        "reductions over the places",
        'node.attributes.axes.map((axis) => axis + 1) });\n    case "softmax"',
        'node.attributes.axes });\n    case "softmax"',
      ],
      [
        "rows run over the places",
        '{ axis: node.attributes.axis + 1 });\n    case "windows"',
        '{ axis: node.attributes.axis });\n    case "windows"',
      ],
      [
        "places behind the batch",
        "b.permute(apart, [batch, ...leading.map((_, axis) => axis), batch + 1, batch + 2])",
        "b.reshape(apart, [length, ...leading, rows, columns])",
      ],
      ["no turning back", "return b.transpose(turned);", "return turned;"],
      [
        "factors the other way",
        "rowsOfAll(b, b.transpose(right.node), b.transpose(left.node), product)",
        "rowsOfAll(b, b.transpose(right.node), left.node, product)",
      ],
      ["one batch fewer", "asStack(b, length, ids), batch + 1)", "asStack(b, length, ids), batch)"],
      [
        "places taken for rows",
        "return b.permute(taken, outside);",
        "return b.reshape(taken, outside.map((axis) => taken.shape[axis]!));",
      ],
    ],
  ],
  [
    "totals.ts",
    [
      [
        "the first place alone",
        "b.reshape(b.sum(stack, [0]), stack.shape.slice(1))",
        "b.reshape(b.reduce_max(stack, [0]), stack.shape.slice(1))",
      ],
      ["as if there were one place", "b.mul(node, countOf(length))", "node"],
      [
        "products of sums",
        'inside.length === 1 ? deep() : { kind: "stack" };\n    case "div"',
        'deep();\n    case "div"',
      ],
      ["an addend once", 'inside.length === 2 ? deep() : { kind: "stack" };', "deep();"],
      ["divisors summed", "inside.length === 1 && inside[0] === 0", "inside.length >= 1"],
      [
        "a sum of products as one of sums",
        '{ kind: "product" };\n      return',
        '{ kind: "inside", summed: inside };\n      return',
      ],
      [
        "rows into another table",
        'inside.includes(1) ? { kind: "scatter" }',
        'inside.includes(9) ? { kind: "scatter" }',
      ],
    ],
  ],
  [
    "loop-plan.ts",
    [
      ["nothing waits", "!known.includes(node.attributes.index)\n", "false\n"],
      ["every carried value stays", "loop.length === 1 ||", "true ||"],
    ],
  ],
  [
    "split-loop.ts",
    [
      [
        "the first value at the end",
        "loop.reverse ? [rest, begin] : [begin, rest]",
        "loop.reverse ? [begin, rest] : [rest, begin]",
      ],
      ["the first of the next values left out", "start: loop.reverse ? 1 : 0", "start: loop.reverse ? 0 : 1"],
      ["others carried", "carries.indexOf(index)", "0"],
    ],
  ],
  [
    "rules/delays.ts",
    [
      ["delayed the other way", "loop.reverse ? [1, 0] : [0, 1]", "loop.reverse ? [0, 1] : [1, 0]"],
      ["whatever comes first", "if (!isConstant(first[value.attributes.index]!, 0)) return null;", ""],
      ["of another carried value", "next[index]!", "next[0]!"],
    ],
  ],
];

export async function fissionMutants(): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const [name, mistakes] of byFile) {
    const code = {
      file: `compiler/passes/${name}`,
      anew: ["compiler/passes/", "test/helpers/graph.ts", "test/helpers/random-loops.ts"],
      entry: "test/helpers/fission.ts",
    };
    tried.push(await tryMistakes<typeof fission>(code, mistakes, isNoticed));
  }
  return tried;
}

const isNoticed = ({
  loopsOfEachOp,
  sumsOverPlaces,
  faultOf,
  faultOfSplit,
}: typeof fission): Promise<boolean> =>
  Promise.resolve(
    [true, false].some((reverse) => faultOfSplit(sumsOverPlaces(3, reverse), 3) !== null) ||
      loopsOfEachOp.some(([, drawing]) => faultOf(drawing, 1) !== null),
  );
