/**
 * Contractions: a sum over a product of two tensors, each of which has an axis that the other lacks,
 * is a matrix product, however it was written. Axes of the sum are its depth; of the others, those
 * that one factor has are its rows, those that the other has its columns, and those of both a batch.
 *
 * The terms are the same and so is every product of two entries; only the order of additions
 * is the matrix product's. Factors that are the same in all terms, a sign and divisors among them,
 * are applied to the sum instead of to each term, which rounds once where the terms were each
 * rounded. A product of more than two tensors is associated so that two are left; both are done
 * here alone, where the loops that they spare are many.
 */
import type { Build } from "../../graph/build.ts";
import { remake } from "../../graph/graph.ts";
import type { Node } from "../../ir/node.ts";
import { countOf, elements, isEmpty, isFree, isOne, ONE, sameShape, type Shape } from "../../ir/size.ts";
import { isElementwise } from "../../ops/elementwise.ts";
import { isView } from "../../ops/movement.ts";
import type { Rule, Site } from "../rewrite.ts";
import { axisOfMemory } from "./memory-order.ts";

export const contraction: Rule = {
  name: "contraction",
  formula: "Σ_k a_ik b_jk → A B', for a and b over any axes",
  at: ["sum"],
  rewrite(site, node) {
    if (node.op !== "sum") return null;
    const { axes } = node.attributes;
    const terms = node.operands[0]!;
    const factors = factorsOf(site, terms, axes);
    const pair = factors === null ? null : inTwo(site.b, factors.inside, axes);
    const product = pair === null ? null : contracted(site.b, pair, terms.shape, axes);
    if (factors === null || product === null) return null;
    const { b } = site;
    return factors.outside.reduce((result, step) => {
      if (step.op === "neg") return b.neg(result);
      return b.elementwise(step.op, result, b.broadcast(step.by, result.shape));
    }, product);
  },
};

/** What is done to the sum instead of to its terms. */
type Outside = { readonly op: "neg" } | { readonly op: "mul" | "div"; readonly by: Node };

interface Factors {
  /** Of size 1 along the axes on which they do not depend. */
  readonly inside: readonly Node[];
  readonly outside: readonly Outside[];
}

/** Products and quotients inside one another that are read, and functions of a factor. */
const DEEPEST = 16;

/** What the terms are a product of; null where nothing is. */
function factorsOf(site: Site, terms: Node, axes: readonly number[]): Factors | null {
  const inside: Node[] = [];
  const outside: Outside[] = [];
  const read = (node: Node, depth: number): void => {
    const product = depth > 0 ? site.as(node, "mul") : null;
    const negative = depth > 0 ? site.as(node, "neg") : null;
    const quotient = depth > 0 ? site.as(node, "div") : null;
    const divisor = quotient === null ? null : shrunk(site, quotient.operands[1]!, DEEPEST);
    if (product !== null) for (const factor of product.operands) read(factor, depth - 1);
    else if (negative !== null) {
      outside.push({ op: "neg" });
      read(negative.operands[0]!, depth - 1);
    } else if (quotient !== null && divisor !== null && !varies(divisor, axes)) {
      outside.push({ op: "div", by: divisor });
      read(quotient.operands[0]!, depth - 1);
    } else {
      let factor = shrunk(site, node, DEEPEST);
      for (let negative = site.as(factor, "neg"); negative !== null; negative = site.as(factor, "neg")) {
        outside.push({ op: "neg" });
        factor = negative.operands[0]!;
      }
      if (varies(factor, axes)) inside.push(factor);
      else outside.push({ op: "mul", by: factor });
    }
  };
  read(terms, DEEPEST);
  return inside.length < 2 ? null : { inside, outside: outside.toReversed() };
}

const varies = ({ shape }: Node, axes: readonly number[]): boolean =>
  axes.some((axis) => !isOne(shape[axis]!));

/** The node with size 1 along axes on which all its entries are the same, as far as that is plain to see. */
function shrunk(site: Site, node: Node, depth: number): Node {
  const { b } = site;
  if (depth === 0 || site.as(node, node.op) === null) return node;
  const inner = (operand: Node): Node => shrunk(site, operand, depth - 1);
  if (node.op === "broadcast") return inner(node.operands[0]!);
  if (node.op === "constant") {
    const { value, type, shape } = node.attributes;
    return b.constant(
      value,
      shape.map(() => ONE),
      type,
    );
  }
  if (node.op === "permute") {
    const operand = inner(node.operands[0]!);
    return operand === node.operands[0] ? node : b.permute(operand, node.attributes.axes);
  }
  if (!isElementwise(node)) return node;
  const operands = node.operands.map(inner);
  const shape = node.shape.map(
    (_, axis) => operands.map((x) => x.shape[axis]!).find((size) => !isOne(size)) ?? ONE,
  );
  if (sameShape(shape, node.shape)) return node;
  return remake(
    b.graph,
    node,
    operands.map((x) => b.broadcast(x, shape)),
  );
}

/** Whether `node` has all the axes that `other` has. */
const covers = (node: Node, other: Node): boolean =>
  other.shape.every((size, axis) => isOne(size) || !isOne(node.shape[axis]!));

type Pair = readonly [Node, Node];

/**
 * Two of the factors that each have an axis to keep which the other lacks, each multiplied with
 * those of the others that have no further axes; null where there are none.
 */
