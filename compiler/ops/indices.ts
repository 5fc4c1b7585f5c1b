/** Ops on labels. */
import { countOf, fixed, isFree, ONE, sameShape, showShape } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { always, BIT, union, ZERO } from "./interval.ts";
import type { OpTable } from "./op.ts";

export function requireInt(name: string, type: string, remarks: readonly string[]): void {
  if (type === "int") return;
  throw new OpError(
    "type-mismatch",
    `\`${name}\` needs integers`,
    remarks,
    "declare it as `int`, as in `target y: int[N]`",
  );
}

export const indexOps: Pick<OpTable, "one_hot" | "gather"> = {
  one_hot: {
    name: "one_hot",
    family: "index",
    formula: "y = 0, y = 1, …",
    takes: "number",
    arity: [1, 1],
    range: always(BIT),
    finite: "always",
    flops: 1,
    inKernels: false,
    infer([y], { classes }) {
      requireInt("one_hot", y!.type, [`${y!.type}${showShape(y!.shape)}`]);
      if (!Number.isInteger(classes) || classes < 1) {
        throw new OpError("bad-size", "`one_hot` needs at least one class", [showShape(y!.shape)]);
      }
      return { shape: [...y!.shape, fixed(classes)], type: "bool" };
    },
    vjp: { absent: "flat", because: "a label is an integer" },
    evaluate([y], { attributes: { classes } }) {
      const data = new Float64Array(y!.data.length * classes);
      y!.data.forEach((label, row) => {
        if (Number.isInteger(label) && label >= 0 && label < classes) data[row * classes + label] = 1;
      });
      return { shape: [...y!.shape, classes], data };
    },
  },
  gather: {
    name: "gather",
    family: "index",
    formula: "x[…, y]",
    takes: "number",
    arity: [2, 2],
    range: ([x]) => union([x!, ZERO]),
    finite: "kept",
    flops: 1,
    inKernels: false,
    infer([x, y]) {
      const remarks = [showShape(x!.shape), `${y!.type}${showShape(y!.shape)}`];
      requireInt("gather", y!.type, remarks);
      if (!sameShape(x!.shape.slice(0, -1), y!.shape) || x!.shape.length === 0 || isFree(x!.shape.at(-1)!)) {
        throw new OpError(
          "shape-mismatch",
          "`gather` needs one index for each row",
          remarks,
          "an x of [N, K] goes with indices of [N]",
        );
      }
      return { shape: y!.shape, type: x!.type };
    },
    // d x[y] = Σ_k [k = y] dx_k
    vjp(b, { operands: [x, y] }, g) {
      const chosen = b.oneHot(y!, countOf(x!.shape.at(-1)!));
      return [b.where(chosen, b.broadcast(b.reshape(g, [...g.shape, ONE]), x!.shape), 0), null];
    },
    // As `lower` writes it, Σ_k where(k = y, x_k, 0): an index out of range gives 0.
    evaluate([x, y]) {
      const classes = x!.shape.at(-1)!;
      const data = y!.data.map((label, row) =>
        Number.isInteger(label) && label >= 0 && label < classes ? x!.data[row * classes + label]! : 0,
      );
      return { shape: y!.shape, data };
    },
  },
};
