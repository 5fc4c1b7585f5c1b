/**
 * What is seen of a tensor although not all of it is: views that together show every entry, and
 * masks, known when compiling, that leave something to see of every row and column of a product.
 */
import { evaluate } from "../graph/evaluate.ts";
import { reachable } from "../graph/graph.ts";
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { countOf, elements, isFree, sizeAt } from "../ir/size.ts";
import type { Environment } from "../ops/op.ts";
import { ops } from "../ops/table.ts";

/** Entries of masks and of axes that are looked at. */
const LOOKED_AT = 2 ** 22;

/** Whether slices of one tensor show every entry of it between them. */
export function showAll(slices: readonly NodeOf<"slice">[]): boolean {
  const { shape } = slices[0]!.operands[0]!;
  const cut = shape.flatMap((_, axis) => (slices.every((slice) => isWhole(slice, axis)) ? [] : [axis]));
  if (cut.some((axis) => isFree(shape[axis]!))) return false;
  const sizes = cut.map((axis) => countOf(shape[axis]!));
  const total = sizes.reduce((product, size) => product * size, 1);
  if (total > LOOKED_AT) return false;
  const seen = new Uint8Array(total);
  for (const { attributes, shape: taken } of slices) {
    let entries = [0];
    for (const [i, axis] of cut.entries()) {
      const { start, fromEnd, step } = attributes.axes[axis]!;
      const first = fromEnd ? sizes[i]! - start : start;
      const along = Array.from({ length: countOf(taken[axis]!) }, (_, k) => first + k * step);
      entries = entries.flatMap((entry) => along.map((k) => entry * sizes[i]! + k));
    }
    for (const entry of entries) seen[entry] = 1;
  }
  return !seen.includes(0);
}

function isWhole({ attributes, shape, operands: [x] }: NodeOf<"slice">, axis: number): boolean {
  const { start, fromEnd, step } = attributes.axes[axis]!;
  const [some, all] = [shape[axis]!, x!.shape[axis]!];
  return (
    start === 0 && !fromEnd && step === 1 && isFree(some) === isFree(all) && countOf(some) === countOf(all)
  );
}

/** Whether every entry of the axis lies in some window. */
export function windowsShowAll({ attributes, shape, operands: [x] }: NodeOf<"windows">): boolean {
  const { axis, size, stride, dilation } = attributes;
  const seen = new Uint8Array(countOf(x!.shape[axis]!));
  for (let i = 0; i < countOf(shape[axis]!); i++) {
    for (let u = 0; u < size; u++) seen[stride * i + dilation * u] = 1;
  }
  return !seen.includes(0);
}

/** They hand on an entry that is no number, whatever the other operand is. */
const HANDING: ReadonlySet<OpName> = new Set<OpName>(["mul", "neg", "add", "sub"]);

/**
 * The products of which a choice shows an entry of every row and of every column. An entry that is
 * no number spoils all of its row, or column, of the result; so nothing in their operands is hidden
 * by the choice.
 */
export function productsShown(choice: NodeOf<"where">): Node[] {
  const [condition, ...branches] = choice.operands as [Node, Node, Node];
  const products = branches.map(handedOn);
  if (products.every(({ length }) => length === 0)) return [];
  const mask = knownMask(condition);
  if (mask === null) return [];
  return products.flatMap((some, i) => (showsEveryLine(mask, i === 0 ? 1 : 0) ? some : []));
}

/** Products whose entries reach a branch one by one. */
function handedOn(branch: Node): Node[] {
  const near = new Set<Node>([branch]);
  for (const node of near) {
    if (HANDING.has(node.op)) for (const operand of node.operands) near.add(operand);
    else if (node.op === "div") near.add(node.operands[0]!);
  }
  return [...near].filter(({ op }) => op === "matmul");
}

interface Mask {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What is known when compiling asks for nothing. */
const NOTHING_GIVEN: Environment = {
  n: 1,
  inputs: new Map(),
  parameters: new Map(),
  states: new Map(),
  hyper: new Map(),
  step: 0,
  seed: 0,
};

/** The condition's values, for a batch of any size; null where they are not known when compiling. */
function knownMask(condition: Node): Mask | null {
  const size = elements(condition.shape);
  if (size === null || sizeAt(size, 1) > LOOKED_AT) return null;
  const isKnown = reachable([condition]).every(({ op, attributes, shape }) => {
    if (op === "constant" || op === "table") return true;
    if (op === "iota") return !isFree(shape[attributes.axis]!);
    return ops[op].family === "elementwise" || ops[op].family === "movement";
  });
  if (!isKnown) return null;
  return evaluate([condition], NOTHING_GIVEN)[0]!;
}

/** Whether every row and every column of the last two axes has an entry that is `value`. */
function showsEveryLine({ shape, data }: Mask, value: 0 | 1): boolean {
  const [rows, columns] = shape.slice(-2) as [number, number];
  for (let matrix = 0; matrix < data.length; matrix += rows * columns) {
    const [row, column] = [new Uint8Array(rows), new Uint8Array(columns)];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        if ((data[matrix + i * columns + j] !== 0) === (value === 1)) row[i] = column[j] = 1;
      }
    }
    if (row.includes(0) || column.includes(0)) return false;
  }
  return true;
}