function inTwo(b: Build, factors: readonly Node[], axes: readonly number[]): Pair | null {
  const hasOwn = (one: Node, other: Node): boolean =>
    one.shape.some((size, axis) => !axes.includes(axis) && !isOne(size) && isOne(other.shape[axis]!));
  for (const [i, first] of factors.entries()) {
    for (const [j, second] of factors.entries()) {
      if (j <= i || !hasOwn(first, second) || !hasOwn(second, first)) continue;
      const pair: [Node, Node] = [first, second];
      const others = factors.filter((_, k) => k !== i && k !== j);
      // Of both, the smaller one: there are fewer entries to multiply.
      const order: readonly [0 | 1, 0 | 1] = sizeOf(first) <= sizeOf(second) ? [0, 1] : [1, 0];
      const fits = others.every((other) => {
        const place = order.find((k) => covers([first, second][k]!, other));
        if (place !== undefined) pair[place] = b.mul(pair[place], other);
        return place !== undefined;
      });
      if (fits) return pair;
    }
  }
  return null;
}

/** Entries, those of the batch counted as one row. */
const sizeOf = ({ shape }: Node): number => shape.reduce((product, size) => product * countOf(size), 1);

/** Axes of the terms by what they are to the matrix product. */
interface Roles {
  readonly batch: readonly number[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly depth: readonly number[];
}

/** Σ over `axes` of the product of both, which are axes of size 1 in the result; null where it is no matrix product. */
function contracted(b: Build, [first, second]: Pair, shape: Shape, axes: readonly number[]): Node | null {
  if (shape.some(isEmpty)) return null;
  const has = ({ shape: own }: Node, axis: number): boolean => !isOne(own[axis]!);
  const kept = shape.flatMap((size, axis) => (isOne(size) || axes.includes(axis) ? [] : [axis]));
  // The factor that the result's first axis is from is on the left, so that the result lies as it is wanted.
  const leading = kept.find((axis) => has(first, axis) !== has(second, axis));
  if (leading === undefined) return null;
  const [left, right] = has(first, leading) ? [first, second] : [second, first];
  const roles: Roles = {
    batch: kept.filter((axis) => has(left, axis) && has(right, axis)),
    rows: kept.filter((axis) => has(left, axis) && !has(right, axis)),
    columns: kept.filter((axis) => !has(left, axis) && has(right, axis)),
    depth: depthOf(left, right, shape, axes),
  };
  const { batch, rows, columns, depth } = roles;
  if (batch.length + rows.length + columns.length < kept.length) return null;
  const sizes = (of: readonly number[]): Shape => of.map((axis) => shape[axis]!);
  // N in two loops of one kind would be N·N rows.
  if ([rows, columns, depth].some((of) => sizes(of).filter(isFree).length > 1)) return null;
  const product = b.matmul(
    asMatrices(b, left, shape, [batch, rows, depth]),
    asMatrices(b, right, shape, [batch, depth, columns]),
  );
  const order = [...batch, ...rows, ...columns];
  const apart = b.reshape(product, sizes(order));
  const inOrder = b.permute(
    apart,
    kept.map((axis) => order.indexOf(axis)),
  );
  return b.reshape(
    inOrder,
    shape.map((size, axis) => (axes.includes(axis) ? ONE : size)),
  );
}

/** The factor over the axes of a batch, which stay, and two groups, each made one axis. */
function asMatrices(
  b: Build,
  factor: Node,
  shape: Shape,
  [batch, ...groups]: readonly [readonly number[], readonly number[], readonly number[]],
): Node {
  const axes = [...batch, ...groups.flat()];
  // Axes of size 1 go first, so that what is left to permute is what was there before they came.
  const own = axes.filter((axis) => !isOne(factor.shape[axis]!));
  const inPlace = own.toSorted((a, c) => a - c);
  const dense = b.reshape(
    factor,
    inPlace.map((axis) => factor.shape[axis]!),
  );
  const moved = b.permute(
    dense,
    own.map((axis) => inPlace.indexOf(axis)),
  );
  const apart = b.reshape(
    moved,
    axes.map((axis) => factor.shape[axis]!),
  );
  const full = b.broadcast(
    apart,
    axes.map((axis) => shape[axis]!),
  );
  const sizes = (of: readonly number[]): Shape => of.map((axis) => shape[axis]!);
  return b.reshape(full, [...sizes(batch), ...groups.map((group) => elements(sizes(group)) ?? ONE)]);
}

/**
 * The summed axes in the order in which the left factor has them in memory, or the right one where
 * that alone has windows, however they were written: what lies side by side is then added up one
 * after the other.
 */
function depthOf(left: Node, right: Node, shape: Shape, axes: readonly number[]): number[] {
  const summed = axes.filter((axis) => !isOne(shape[axis]!));
  const factor = hasWindows(right) && !hasWindows(left) ? right : left;
  const order = summed.map((axis) => ({ axis, place: axisOfMemory(factor, axis) }));
  return order.toSorted((a, c) => a.place - c.place || a.axis - c.axis).map(({ axis }) => axis);
}

function hasWindows(view: Node): boolean {
  let node = view;
  for (; isView(node); node = node.operands[0]!) if (node.op === "windows") return true;
  return false;
}
