/**
 * What may follow the sums of a product in the same kernel. A tile's results are few, and its sums
 * hold nearly all registers: a function such as `tanh` waits there for its own instructions, where
 * in a loop over a whole row it overlaps with the next ones. Of an MLP of 64 units a step takes 8 %
 * less with kernels of their own for its functions, a prediction 18 %, at 32 rows as at 16,384; the
 * digit network's module, whose layers then share the update of its optimizer, 24 %.
 * But what the tiles leave for such a kernel takes memory: where that is dear, all stays in registers.
 */
import type { Node } from "../ir/node.ts";
import { isZero } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { behindReshapes } from "../ops/movement.ts";
import { operationsOf, RANDOM_COST } from "./cost.ts";
import type { GrowingBody } from "./form.ts";
import type { Body } from "./formed.ts";
import { isNarrow } from "./tiling.ts";
import type { View } from "./view.ts";

/** Operations of each result: a function has 16 and more, as have two divisions. */
const MOST_OPERATIONS = 15;

/** Whether the kernel of a product may compute what `body` makes of its results. */
export const isEpilogue = (body: Body, { group, depth }: GrowingBody): boolean =>
  // In a narrow one many rows lie in the lanes.
  isNarrow(group.domain.at(-1)!, depth) || operationsEach(body) <= MOST_OPERATIONS;

/** Operations of an entry, without those that are the same in all rows. */
function operationsEach({ values, reads }: Body): number {
  const isEach = ({ strides }: View): boolean => strides.slice(0, -1).some((stride) => !isZero(stride));
  /** Beside the values: whether each is another one in every row. */
  const each: boolean[] = [];
  let operations = 0;
  for (const value of values) {
    switch (value.kind) {
      case "load":
        each.push(isEach(reads[value.access]!.view));
        break;
      case "index":
        each.push(isEach(value.view));
        break;
      case "random":
        each.push(true);
        operations += RANDOM_COST;
        break;
      case "apply": {
        const varies = value.arguments.some((a) => each[a]!);
        each.push(varies);
        if (varies) operations += operationsOf(value.op);
        break;
      }
      default:
        each.push(false);
    }
  }
  return operations;
}

/**
 * Whether the kernel of a wide product may compute a value of its results.
 * @param sparing whether it may be a function
 */
export function mayBeEpilogue(value: Node, sparing: boolean): boolean {
  const seen = new Set([behindReshapes(value)]);
  let [operations, hasProduct] = [0, false];
  for (const node of seen) {
    if (node.op === "matmul") hasProduct = true;
    if (!isElementwise(node)) continue;
    operations += operationsOf(node.op);
    for (const x of node.operands) seen.add(behindReshapes(x));
  }
  return hasProduct && (sparing || operations <= MOST_OPERATIONS);
}
