/**
 * Loops split wrongly: ops lifted along other axes, sums over other places, nodes on the wrong side of
 * the loop. Values of drawn loops must differ from those before the pass.
 */
import type * as fission from "../../test/helpers/fission.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/passes/lift.ts": [
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

    ["slices one axis off", "axes: [WHOLE, ...axes], shape", "axes: [...axes, WHOLE], shape"],
    ["rows added over the places", "{ batch: batch + 1, count }", "{ batch, count }"],
    [
      "axes exchanged with the places",
      "[0, ...node.attributes.axes.map((axis) => axis + 1)]",
      "[1, 0, ...node.attributes.axes.slice(1).map((axis) => axis + 1)]",
    ],
    [
      "ids as they lie",
      "b.permute(ids.node, inside)",
      "b.reshape(ids.node, inside.map((axis) => ids.node.shape[axis]!))",
    ],
    [
      "rows outside of the places",
      "axis + 1), 0, batch + 1, batch + 2]);\n  const all",
      "axis + 1), batch + 1, 0, batch + 2]);\n  const all",
    ],
    ["all ops are liftable", 'family !== "loop" && family !== "source"', 'family !== "source"'],
  ],
  "compiler/passes/totals.ts": [
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

    ["functions of sums", 'return isView(node) ? deep() : { kind: "stack" };', "return deep();"],
    [
      "what is the same put together once",
      'return inside.length === node.operands.length ? deep() : { kind: "stack" };',
      "return deep();",
    ],
    ["ids of other rows", "(axis < batch ? axis + 1 : axis === batch ? 0 : axis)", "axis"],
  ],
  "compiler/passes/loop-plan.ts": [
    ["nothing waits", "!known.includes(node.attributes.index)\n", "false\n"],
    ["every carried value stays", "loop.length === 1 ||", "true ||"],

    ["two places are one", "loop.length === 1 ||", "loop.length <= 2 ||"],
    [
      "another one is the same",
      "next.attributes.loop.id === loop.id && next.attributes.index === index",
      "next.attributes.loop.id === loop.id",
    ],
    ["what loops in it leave is known before", "|| !(isLiftable(node) || isPick(node, loop))", ""],
    ["what is carried for others is dropped", "[...roots, ...[...live].map((i) => next[i]!)]", "roots"],
    [
      "of the first operand alone",
      "for (const i of total.summed) needed",
      "for (const i of total.summed.slice(0, 1)) needed",
    ],
    ["late is early", "isFromBefore: (node) => !late.has(node)", "isFromBefore: () => true"],
  ],
  "compiler/passes/split-loop.ts": [
    [
      "the first value at the end",
      "loop.reverse ? [rest, begin] : [begin, rest]",
      "loop.reverse ? [begin, rest] : [rest, begin]",
    ],
    ["the first of the next values left out", "start: loop.reverse ? 1 : 0", "start: loop.reverse ? 0 : 1"],
    ["others carried", "carries.indexOf(index)", "0"],

    [
      "first values of the first",
      "first: carries.map((i) => map.get(first[i]!)!)",
      "first: carries.map(() => map.get(first[0]!)!)",
    ],
    [
      "next values of the first",
      "next: carries.map((i) => this.#here(next[i]!))",
      "next: carries.map(() => this.#here(next[0]!))",
    ],
    ["what is the same once", "timesPlaces(build(value), map.get(value)!, this.#length)", "map.get(value)!"],

    ["first values as they stand", "map.get(first[this.#carriedIndex(node)!]!)!", "map.get(first[0]!)!"],
    ["nothing follows from what is known", "      this.#lift(nodes);\n    }\n  }", "    }\n  }"],
    ["delayed by another", "this.#everywhere(next[index]!)", "this.#everywhere(next[0]!)"],
  ],
  "compiler/passes/rules/delays.ts": [
    ["delayed the other way", "loop.reverse ? [1, 0] : [0, 1]", "loop.reverse ? [0, 1] : [1, 0]"],
    ["whatever comes first", "if (!isConstant(first[value.attributes.index]!, 0)) return null;", ""],
    ["of another carried value", "next[index]!", "next[0]!"],

    [
      "factors exchanged",
      "b.matmul(b.transpose(h), a) : b.matmul(b.transpose(a), h)",
      "b.matmul(b.transpose(a), h) : b.matmul(b.transpose(h), a)",
    ],
    ["of the last rows twice", "[from, 0, 0]", "[0, 0, 0]"],
  ],
  "compiler/passes/fission.ts": [
    ["no sums but those over the places", "filter((axis) => axis > 0)", "filter((axis) => axis > 9)"],
    ["sums over any axes", "return node.attributes.axes.includes(0) ? x : null;", "return x;"],
    ["sums of any loop", "|| x.attributes.loop.id !== loop.id", ""],
    ["stacks that are summed too", "!readers(scan).every(isSummed)", "!readers(scan).some(isSummed)"],
    ["stacks that are results", "this.#roots.has(scan) || ", ""],
    [
      "entries of what is the same",
      '(x.kind === "same" ? x.node : this.entry(x.node, loop))',
      "this.entry(x.node, loop)",
    ],
    ["loops the other way", "this.#graph.loop(length, reverse)", "this.#graph.loop(length, !reverse)"],
  ],
};

export const fissionMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof fission>(mistakes, "test/helpers/fission.ts", isNoticed);

const isNoticed = (loaded: typeof fission): Promise<boolean> =>
  Promise.resolve(
    loaded.lengths.some((places) =>
      [true, false].some(
        (reverse) => loaded.faultOfSplit(loaded.sumsOverPlaces(places, reverse), places) !== null,
      ),
    ) ||
      [...loaded.loopsBesides, ...loaded.loopsOfEachOp].some(
        ([, drawing]) => loaded.faultOf(drawing, 1) !== null,
      ),
  );
