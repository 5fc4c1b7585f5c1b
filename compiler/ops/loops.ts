/**
 * Loops: what they carry, the entries that they take, and what they leave. No record can say what one
 * of these computes, or what flows back through it, by itself: `graph/evaluate.ts` runs a loop, and
 * `passes/differentiate.ts` makes the one that runs the other way.
 */
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { fixed, known, sameShape, showShape } from "../ir/size.ts";
import { ALL, kept } from "./interval.ts";
import type { Op, OpTable } from "./op.ts";

const loops = { family: "loop", takes: "any", flops: 0, inKernels: true } as const;

const alone = (op: string) => (): never => {
  throw new RangeError(`\`${op}\` has no value outside of its loop`);
};
const elsewhere: Op<"scan">["vjp"] = { absent: "none", because: "loops are differentiated whole" };

export const loopOps: Pick<OpTable, "scan" | "pick" | "carried"> = {
  scan: {
    name: "scan",
    ...loops,
    formula: "a value at every place of a loop, stacked along the first axis",
    arity: [1, Infinity],
    infer(operands, { loop, carries }) {
      const [value] = operands;
      const first = operands.slice(1, 1 + carries);
      const next = operands.slice(1 + carries);
      requireCarries(first, next);
      return { shape: [fixed(loop.length), ...value!.shape], type: value!.type };
    },
    vjp: elsewhere,
    evaluate: alone("scan"),
    range: ([value]) => value!,
    finite: "kept",
  },
  pick: {
    name: "pick",
    ...loops,
    formula: "the entry of x at the place of a loop",
    arity: [1, 1],
    infer([x], { loop }) {
      requireLength(x!, loop);
      return { shape: x!.shape.slice(1), type: x!.type };
    },
    vjp: elsewhere,
    evaluate: alone("pick"),
    range: kept,
    finite: "kept",
  },
  carried: {
    name: "carried",
    ...loops,
    formula: "what a loop carries",
    arity: [0, 0],
    infer: (_, { shape, type }) => ({ shape, type }),
    vjp: () => [],
    evaluate: alone("carried"),
    range: () => ALL,
    finite: "given",
  },
};

function requireLength({ shape }: Node, { length }: Loop): void {
  if (shape.length > 0 && known(shape[0]!) === length) return;
  throw new OpError("bad-axis", `a loop of ${length} places takes no entries of this`, [showShape(shape)]);
}

/** @throws OpError where what is carried changes on the way */
function requireCarries(first: readonly Node[], next: readonly Node[]): void {
  if (first.length !== next.length)
    throw new OpError("shape-mismatch", "a loop carries on another number of tensors than it begins with");
  for (const [i, { shape, type }] of first.entries()) {
    const other = next[i]!;
    if (sameShape(shape, other.shape) && type === other.type) continue;
    throw new OpError("shape-mismatch", "what a loop carries has another shape or type at the next place", [
      `${type}${showShape(shape)}`,
      `${other.type}${showShape(other.shape)}`,
    ]);
  }
}
