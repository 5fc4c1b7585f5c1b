/** Folds of formulas and of products, and whether they are what they were in the ops of kernels. */
import type { Node, SliceAxis } from "../../compiler/ir/node.ts";
import { countOf, fixed, ONE, type Shape } from "../../compiler/ir/size.ts";
import { windowCount } from "../../compiler/ops/windows.ts";
import { Formulas, pass, shapeOf, stream, values } from "./graph.ts";

export interface Geometry {
  readonly length: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/** All that fit into short axes, and some of long windows. */
export function* geometries(lengths: readonly number[]): Iterable<Geometry> {
  for (const length of lengths) {
    for (const size of [1, 2, 3, 5, 11]) {
      for (const stride of [1, 2, 3, 4]) {
        for (const dilation of [1, 2, 3]) {
          if (windowCount(length, size, stride, dilation) >= 1) yield { length, size, stride, dilation };
        }
      }
    }
  }
}

export const countIn = ({ length, size, stride, dilation }: Geometry): number =>
  windowCount(length, size, stride, dilation);

export const told = ({ length, size, stride, dilation }: Geometry): string =>
  `${size} of ${length}, stride ${stride}, dilation ${dilation}`;

export const draws = (count: number): number[] => {
  const next = stream(5);
  return Array.from({ length: count }, () => 2 * next() - 1);
};

export const windowsAlong = (axis: number, { size, stride, dilation }: Geometry) => ({
  axis,
  size,
  stride,
  dilation,
});
export const foldAlong = (axis: number, { length, stride, dilation }: Geometry) => ({
  axis,
  length,
  stride,
  dilation,
});

/** Nodes of one builder, and numbers for its inputs. */
export interface Folds {
  readonly b: Formulas;
  readonly nodes: readonly Node[];
  readonly given: Readonly<Record<string, readonly number[]>>;
}

/** Axes before and behind those with windows. */
const [OUTER, INNER] = [2, 3];

/** A pool, a depthwise convolution, a mean, what is 0 in a branch alone, what is not 0, and a quotient. */
export function foldsOfFormulas(rows: Geometry, columns: Geometry): Folds {
  const b = new Formulas();
  const x = b.input("x", OUTER, rows.length, columns.length, INNER);
  const windows = b.windows(b.windows(x, windowsAlong(1, rows)), windowsAlong(2, columns));
  const counts = windows.shape.slice(0, 4).map(countOf);
  const stretched = (node: Node): Node =>
    b.broadcast(b.reshape(node, [...node.shape, ONE, ONE]), windows.shape);
  const y = stretched(b.input("y", ...counts));
  const q = stretched(b.input("q", ...counts));
  const kernel = b.broadcast(b.input("k", INNER, rows.size, columns.size), windows.shape);
  const formulas: readonly Node[] = [
    b.where(b.lt(windows, y), q, 0),
    b.neg(b.mul(q, kernel)),
    b.div(q, 9),
    b.where(b.gt(windows, 0), b.mul(kernel, q), b.mul(q, y)),
    b.add(b.mul(windows, q), 1),
    // What would be 0 · ∞ for windows that are missing.
    b.mul(q, b.div(b.exp(windows), b.abs(y))),
  ];
  const size = counts.reduce((product, count) => product * count, 1);
  return {
    b,
    nodes: formulas.map((formula) => b.fold(b.fold(formula, foldAlong(2, columns)), foldAlong(1, rows))),
    given: {
      x: draws(OUTER * rows.length * columns.length * INNER),
      y: draws(size).map((v) => v / 2),
      q: draws(size).toReversed(),
      k: draws(INNER * rows.size * columns.size),
    },
  };
}

/** What flows back through a convolution, through one with the weights first, and through one in two groups. */
export function foldsOfProducts(rows: Geometry, columns: Geometry): Folds {
  const b = new Formulas();
  const [n, m] = [countIn(rows), countIn(columns)];
  const [into, out, groups] = [2, INNER, 2];
  const [lines, spread] = [OUTER * n * m, rows.size * columns.size * out];
  const g = b.input("g", lines, into);
  const kernel = b.input("k", into, spread);
  const split = b.reshape(b.matmul(g, kernel), shapeOf(OUTER, n, m, rows.size, columns.size, out));
  const turned = b.matmul(b.transpose(kernel), b.transpose(g));
  const apart = b.reshape(turned, shapeOf(rows.size, columns.size, out, OUTER, n, m));
  // [groups, .., out] → [.., out · groups]: the axis of channels is made of two of the product.
  const batched = b.matmul(b.input("gs", groups, lines, into), b.input("ks", groups, into, spread));
  const inGroups = b.reshape(batched, shapeOf(groups, OUTER, n, m, rows.size, columns.size, out));
  const together = b.reshape(
    b.permute(inGroups, [1, 2, 3, 6, 0, 4, 5]),
    shapeOf(OUTER, n, m, out * groups, rows.size, columns.size),
  );
  const formulas = [b.permute(split, [0, 1, 2, 5, 3, 4]), b.permute(apart, [3, 4, 5, 2, 0, 1]), together];
  return {
    b,
    nodes: formulas.map((formula) => b.fold(b.fold(formula, foldAlong(2, columns)), foldAlong(1, rows))),
    given: {
      g: draws(lines * into),
      k: draws(into * spread),
      gs: draws(groups * lines * into),
      ks: draws(groups * into * spread).toReversed(),
    },
  };
}

/** The slice that leaves off entries at both ends of axes 1 and 2, where there are as many. */
export function inside(b: Formulas, node: Node, cut: number): Node {
  const cuts = node.shape.map((size, axis) =>
    axis === 0 || axis === 3 ? 0 : Math.min(cut, (countOf(size) - 1) >> 1),
  );
  const axes: SliceAxis[] = cuts.map((start) => ({ start, fromEnd: false, step: 1 }));
  const shape: Shape = node.shape.map((size, axis) => fixed(countOf(size) - 2 * cuts[axis]!));
  return b.slice(node, axes, shape);
}

/** Where a node differs in the ops of kernels, each by itself; null where none does. */
export function faultOfLowering({ b, given }: Folds, nodes: readonly Node[]): string | null {
  const expected = values(nodes, given);
  const found = values(pass(b, nodes, ["lower", "simplify"]).nodes, given);
  for (const [i, numbers] of expected.entries()) {
    if (found[i]!.length !== numbers.length) return `${i} has ${found[i]!.length} entries`;
    const at = numbers.findIndex(
      (x, k) => !(Math.abs(found[i]![k]! - x) <= 1e-12 * Math.max(1, Math.abs(x))),
    );
    if (at !== -1) return `entry ${at} of ${i} is ${found[i]![at]}, not ${numbers[at]}`;
  }
  return null;
}
