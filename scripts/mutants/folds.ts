/**
 * Rules that write folds in the ops of kernels, with wrong right sides: the checks of
 * `test/windows.test.ts` must notice.
 */
import type { Build } from "../../compiler/graph/build.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { countOf } from "../../compiler/ir/size.ts";
import { foldRules } from "../../compiler/passes/rules/folds.ts";
import { entries, padAxis } from "../../compiler/passes/rules/phases.ts";
import { faultOfLowering, foldsOfFormulas, foldsOfProducts, inside } from "../../test/helpers/folds.ts";
import type { Tried } from "./outcome.ts";
import { tryRightSide } from "./wrong-right-side.ts";

/** Each keeps the shape. */
const mistakes: readonly { readonly name: string; readonly of: (b: Build, right: Node) => Node }[] = [
  { name: "sign", of: (b, right) => b.neg(right) },
  { name: "factor 2", of: (b, right) => b.mul(right, 2) },
  { name: "nothing", of: (b, right) => b.zeros(right.shape) },
  // As if windows began one entry earlier or later.
  { name: "one further", of: (b, right) => moved(b, right, 1) },
  { name: "one back", of: (b, right) => moved(b, right, 0) },
];

/** Along axis 1, with 0 where nothing is left. */
function moved(b: Build, x: Node, before: 0 | 1): Node {
  const size = countOf(x.shape[1]!);
  return entries(b, padAxis(b, x, 1, before, 1 - before), 1, 1 - before, size);
}

const overlapping = { length: 8, size: 3, stride: 1, dilation: 1 };
const apart = { length: 7, size: 2, stride: 3, dilation: 1 };
const strided = { length: 8, size: 3, stride: 2, dilation: 1 };

/** Whether any of the folds differs from what it is. */
function isNoticed(): boolean {
  const made = [
    foldsOfFormulas(overlapping, strided),
    foldsOfFormulas(apart, overlapping),
    foldsOfProducts(strided, overlapping),
  ];
  return made.some(
    (folds) =>
      faultOfLowering(folds, folds.nodes) !== null ||
      faultOfLowering(
        folds,
        folds.nodes.map((node) => inside(folds.b, node, 1)),
      ) !== null,
  );
}

export const foldMutants = (): Tried[] =>
  foldRules.map((rule) => ({
    name: rule.name,
    unsound: isNoticed(),
    outcomes: mistakes.map(({ name, of }) => ({ name, outcome: tryRightSide(rule, of, isNoticed) })),
  }));
