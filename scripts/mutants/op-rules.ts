/**
 * Derivative rules of windows, of rows of tables and of what runs along an axis, changed in their code: the
 * check of `test/ops.test.ts` must notice.
 */
import type { OpName } from "../../compiler/ir/node.ts";
import { ops } from "../../compiler/ops/table.ts";
import { faultOf } from "../../test/helpers/derivatives.ts";
import { type Mistake, tryMistakes } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

/** Of a file of ops, what it calls them. */
interface Changed {
  readonly file: string;
  readonly named: string;
  readonly mistakes: readonly Mistake[];
}

const changed: readonly Changed[] = [
  {
    file: "compiler/ops/windows.ts",
    named: "windowOps",
    mistakes: [
      [
        "windows side by side",
        "countOf(x!.shape[axis]!), stride, dilation }),",
        "countOf(x!.shape[axis]!), stride: dilation, dilation: stride }),",
      ],
      [
        "folds of neighbors",
        "countOf(x!.shape.at(-1)!), stride, dilation }),",
        "countOf(x!.shape.at(-1)!), stride, dilation: 1 }),",
      ],
      [
        "the last of what is folded",
        "data[offset]! += x!.data[linear]!;",
        "data[offset] = x!.data[linear]!;",
      ],
    ],
  },
  {
    file: "compiler/ops/tables.ts",
    named: "tableOps",
    mistakes: [
      ["rows of one batch", "b.take(g, y!, batch), null", "b.take(g, y!, 0), null"],
      [
        "into the first table",
        "const to = (Math.floor(at / picks) * rows + id) * width;",
        "const to = id * width;",
      ],
      [
        "from the first table",
        "const from = (Math.floor(at / picks) * rows + id) * width;",
        "const from = id * width;",
      ],
      ["the last of equal ids", "data[to + i]! += x!.data", "data[to + i]! = x!.data"],
      [
        "added to rows of other batches",
        "b.scatter(g, y!, x!.shape[batch]!, batch)",
        "b.scatter(g, y!, x!.shape[0]!, batch)",
      ],
    ],
  },
  {
    file: "compiler/ops/running.ts",
    named: "runningOps",
    mistakes: [
      ["sums from the front", "flipped(b, b.cumsum(flipped(b, g, axis), axis), axis)", "b.cumsum(g, axis)"],
      [
        "products with the entry itself",
        "b.mul(delayed(b, node, axis, 1), backwards",
        "b.mul(node, backwards",
      ],
      ["products that begin with 0", "delayed(b, node, axis, 1)", "delayed(b, node, axis, 0)"],
      ["factors of the place itself", "delayed(b, flipped(b, a, axis), axis, 0)", "flipped(b, a, axis)"],
      [
        "recurrences from the front",
        "b.mul(flow, delayed(b, node, axis, 0)), flow",
        "b.mul(flow, node), flow",
      ],
      [
        "cotangents as they come",
        "b.mul(flow, delayed(b, node, axis, 0)), flow",
        "b.mul(flow, delayed(b, node, axis, 0)), g",
      ],
    ],
  },
];

export async function opRuleMutants(): Promise<Tried[]> {
  // Records are read-only to all but this script.
  const table = ops as unknown as Record<string, unknown>;
  return Promise.all(
    changed.map(({ file, named, mistakes }) =>
      tryMistakes<Readonly<Record<string, Readonly<Record<string, unknown>>>>>(
        { file, entry: file },
        mistakes,
        (loaded) => {
          const right = Object.fromEntries(Object.keys(loaded[named]!).map((name) => [name, table[name]]));
          Object.assign(table, loaded[named]);
          try {
            const names = Object.keys(right).filter((name) => name !== "rank");
            // They are names of ops.
            return Promise.resolve(names.some((name) => faultOf(name as OpName) !== null));
          } finally {
            Object.assign(table, right);
          }
        },
      ),
    ),
  );
}
