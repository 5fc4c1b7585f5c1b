/**
 * `a @ b` on tensors of any rank, as in NumPy: a vector is a row on the left and a column on the
 * right.
 */
import { commonShape } from "../ir/broadcast.ts";
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { elements, ONE, sameSize, type Shape } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";

/** @throws OpError `shape-mismatch` */
export function product(build: Build, a: Node, b: Node): Node {
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw new OpError(
      "shape-mismatch",
      "`@` multiplies matrices and vectors, and a scalar is neither",
      [],
      "use `*` to scale",
    );
  }
  const row = a.shape.length === 1;
  const column = b.shape.length === 1;
  const left = row ? build.reshape(a, [ONE, ...a.shape]) : a;
  const right = column ? build.reshape(b, [...b.shape, ONE]) : b;
  const [m, k] = left.shape.slice(-2);
  const [depth, n] = right.shape.slice(-2);
  if (!sameSize(k!, depth!))
    throw new OpError(
      "shape-mismatch",
      "`@` needs the inner sizes to agree",
      [],
      "the last size on the left is the last but one on the right",
    );

  const full = stacked(build, left, right);
  const lead = full.shape.slice(0, -2);
  return build.reshape(full, [...lead, ...(row ? [] : [m!]), ...(column ? [] : [n!])]);
}

/** [..., m, k] · [..., k, n] with the leading axes broadcast. */
function stacked(build: Build, a: Node, b: Node): Node {
  const leadA = a.shape.slice(0, -2);
  const leadB = b.shape.slice(0, -2);
  const [m, k] = a.shape.slice(-2);
  const [, n] = b.shape.slice(-2);
  if (leadB.length === 0 && leadA.length > 0) {
    // One matrix for the whole stack: the stack's rows are the rows of one product.
    const rows = elements([...leadA, m!]);
    if (rows !== null) {
      const flat = build.matmul(build.reshape(a, [rows, k!]), b);
      return build.reshape(flat, [...leadA, m!, n!]);
    }
  }
  const lead: Shape = commonShape([leadA, leadB]);
  return build.matmul(build.broadcast(a, [...lead, m!, k!]), build.broadcast(b, [...lead, k!, n!]));
}
