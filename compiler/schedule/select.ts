/**
 * Which nodes are stored. All others are computed again wherever they are read, within the kernel
 * that reads them.
 *
 * Stored are: what has loops of its own (products, reductions), what is put together from parts,
 * the factors of products, costly formulas with several readers, and numbers made of many sums, such
 * as the norm of all gradients. Whether a store is really made
 * is decided by `fuse`: a node that only its own kernel reads stays in registers.
 */
import type { Node } from "../ir/node.ts";
import { sameSize } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { overlaps } from "../ops/windows.ts";
import { ops } from "../ops/table.ts";
import { RANDOM_COST } from "./cost.ts";
import { isHeavy, isLaid, isReduction, isSingle, isSource } from "./kinds.ts";

/**
 * From this many operations an entry, a formula with several readers is stored: a store and a load
 * cost less.
 */
const COSTLY = 8;
/**
 * A formula of more nodes than this is cut, so that kernels and the recursion that forms them stay
 * small.
 */
const LARGEST = 200;
/** From so many sums on a number with several readers is stored: each reader would load all of them. */
const MANY_SUMS = 3;

/**
 * @param nodes operands before users
 * @param roots how often each node is wanted by the entry itself
 */
export function selectStored(nodes: readonly Node[], roots: ReadonlyMap<Node, number>): Set<Node> {
  const demand = countReaders(nodes, roots);
  const stored = new Set<Node>();
  for (const node of nodes) {
    if (isHeavy(node) || isPutTogether(node)) stored.add(node);
    if (node.op === "take" || node.op === "rank") stored.add(baseOf(node.operands[0]!));
    if (node.op === "matmul") for (const factor of node.operands) stored.add(baseOf(factor));
  }
  /**
   * Operations, nodes, whether the formula is the one reader of a product's or a reduction's result,
   * and of which of these it is made, as far as they count.
   */
  const inlined = new Map<Node, { cost: number; size: number; sinks: boolean; sums: readonly Node[] }>();
  for (const node of nodes) {
    if (isSource(node)) stored.delete(node);
    let cost = node.op === "random" ? RANDOM_COST : isElementwise(node) ? ops[node.op].flops : 0;
    let size = 1;
    let sinks = false;
    let sums: readonly Node[] = [];
    for (const operand of node.operands) {
      const part = inlined.get(operand);
      // It is computed around the loop that this is in.
      if (part === undefined) continue;
      cost += part.cost;
      size += part.size;
      if (sums.length < MANY_SUMS && part.sums.length > 0) sums = [...new Set([...sums, ...part.sums])];
      sinks ||= part.sinks && demand.get(operand) === 1;
    }
    const readers = demand.get(node)!;
    const computed = isElementwise(node) || node.op === "random";
    const worth = readers > 1 && computed && (cost >= COSTLY || sinks);
    const single = isSingle(node);
    const shared = single ? readers > 1 && computed && sums.length >= MANY_SUMS : worth;
    const large = size > LARGEST && !isReduction(node) && (!single || computed);
    if (!isSource(node) && (shared || large)) stored.add(node);
    if (isSource(node)) inlined.set(node, { cost: 0, size: 1, sinks: false, sums: [] });
    else if (stored.has(node)) {
      const made = isHeavy(node) ? [node] : single ? sums : [];
      inlined.set(node, { cost: 0, size: 1, sinks: isHeavy(node), sums: made });
    } else {
      const passes = isElementwise(node) || node.op === "reshape";
      inlined.set(node, { cost, size, sinks: sinks && passes, sums });
    }
  }
  return stored;
}

/** Whether several kernels write it, one part after another. */
const isPutTogether = ({ op }: Node): boolean =>
  op === "concat" || op === "embed" || op === "scatter" || op === "scan";

/** Past the movement ops: what lies in memory when `node` is a view. */
export function baseOf(node: Node): Node {
  let base = node;
  while (isLaid(base)) base = base.operands[0]!;
  return base;
}

/**
 * How many formulas read each node, seen through movement ops; one that stretches the node counts
 * twice, as it reads entries again and again.
 */
function countReaders(nodes: readonly Node[], roots: ReadonlyMap<Node, number>): Map<Node, number> {
  const demand = new Map<Node, number>(nodes.map((node) => [node, roots.get(node) ?? 0]));
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    for (const operand of node.operands) {
      const stretched = isLaid(node) && node.op === "broadcast" && !isSingle(operand);
      const again =
        (stretched && node.shape.some((size, axis) => !sameSize(size, operand.shape[axis]!))) ||
        (node.op === "windows" && overlaps(node));
      const readers = isLaid(node) ? demand.get(node)! + (again ? 1 : 0) : 1;
      const known = demand.get(operand);
      if (known !== undefined) demand.set(operand, known + readers);
    }
  }
  return demand;
}
