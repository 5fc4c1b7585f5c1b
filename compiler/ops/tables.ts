/** Rows of tables, by their numbers: taken, and added up again where they were taken from. */
import type { Node } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { sameShape, type Shape, shapeAt, showShape } from "../ir/size.ts";
import { requireInt } from "./indices.ts";
import { total, union, ZERO } from "./interval.ts";
import type { OpTable, Values } from "./op.ts";
import { count } from "./strided.ts";

/** Shapes of a table [...batch, V, ...rest] and of what is taken from it by ids of [...batch, ...ids]. */
export interface TableShapes {
  readonly batch: Shape;
  readonly ids: Shape;
  readonly rest: Shape;
}

/** @param table of a table's rank, beginning with the batch: the table itself, or the shape of its rows */
export function tableShapes(
  node: Extract<Node, { op: "take" | "scatter" }>,
): TableShapes & { readonly rows: Shape[number] } {
  const { batch } = node.attributes;
  const [first, ids] = node.operands;
  const table = node.op === "take" ? first!.shape : node.shape;
  return {
    batch: ids!.shape.slice(0, batch),
    ids: ids!.shape.slice(batch),
    rest: table.slice(batch + 1),
    rows: table[batch]!,
  };
}

const isRow = (id: number, rows: number): boolean => Number.isInteger(id) && id >= 0 && id < rows;

/** How many numbers there are in: the batch, the ids of one of it, the rows of a table, and a row. */
function counts(
  ids: readonly number[],
  table: readonly number[],
  batch: number,
): { readonly picks: number; readonly rows: number; readonly width: number; readonly all: number } {
  return {
    all: count(ids),
    picks: count(ids.slice(batch)),
    rows: table[batch]!,
    width: count(table.slice(batch + 1)),
  };
}

const index = {
  family: "index",
  takes: "any",
  arity: [2, 2],
  flops: 1,
  finite: "kept",
  inKernels: true,
} as const;

export const tableOps: Pick<OpTable, "take" | "scatter"> = {
  take: {
    name: "take",
    ...index,
    formula: "x[y, …]",
    range: ([x]) => union([x!, ZERO]),
    infer([x, y], { batch }) {
      const remarks = [showShape(x!.shape), `${y!.type}${showShape(y!.shape)}`];
      requireInt("take", y!.type, remarks);
      const shared = x!.shape.slice(0, batch);
      if (x!.shape.length <= batch || !sameShape(shared, y!.shape.slice(0, batch))) {
        throw new OpError(
          "shape-mismatch",
          "`take` needs a table with rows to take",
          remarks,
          "a table is [V, ...], and ids name its rows",
        );
      }
      return { shape: [...y!.shape, ...x!.shape.slice(batch + 1)], type: x!.type };
    },
    // d x[y] = dx[y], so each row of x gets what flows to wherever it was taken.
    vjp: (b, { operands: [x, y], attributes: { batch } }, g) => [
      b.scatter(g, y!, x!.shape[batch]!, batch),
      null,
    ],
    // An id out of range gives 0.
    evaluate([x, y], { attributes: { batch } }): Values {
      const { all, picks, rows, width } = counts(y!.shape, x!.shape, batch);
      const data = new Float64Array(all * width);
      for (let at = 0; at < all; at++) {
        const id = y!.data[at]!;
        if (!isRow(id, rows)) continue;
        const from = (Math.floor(at / picks) * rows + id) * width;
        data.set(x!.data.subarray(from, from + width), at * width);
      }
      return { shape: [...y!.shape, ...x!.shape.slice(batch + 1)], data };
    },
  },
  scatter: {
    name: "scatter",
    ...index,
    formula: "Σ [k = y] x",
    takes: "number",
    range: ([x]) => union([total(x!), ZERO]),
    infer([x, y], { batch, count: rows }) {
      const remarks = [showShape(x!.shape), `${y!.type}${showShape(y!.shape)}`];
      requireInt("scatter", y!.type, remarks);
      const rank = y!.shape.length;
      if (rank < batch || !sameShape(x!.shape.slice(0, rank), y!.shape)) {
        throw new OpError("shape-mismatch", "`scatter` needs a row for each id", remarks);
      }
      return { shape: [...y!.shape.slice(0, batch), rows, ...x!.shape.slice(rank)], type: x!.type };
    },
    // d Σ [k = y] x = Σ [k = y] dx
    vjp: (b, { operands: [, y], attributes: { batch } }, g) => [b.take(g, y!, batch), null],
    // Rows are added in the order of the ids; one whose id is out of range is left out.
    evaluate([x, y], node, { n }): Values {
      const { batch } = node.attributes;
      const shape = shapeAt(node.shape, n);
      const { all, picks, rows, width } = counts(y!.shape, shape, batch);
      const data = new Float64Array(count(shape));
      for (let at = 0; at < all; at++) {
        const id = y!.data[at]!;
        if (!isRow(id, rows)) continue;
        const to = (Math.floor(at / picks) * rows + id) * width;
        for (let i = 0; i < width; i++) data[to + i]! += x!.data[at * width + i]!;
      }
      return { shape, data };
    },
  },
};
