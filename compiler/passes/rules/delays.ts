/** Products over the places of a loop, of which what is carried is a factor. */
import type { Build } from "../../graph/build.ts";
import { partsOf } from "../../ir/loops.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { divideSize, fixed, multiplySize, type Size } from "../../ir/size.ts";
import type { Rule, Site } from "../rewrite.ts";
import { isConstant } from "./match.ts";

/**
 * What is carried arrives a place later than it was made. So the stack of the next values, which is
 * mostly there, will do instead of one of its own. The terms left out are 0, but where the other
 * factor is no finite number.
 */
export const delayedFactor: Rule = {
  name: "delayed-factor",
  formula: "Σ_t A_t h_(t-1) → Σ_(t>0) A_t h_(t-1), of slices of the stacks of A and h, where h begins with 0",
  at: ["matmul"],
  rewrite(site, node) {
    const { b } = site;
    const [left, right] = node.operands as readonly [Node, Node];
    const turned = left.shape.length === 2 ? site.as(left, "permute") : null;
    if (turned === null) return null;
    const factors = [turned.operands[0]!, right] as const;
    for (const side of [0, 1] as const) {
      const scan = carriedRows(site, factors[side]);
      if (scan === null) continue;
      const { loop } = scan.attributes;
      const { first, next, value } = partsOf(scan);
      // `carriedRows` has seen that it is what is carried.
      const { index } = (value as NodeOf<"carried">).attributes;
      const made = b.reshape(b.scan(loop, next[index]!, { first, next }), factors[side].shape);
      const [own, other] = loop.reverse ? [1, 0] : [0, 1];
      const h = allButOne(b, made, loop.length, own);
      const a = allButOne(b, factors[1 - side]!, loop.length, other);
      return side === 0 ? b.matmul(b.transpose(h), a) : b.matmul(b.transpose(a), h);
    }
    return null;
  },
};

/** The stack of what a loop carries from 0 on, of which `matrix` has the rows, where only products of such rows read it. */
function carriedRows(site: Site, matrix: Node): NodeOf<"scan"> | null {
  const view = site.as(matrix, "reshape");
  const scan = view === null ? null : site.as(view.operands[0]!, "scan");
  if (scan === null || scan.attributes.loop.length === 1) return null;
  const { value, first } = partsOf(scan);
  const { loop } = scan.attributes;
  if (value.op !== "carried" || value.attributes.loop.id !== loop.id) return null;
  if (!isConstant(first[value.attributes.index]!, 0)) return null;
  const isRows = (reader: Node): boolean => {
    if (reader.op !== "reshape" || reader.shape.length !== 2) return false;
    const rows = divideSize(reader.shape[0]!, fixed(loop.length));
    const isOfRows = rows !== null && value.shape.length > 0;
    return isOfRows && (site.readers(reader)?.every((x) => isDepthOf(site, x, reader)) ?? false);
  };
  return readersOf(site, scan)?.every(isRows) === true ? scan : null;
}

// What `as` gives is the node itself.
const readersOf = (site: Site, scan: NodeOf<"scan">): readonly Node[] | null => site.readers(scan);

/** Whether rows are the depth of a product. */
function isDepthOf(site: Site, reader: Node, rows: Node): boolean {
  if (reader.op === "permute")
    return site.readers(reader)?.every((x) => x.op === "matmul" && x.operands[0] === reader) ?? false;
  return reader.op === "matmul" && reader.operands[1] === rows;
}

/** The rows of all places but the last (`from` 0) or the first (1). */
function allButOne(b: Build, matrix: Node, places: number, from: number): Node {
  const [all, columns] = matrix.shape as [Size, Size];
  const rows = divideSize(all, fixed(places))!;
  const stack = b.reshape(matrix, [fixed(places), rows, columns]);
  const axes = [from, 0, 0].map((start) => ({ start, fromEnd: false, step: 1 }));
  const some = b.slice(stack, axes, [fixed(places - 1), rows, columns]);
  return b.reshape(some, [multiplySize(fixed(places - 1), rows), columns]);
}
