/**
 * Small operands of a sum that lie otherwise than it runs: the weights of a window for each channel,
 * read again at every place, channels apart. They are turned once, so that what is read with them
 * fills vectors.
 */
import type { Node } from "../ir/node.ts";
import { countOf, elements, isFree, isUnit, isZero } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import type { Access, Body } from "./formed.ts";
import type { Group } from "./group.ts";
import { isLaid, isReduction } from "./kinds.ts";
import { orderOf } from "./loops.ts";
import type { Locate } from "./place.ts";

/** Entries beyond which turning is felt. */
const MOST_ENTRIES = 1 << 16;
/** Turns of a loop in which it is read again, from which on turning is worth it. */
const LEAST_AGAIN = 8;

/** The permutation to store first, where a sum reads such an operand; else null. */
export function turnedOperand(group: Group, body: Body, locate: Locate): Node | null {
  const sum = group.items[0]?.node;
  if (group.matmul !== null || sum === undefined || !isReduction(sum)) return null;
  const order = orderOf(group, body);
  const lanes = order.findLast((axis) => group.inner[axis] !== true);
  if (lanes === undefined || !body.reads.some(({ view }) => isUnit(view.strides[lanes]!))) return null;
  const scattered = body.reads.filter((read) => isScattered(read, lanes, group));
  return scattered.length === 0 ? null : permutationOf(sum.operands[0]!, scattered, locate);
}

/** Whether it is read again along some kept loop, and its entries lie apart along the lanes. */
function isScattered({ view }: Access, lanes: number, { domain, inner }: Group): boolean {
  const along = view.strides[lanes]!;
  const isAgain = view.strides.some(
    (stride, axis) => isZero(stride) && inner[axis] !== true && countOf(domain[axis]!) >= LEAST_AGAIN,
  );
  return isAgain && !isZero(along) && !isUnit(along);
}

/** Under the formula of the terms, the innermost permutation over what is read so. */
function permutationOf(terms: Node, reads: readonly Access[], locate: Locate): Node | null {
  const seen = new Set<Node>([terms]);
  for (const node of seen) {
    if (locate(node) !== undefined) continue;
    if (isElementwise(node)) for (const operand of node.operands) seen.add(operand);
    let permutation: Node | null = null;
    let base = node;
    for (; isLaid(base) && locate(base) === undefined; base = base.operands[0]!)
      if (base.op === "permute") permutation = base;
    if (base !== node) seen.add(base);
    if (permutation === null || !isSmall(permutation)) continue;
    if (reads.some(({ region }) => region === locate(base)?.region)) return permutation;
  }
  return null;
}

function isSmall({ shape }: Node): boolean {
  const count = elements(shape);
  return count !== null && !isFree(count) && countOf(count) <= MOST_ENTRIES;
}
