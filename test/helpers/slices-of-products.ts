/** Slices of products, and of what is between: for tests and mutants of the rule that makes the product smaller. */
import type { simplify } from "../../compiler/passes/simplify.ts";
import type { Node, SliceAxis } from "../../compiler/ir/node.ts";
import { Formulas, modelOf, shapeOf, stream, values } from "./graph.ts";

const at = (start: number, step = 1): SliceAxis => ({ start, fromEnd: false, step });

/** Of x and y [4, 3], r [4, 1] and c [1, 3]. */
export function slicesOfProducts(b: Formulas, x: Node, y: Node, r: Node, c: Node): Node[] {
  const gram = b.matmul(x, b.transpose(y));
  const layer = b.relu(b.add(b.matmul(x, b.transpose(y)), b.broadcast(b.transpose(r), shapeOf(4, 4))));
  const grid = b.reshape(layer, shapeOf(2, 2, 4));
  const cube = b.reshape(b.matmul(gram, gram), shapeOf(1, 4, 4));
  const stacks = b.matmul(b.broadcast(cube, shapeOf(3, 4, 4)), b.broadcast(cube, shapeOf(3, 4, 4)));
  const [first, last] = [3, 1].map((start) => b.slice(gram, [at(start), at(1)], shapeOf(1, 2)));
  return [
    b.slice(gram, [at(1), at(0)], shapeOf(2, 4)),
    b.slice(gram, [at(3, -1), at(2)], shapeOf(4, 1)),
    b.slice(layer, [at(2), at(1, 2)], shapeOf(1, 2)),
    b.slice(grid, [at(0), at(0), at(1)], shapeOf(2, 2, 2)),
    b.slice(stacks, [at(1), at(0, 3), at(1)], shapeOf(2, 2, 3)),
    // Row 0 and columns 0 and 3 are nobody's.
    b.add(first!, last!),
    b.matmul(first!, b.slice(b.matmul(x, b.transpose(c)), [at(1), at(0)], shapeOf(2, 1))),
  ];
}

/** How many they are. */
const SLICES = 7;

/** Whether slices have other values after the pass. */
export function changesSlices(pass: typeof simplify): boolean {
  const next = stream(3);
  const shapes = { x: [4, 3], y: [4, 3], r: [4, 1], c: [1, 3] } as const;
  const given = Object.fromEntries(
    Object.entries(shapes).map(([name, [rows, columns]]) => [
      name,
      Array.from({ length: rows * columns }, () => 2 * next() - 1),
    ]),
  );
  // Each by itself too: what else reads a product keeps it whole.
  const each = Array.from({ length: SLICES }, (_, i) => i);
  for (const which of [...each.map((i) => [i]), each]) {
    const own = new Formulas();
    const [u, v, s, t] = Object.entries(shapes).map(([name, shape]) => own.input(name, ...shape)) as [
      Node,
      Node,
      Node,
      Node,
    ];
    const all = slicesOfProducts(own, u, v, s, t);
    const nodes = which.map((i) => all[i]!);
    const made = pass(modelOf(own.graph, nodes)).roots.outputs.map(({ node }) => node);
    const [wanted, found] = [values(nodes, given), values(made, given)];
    if (wanted.some((row, i) => row.some((value, k) => !(Math.abs(value - found[i]![k]!) < 1e-12))))
      return true;
  }
  return false;
}
