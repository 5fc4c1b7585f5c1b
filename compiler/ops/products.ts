/** The batched matrix product. */
import { sameShape, sameSize, showShape, showSize } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { product, total } from "./interval.ts";
import type { OpTable } from "./op.ts";
import { requireTypes } from "./operand-types.ts";
import { count } from "./strided.ts";

export const productOps: Pick<OpTable, "matmul"> = {
  matmul: {
    name: "matmul",
    family: "product",
    formula: "Σ_k a[…, m, k] b[…, k, n]",
    takes: "number",
    arity: [2, 2],
    range: ([a, b]) => total(product(a!, b!)),
    finite: "kept",
    flops: 2,
    inKernels: true,
    infer([a, b]) {
      const remarks = [showShape(a!.shape), showShape(b!.shape)];
      requireTypes("@", "number", [a!, b!]);
      const rank = a!.shape.length;
      if (rank < 2 || b!.shape.length !== rank) {
        throw new OpError("shape-mismatch", "`@` needs two matrices, or two stacks of matrices", remarks);
      }
      const [rows, inner] = [a!.shape[rank - 2]!, a!.shape[rank - 1]!];
      const [depth, columns] = [b!.shape[rank - 2]!, b!.shape[rank - 1]!];
      if (!sameSize(inner, depth)) {
        throw new OpError(
          "shape-mismatch",
          "`@` needs the inner sizes to agree",
          remarks,
          `${showSize(inner)} on the left is ${showSize(depth)} on the right`,
        );
      }
      const batch = a!.shape.slice(0, -2);
      if (!sameShape(batch, b!.shape.slice(0, -2))) {
        throw new OpError("shape-mismatch", "`@` needs the leading sizes to agree", remarks);
      }
      return { shape: [...batch, rows, columns], type: "float" };
    },
    // d (A B) = dA B + A dB
    vjp(build, { operands: [a, b] }, g) {
      return [build.matmul(g, build.transpose(b!)), build.matmul(build.transpose(a!), g)];
    },
    evaluate([a, b]) {
      const [rows, depth] = a!.shape.slice(-2) as [number, number];
      const columns = b!.shape.at(-1)!;
      const shape = [...a!.shape.slice(0, -1), columns];
      const batches = count(a!.shape.slice(0, -2));
      const data = new Float64Array(count(shape));
      for (let row = 0; row < batches * rows; row++) {
        const right = Math.floor(row / rows) * depth * columns;
        for (let k = 0; k < depth; k++) {
          const left = a!.data[row * depth + k]!;
          for (let j = 0; j < columns; j++) {
            data[row * columns + j]! += left * b!.data[right + k * columns + j]!;
          }
        }
      }
      return { shape, data };
    },
  },
};
