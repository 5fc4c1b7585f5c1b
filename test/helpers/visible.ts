/** What views and masks show, beside what is found by looking at every entry: for tests and for mutants of `visible.ts`. */
import { Build } from "../../compiler/graph/build.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { Graph } from "../../compiler/graph/graph.ts";
import type { Node, NodeOf, SliceAxis } from "../../compiler/ir/node.ts";
import { fixed } from "../../compiler/ir/size.ts";
import { productsShown, showAll, windowsShowAll } from "../../compiler/passes/visible.ts";
import { environment } from "./loop-gradients.ts";

const build = (): Build => new Build(new Graph());
const entriesOf = (nodes: readonly Node[]): Set<number> =>
  new Set(evaluate(nodes, environment({})).flatMap(({ data }) => [...data]));
/** Its entries are their own places. */
const numbered = (b: Build, rows: number, columns: number): Node =>
  b.add(b.mul(b.iota(0, [fixed(rows), fixed(columns)]), columns), b.iota(1, [fixed(rows), fixed(columns)]));

type Cut = readonly [start: number, count: number, step: number];
/** Slices of a matrix of 4 by 6, each by its rows and its columns. */
const slices: readonly (readonly (readonly [rows: Cut, columns: Cut])[])[] = [
  [
    [
      [0, 4, 1],
      [0, 6, 1],
    ],
  ],
  [
    [
      [0, 4, 1],
      [0, 3, 1],
    ],
    [
      [0, 4, 1],
      [3, 3, 1],
    ],
  ],
  [
    [
      [0, 4, 1],
      [0, 3, 2],
    ],
    [
      [0, 4, 1],
      [1, 3, 2],
    ],
  ],
  [
    [
      [0, 4, 1],
      [0, 3, 2],
    ],
    [
      [0, 4, 1],
      [2, 2, 2],
    ],
  ],
  [
    [
      [0, 2, 1],
      [0, 6, 1],
    ],
    [
      [2, 2, 1],
      [0, 5, 1],
    ],
  ],
  [
    [
      [0, 2, 1],
      [0, 3, 1],
    ],
    [
      [2, 2, 1],
      [3, 3, 1],
    ],
  ],
  [
    [
      [0, 2, 2],
      [0, 6, 1],
    ],
    [
      [1, 2, 2],
      [0, 6, 1],
    ],
  ],
  [
    [
      [3, 4, -1],
      [0, 6, 1],
    ],
  ],
  [
    [
      [3, 3, -1],
      [0, 6, 1],
    ],
  ],
  [
    [
      [0, 2, 1],
      [0, 3, 1],
    ],
    [
      [0, 2, 1],
      [3, 3, 1],
    ],
    [
      [2, 2, 1],
      [0, 3, 1],
    ],
    [
      [2, 2, 1],
      [3, 3, 1],
    ],
  ],
];

const windows: readonly (readonly [size: number, stride: number, dilation: number])[] = [
  [1, 1, 1],
  [2, 2, 1],
  [3, 2, 1],
  [2, 3, 1],
  [2, 1, 3],
  [2, 4, 2],
  [3, 1, 2],
  [4, 2, 1],
  [3, 3, 1],
  [3, 4, 1],
];

const masks: readonly (readonly (readonly (0 | 1)[])[])[] = [
  [
    [1, 0, 0],
    [1, 1, 0],
    [1, 1, 1],
  ],
  [
    [1, 1, 1],
    [0, 0, 0],
    [1, 1, 1],
  ],
  [
    [1, 0, 1],
    [1, 0, 1],
    [1, 0, 1],
  ],
  [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
  ],
  [
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
  ],
  [
    [0, 0, 0],
    [0, 1, 1],
    [0, 1, 1],
  ],
];

/** The first case of which something is said to be shown that is not, or hidden that is not; null where there is none. */
export function visibleFault(): string | null {
  for (const [i, cuts] of slices.entries()) {
    const b = build();
    const x = numbered(b, 4, 6);
    const cut = ([start, , step]: Cut): SliceAxis => ({ start, fromEnd: false, step });
    const made = cuts.map(([rows, columns]) =>
      b.slice(x, [cut(rows), cut(columns)], [fixed(rows[1]), fixed(columns[1])]),
    ) as NodeOf<"slice">[];
    // A slice of all of x is x.
    if (made.some(({ op }) => op !== "slice")) continue;
    if (showAll(made) !== (entriesOf(made).size === 24)) return `slices ${i}`;
  }
  for (const [size, stride, dilation] of windows) {
    const b = build();
    const x = b.iota(0, [fixed(7)]);
    const view = b.windows(x, { axis: 0, size, stride, dilation });
    if (view.op !== "windows") continue;
    if (windowsShowAll(view) !== (entriesOf([view]).size === 7))
      return `windows ${size} ${stride} ${dilation}`;
  }
  for (const [i, mask] of masks.entries()) {
    for (const isFirst of [true, false]) {
      const b = build();
      const x = numbered(b, 3, 3);
      const product = b.matmul(x, x);
      const table = mask
        .flat()
        .reduce<Node>((sum, bit, place) => b.add(sum, b.where(b.eq(x, place), bit, 0)), b.zeros(x.shape));
      const shown = b.mul(b.neg(product), 0.5);
      const zero = b.zeros(x.shape);
      const choice = b.where(b.gt(table, 0.5), isFirst ? shown : zero, isFirst ? zero : shown);
      if (choice.op !== "where") return `mask ${i} is no choice`;
      const bit = isFirst ? 1 : 0;
      const seesAll = [0, 1, 2].every(
        (line) => mask[line]!.includes(bit) && mask.some((row) => row[line] === bit),
      );
      if (productsShown(choice).includes(product) !== seesAll)
        return `mask ${i}, ${isFirst ? "first" : "second"}`;
    }
  }
  return null;
}
