/**
 * What can be said of the values of a node from its formula alone. Derivative rules ask whether a
 * pole can be met, warnings whether a value is held in bounds.
 */
import { fact } from "../ir/fact.ts";
import type { Node, OpName } from "../ir/node.ts";
import { isEmpty } from "../ir/size.ts";
import { ALL, contains, type Interval, outward } from "./interval.ts";
import { isView } from "./movement.ts";
import type { Op } from "./op.ts";
import { ops } from "./table.ts";

/** Where the entries of a node lie that are not NaN, its operands' lying in these intervals. */
export function rangeFrom(node: Node, intervals: readonly Interval[]): Interval {
  if (node.operands.some((x) => x.shape.some(isEmpty))) return ALL;
  // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
  const record = ops[node.op] as unknown as Op<OpName>;
  return outward(record.range(intervals, node as never));
}

/** Where the entries of x lie that are not NaN. */
const rangeOf: (x: Node) => Interval = fact(rangeFrom);

const rangesOf = (x: Node): readonly Interval[] => x.operands.map(rangeOf);

/** Whether x may be 0, as far as can be seen: a size and 1 + |z| are not. */
export const mayBeZero = (x: Node): boolean => contains(rangeOf(x), 0);

/** Whether entries of x may be NaN where those of its operands are finite. */
export const hasGap = (x: Node): boolean => ops[x.op].gap?.(rangesOf(x)) ?? false;

/** Whether entries of x may be ∞ or -∞ where those of its operands are finite. */
export const hasPole = (x: Node): boolean => ops[x.op].pole?.(rangesOf(x)) ?? false;

/** They hand on what is infinite. */
const HANDS_ON: ReadonlySet<OpName> = new Set<OpName>(["neg", "abs", "sqrt", "add", "sub", "mul"]);

/**
 * Whether x may be ∞ or -∞ where what it is made of is finite, as far as can be seen: a pole is
 * met, or an exponential overflows.
 */
export const mayBeInfinite: (x: Node) => boolean = fact<boolean>(
  (x, operands) => hasPole(x) || ((isView(x) || HANDS_ON.has(x.op)) && operands.includes(true)),
);
