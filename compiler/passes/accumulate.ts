/**
 * The sum of what flows back to one tensor from all that read it. Parts of one thing are put
 * together before there are zeros to add or sums to add up:
 *
 * - what flows to slices is laid side by side, Σ embed(gₖ) = concat(gₖ), and only where slices
 *   overlap is anything added;
 * - weights that are used again and again over the rows get one product of the stacks,
 *   Σ Aₖᵀ Gₖ = [A₁; A₂; …]ᵀ [G₁; G₂; …], and their biases one sum over the same stack.
 *
 * This is where the order of additions is defined, so nothing is re-associated.
 */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { countOf, fixed, free, isFree, isOne, sameSize, showShape } from "../ir/size.ts";
import { behindReshapes } from "../ops/movement.ts";
import { partOf, type Part, putTogether } from "./parts.ts";

/** What can be made of several flows of one kind at once. */
interface Kind {
  /** Equal for flows that belong together. */
  readonly key: string;
  /** Null where they are better added one by one. */
  readonly join: (flows: readonly Node[]) => Node | null;
}

/**
 * The sum of `flows`, which come from the last reader to the first; so do additions.
 * @param isFactor whether a product of a weight's gradient reads the node; null where no stacks are
 * wanted
 */
export function accumulate(
  b: Build,
  flows: readonly Node[],
  isFactor: ((node: Node) => boolean) | null,
): Node {
  const alike = new Map<string, { readonly kind: Kind | null; readonly flows: Node[] }>();
  const parts = new Map<Node, Part>();
  for (const [i, flow] of flows.entries()) {
    const stacks = (): Kind | null =>
      isFactor === null ? null : (products(b, flow) ?? rowSums(b, flow, isFactor));
    const kind = slices(b, flow, parts) ?? stacks();
    const key = kind?.key ?? `alone ${i}`;
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { kind, flows: [flow] });
    else known.flows.push(flow);
  }
  const addends = [...alike.values()].flatMap(({ kind, flows: some }) => kind?.join(some) ?? some);
  return addends.reduce((sum, addend) => b.add(sum, addend));
}

/**
 * gₖ embedded in zeros, of which some have the same shape when read as a grid.
 * @param parts what has been found of flows, and is of this one
 */
function slices(b: Build, flow: Node, parts: Map<Node, Part>): Kind | null {
  const found = partOf(b, flow);
  if (found === null) return null;
  parts.set(flow, found.part);
  return {
    key: `slices of ${showShape(found.whole)}`,
    join(flows) {
      const own = flows.flatMap((other) => parts.get(other) ?? []);
      const joined = putTogether(b, own, found.whole);
      return joined === null ? null : b.reshape(joined, flow.shape);
    },
  };
}

/** Aᵀ G over the rows. */
function products(b: Build, flow: Node): Kind | null {
  if (factorsOf(b, flow) === null) return null;
  return {
    key: `product ${showShape(flow.shape)}`,
    join(flows) {
      if (flows.length === 1) return null;
      const pairs = flows.flatMap((other) => factorsOf(b, other) ?? []);
      const stacked = (side: "a" | "g"): Node =>
        stack(
          b,
          pairs.map((pair) => pair[side]),
        );
      return b.matmul(b.transpose(stacked("a")), stacked("g"));
    },
  };
}

/** A and G; of one row a that is read by all, aᵀ Σ G = [a; a; …]ᵀ G. */
function factorsOf(b: Build, flow: Node): { readonly a: Node; readonly g: Node } | null {
  const [turned, g] = flow.operands;
  if (flow.op !== "matmul" || turned!.op !== "permute" || flow.shape.length !== 2) return null;
  const a = turned.operands[0]!;
  if (isFree(g!.shape[0]!)) return { a, g: g! };
  // A row of sums may stand for several rows, which are read by rows of a of their own.
  const rows = isOne(a.shape[0]!) ? summedRows(g!) : null;
  return rows === null ? null : { a: b.broadcast(a, [rows.shape[0]!, a.shape[1]!]), g: rows };
}

/** The rows whose sum a node is; null where it is none. */
export function summedRows(node: Node): Node | null {
  const sum = behindReshapes(node);
  const rows = sum.operands[0];
  if (sum.op !== "sum" || rows?.shape.length !== 2 || !isFree(rows.shape[0]!)) return null;
  const { axes } = sum.attributes;
  return axes.length === 1 && axes[0] === 0 ? rows : null;
}

/** Σ over the rows of G, which is a factor of a product over the rows too. */
function rowSums(b: Build, flow: Node, isFactor: (node: Node) => boolean): Kind | null {
  const rows = summedRows(flow);
  if (rows === null || !isFactor(rows)) return null;
  return {
    key: `row sum ${showShape(flow.shape)}`,
    join(flows) {
      if (flows.length === 1) return null;
      const stacked = stack(
        b,
        flows.flatMap((other) => summedRows(other) ?? []),
      );
      return b.reshape(b.sum(stacked, [0]), flow.shape);
    },
  };
}

/**
 * Whether a row is spread over the batch for several sums with products, as a bias is in each step
 * of a recurrent net. Its cotangent is then the row sums of all flows, which are one.
 */
export function isSpreadOverFactors(
  node: Node,
  flows: readonly Node[],
  isFactor: (node: Node) => boolean,
): boolean {
  if (node.op !== "broadcast" || flows.length === 1 || node.shape.length !== 2) return false;
  const [rows, columns] = node.shape;
  const row = node.operands[0]!.shape;
  return isFree(rows!) && isOne(row[0]!) && sameSize(row[1]!, columns!) && flows.every(isFactor);
}

/**
 * The rows of all matrices as those of one. Row by row of the batch, as a slice along time has them:
 * then what flows to the slices of a tensor and this stack are one.
 */
function stack(b: Build, matrices: readonly Node[]): Node {
  // What is read first comes first.
  const inOrder = matrices.toReversed();
  const columns = inOrder[0]!.shape[1]!;
  const runs = inOrder.map((x) => b.reshape(x, [free(), fixed(countOf(x.shape[0]!)), columns]));
  const rows = inOrder.reduce((sum, { shape }) => sum + countOf(shape[0]!), 0);
  return b.reshape(b.concat(runs, 1), [free(rows), columns]);
}
