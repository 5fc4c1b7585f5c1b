/**
 * Updates of the rows that a step has taken from a table, and of no others: where the new value is
 * the old one plus numbers times what a `scatter` adds up, each of its addends is added to the
 * parameter itself. So a step of plain gradient descent does not go through all of an embedding.
 */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { countOf, isFree, isOne } from "../ir/size.ts";
import { isLaid } from "./kinds.ts";

/**
 * Rows from which on a table is larger than what is taken from it. In a shorter one ids come again
 * and again, and what is added up first, and then to the old value, is rounded less often.
 */
const LEAST_ROWS = 256;

/** Numbers and sums inside one another that are read. */
const DEPTH = 16;

/** Rows to be added to those that `ids` name. */
export interface RowUpdate {
  readonly rows: Node;
  readonly ids: Node;
  /** What `rows` are numbers times. */
  readonly gradient: Node;
}

/**
 * What `update` adds to `old`, row by row, or null where it does more than that.
 * @param b makes the formulas of what is added
 */
export function rowUpdates(b: Build, update: Node, isOld: (node: Node) => boolean): RowUpdate[] | null {
  const found: RowUpdate[] = [];
  let old = 0;
  const read = (node: Node, times: readonly Node[], isNegative: boolean, depth: number): boolean => {
    if (isOld(node)) {
      old += 1;
      return times.length === 0 && !isNegative;
    }
    if (depth === 0) return false;
    const [x, y] = node.operands;
    const inside = (of: Node, more: readonly Node[] = times, turned = isNegative): boolean =>
      read(of, more, turned, depth - 1);
    switch (node.op) {
      case "add":
        return inside(x!) && inside(y!);
      case "sub":
        return inside(x!) && inside(y!, times, !isNegative);
      case "neg":
        return inside(x!, times, !isNegative);
      case "mul": {
        const [left, right] = [numberOf(b, x!), numberOf(b, y!)];
        if (left !== null) return inside(y!, [...times, left]);
        return right !== null && inside(x!, [...times, right]);
      }
      case "scatter": {
        const { batch, count } = node.attributes;
        if (batch > 0 || isFree(count) || countOf(count) < LEAST_ROWS) return false;
        const scaled = times.reduceRight((rows, by) => b.mul(b.reshape(by, []), rows), x!);
        found.push({ rows: isNegative ? b.neg(scaled) : scaled, ids: y!, gradient: x! });
        return true;
      }
      default:
        return false;
    }
  };
  return read(update, [], false, DEPTH) && old === 1 && found.length > 0 ? found : null;
}

/** The one number that all entries are, as a node of one entry; null where they may differ. */
function numberOf(b: Build, node: Node): Node | null {
  if (node.op === "constant") return b.constant(node.attributes.value);
  let of: Node = node;
  while (isLaid(of) && !of.shape.every(isOne)) of = of.operands[0]!;
  return of.shape.every(isOne) ? of : null;
}
