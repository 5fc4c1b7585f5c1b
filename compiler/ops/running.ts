/**
 * Ops that run along an axis, each entry from the one before: sums and products so far, and the
 * linear recurrence that the derivatives of both are, and its own derivative too. And the places of
 * entries in their order.
 */
import type { Formulas } from "../ir/formulas.ts";
import type { Node } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { countOf, fixed, isFree, sameShape, type Shape, showShape } from "../ir/size.ts";
import { ALL, FROM_ZERO, productOfAll, total } from "./interval.ts";
import type { OpTable, Values } from "./op.ts";
import { requireTypes } from "./operand-types.ts";

function requireAxis(name: string, { shape }: Node, axis: number): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < shape.length && !isFree(shape[axis]!)) return;
  throw new OpError("bad-axis", `\`${name}\` has no axis ${axis} of known size to run along`, [
    showShape(shape),
  ]);
}

/** Calls `visit` with the place of each entry along an axis, run after run, and the place before it. */
function run(
  shape: readonly number[],
  axis: number,
  visit: (at: number, before: number | null) => void,
): void {
  const step = shape.slice(axis + 1).reduce((all, size) => all * size, 1);
  const length = shape[axis]!;
  const all = shape.reduce((product, size) => product * size, 1);
  for (let at = 0; at < all; at++) visit(at, Math.floor(at / step) % length === 0 ? null : at - step);
}

/** The entries of an axis in the opposite order. */
function flipped(b: Formulas, x: Node, axis: number): Node {
  const axes = x.shape.map((size, at) =>
    at === axis
      ? { start: countOf(size) - 1, fromEnd: false, step: -1 }
      : { start: 0, fromEnd: false, step: 1 },
  );
  return b.slice(x, axes, x.shape);
}

/** Each entry in the place of the next one along an axis; `first` comes first, and the last is gone. */
function delayed(b: Formulas, x: Node, axis: number, first: number): Node {
  const length = countOf(x.shape[axis]!);
  const of = (size: number): Shape => x.shape.map((own, at) => (at === axis ? fixed(size) : own));
  const start = b.constant(first, of(1));
  if (length < 2) return start;
  const axes = x.shape.map(() => ({ start: 0, fromEnd: false, step: 1 }));
  return b.concat([start, b.slice(x, axes, of(length - 1))], axis);
}

/**
 * What flows back to the addends of a recurrence: r_i = g_i + a_(i+1) r_(i+1), which is one that
 * runs the other way.
 */
const backwards = (b: Formulas, a: Node, g: Node, axis: number): Node =>
  flipped(b, b.recur(delayed(b, flipped(b, a, axis), axis, 0), flipped(b, g, axis), axis), axis);

const running = { family: "running", takes: "number", finite: "kept", inKernels: true } as const;

export const runningOps: Pick<OpTable, "cumsum" | "cumprod" | "recur" | "rank"> = {
  cumsum: {
    name: "cumsum",
    ...running,
    arity: [1, 1],
    formula: "y_i = y_(i-1) + x_i",
    linear: true,
    flops: 1,
    range: ([x]) => total(x!),
    infer([x], { axis }) {
      requireTypes("cumsum", "number", [x!]);
      requireAxis("cumsum", x!, axis);
      return { shape: x!.shape, type: x!.type };
    },
    // Each entry is in all sums from its own on.
    vjp: (b, { attributes: { axis } }, g) => [flipped(b, b.cumsum(flipped(b, g, axis), axis), axis)],
    evaluate([x], { attributes: { axis } }): Values {
      const data = new Float64Array(x!.data.length);
      run(x!.shape, axis, (at, before) => {
        data[at] = (before === null ? 0 : data[before]!) + x!.data[at]!;
      });
      return { shape: x!.shape, data };
    },
  },
  cumprod: {
    name: "cumprod",
    ...running,
    arity: [1, 1],
    formula: "y_i = y_(i-1) x_i",
    flops: 1,
    range: ([x]) => productOfAll(x!),
    infer([x], { axis }) {
      requireTypes("cumprod", "number", [x!]);
      requireAxis("cumprod", x!, axis);
      return { shape: x!.shape, type: x!.type };
    },
    // dx_i = y_(i-1) (g_i + x_(i+1) (g_(i+1) + …)), without a division, so right at zeros too.
    vjp(b, node, g) {
      const { axis } = node.attributes;
      const x = node.operands[0]!;
      return [b.mul(delayed(b, node, axis, 1), backwards(b, x, g, axis))];
    },
    evaluate([x], { attributes: { axis } }): Values {
      const data = new Float64Array(x!.data.length);
      run(x!.shape, axis, (at, before) => {
        data[at] = (before === null ? 1 : data[before]!) * x!.data[at]!;
      });
      return { shape: x!.shape, data };
    },
  },
  recur: {
    name: "recur",
    ...running,
    arity: [2, 2],
    formula: "y_i = a_i y_(i-1) + x_i",
    flops: 2,
    range: () => ALL,
    infer([a, x], { axis }) {
      requireTypes("recur", "number", [a!, x!]);
      requireAxis("recur", x!, axis);
      if (!sameShape(a!.shape, x!.shape)) {
        throw new OpError("shape-mismatch", "`recur` needs a factor for each entry", [
          showShape(a!.shape),
          showShape(x!.shape),
        ]);
      }
      return { shape: x!.shape, type: "float" };
    },
    vjp(b, node, g) {
      const { axis } = node.attributes;
      const flow = backwards(b, node.operands[0]!, g, axis);
      return [b.mul(flow, delayed(b, node, axis, 0)), flow];
    },
    evaluate([a, x], { attributes: { axis } }): Values {
      const data = new Float64Array(x!.data.length);
      run(x!.shape, axis, (at, before) => {
        data[at] = a!.data[at]! * (before === null ? 0 : data[before]!) + x!.data[at]!;
      });
      return { shape: x!.shape, data };
    },
  },
  rank: {
    name: "rank",
    ...running,
    finite: "always",
    arity: [1, 1],
    formula: "the place of each entry in the order of its row",
    flops: 1,
    range: () => FROM_ZERO,
    infer([x]) {
      requireTypes("rank", "number", [x!]);
      requireAxis("rank", x!, x!.shape.length - 1);
      return { shape: x!.shape, type: "int" };
    },
    vjp: { absent: "flat", because: "a place does not move when the entries move a little" },
    evaluate: ([x], { attributes: { descending } }) => placesOf(x!, descending),
  },
};

/** The place of each entry in the order of its row: entries that tie keep theirs, NaN is the largest. */
export function placesOf({ shape, data: entries }: Values, descending: boolean): Values {
  const length = shape.at(-1)!;
  const data = new Float64Array(entries.length);
  const order = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a < b ? -1 : a > b ? 1 : 0;
  };
  for (let start = 0; start < data.length; start += length) {
    const row = entries.subarray(start, start + length);
    const sorted = Array.from(row.keys()).sort((i, j) => (descending ? -1 : 1) * order(row[i]!, row[j]!));
    for (const [place, i] of sorted.entries()) data[start + i] = place;
  }
  return { shape, data };
}
