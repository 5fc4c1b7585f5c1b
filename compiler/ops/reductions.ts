/**
 * Reductions over `axes`, which stay as size 1, and softmax, which is one followed by a division.
 */
import type { Formulas } from "../ir/formulas.ts";
import type { ElementType, Node, ReductionName } from "../ir/node.ts";
import { countOf, elements, fixed, isFree, ONE, type Shape, showShape } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { always, BIT, FROM_ZERO, kept, productOfAll, type Range, total } from "./interval.ts";
import type { Op, OpTable } from "./op.ts";
import { requireTypes } from "./operand-types.ts";
import { copyView, folded, rowMajor } from "./strided.ts";

/** JavaScript's for the evaluator; those of modules for what is known when compiling. */
export type Transcendental = Readonly<Record<"exp" | "log", (x: number) => number>>;

interface Spec {
  readonly formula: string;
  readonly result: "float" | "int" | "same";
  /** Of a run that is not empty. */
  readonly range: Range;
  readonly fold: (run: Float64Array, math?: Transcendental) => number;
  readonly vjp: ((b: Formulas, g: Node, x: Node, y: Node, axes: readonly number[]) => Node) | "flat";
  readonly flops: number;
}

/** The largest entry, NaN where there is one. */
const largest = (run: Float64Array): number => run.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (run: Float64Array): number => run.reduce((a, b) => Math.min(a, b), Infinity);

const spec = {
  sum: {
    formula: "Σ x",
    result: "same",
    range: ([x]) => total(x!),
    fold: (run) => run.reduce((a, b) => a + b, 0),
    // d Σ x = Σ dx
    vjp: (b, g, x) => b.broadcast(g, x.shape),
    flops: 1,
  },
  prod: {
    formula: "Π x",
    result: "same",
    range: ([x]) => productOfAll(x!),
    fold: (run) => run.reduce((a, b) => a * b, 1),
    // d Π x = Σ (Π of the others) dx
    vjp: (b, g, x, _, axes) => b.mul(b.broadcast(g, x.shape), productOfOthers(b, x, axes)),
    flops: 1,
  },
  reduce_max: {
    formula: "max x",
    result: "same",
    range: kept,
    fold: largest,
    vjp: sharedAmongTies,
    flops: 1,
  },
  reduce_min: {
    formula: "min x",
    result: "same",
    range: kept,
    fold: smallest,
    vjp: sharedAmongTies,
    flops: 1,
  },
  logsumexp: {
    formula: "log Σ e^x",
    result: "float",
    range: ([x]) => [x![0], Infinity],
    fold(run, { exp, log } = Math) {
      const top = largest(run);
      // All -∞ is log 0; +∞ or NaN among them is itself.
      if (!Number.isFinite(top)) return top;
      return top + log(run.reduce((sum, x) => sum + exp(x - top), 0));
    },
    // d log Σ e^x = Σ softmax(x) dx, along several axes Σ e^(x - y) dx; where every x is -∞, 0
    vjp(b, g, x, y, axes) {
      const [axis, ...others] = axes;
      if (axis !== undefined && others.length === 0) {
        return b.mul(g, b.where(b.eq(b.reduce_max(x, axes), -Infinity), 0, b.softmax(x, axis)));
      }
      const finite = b.where(b.eq(y, -Infinity), 0, y);
      return b.mul(g, b.exp(b.sub(x, finite)));
    },
    flops: 18,
  },
  argmax: {
    formula: "the first index of max x",
    result: "int",
    range: always(FROM_ZERO),
    fold(run) {
      const top = largest(run);
      return run.findIndex((x) => x === top || Number.isNaN(x));
    },
    vjp: "flat",
    flops: 2,
  },
} satisfies { readonly [K in ReductionName]: Spec };

/** d max x shares evenly among the entries that are largest. */
function sharedAmongTies(b: Formulas, g: Node, x: Node, y: Node, axes: readonly number[]): Node {
  const tied = b.eq(x, y);
  const share = b.div(g, b.sum(b.toFloat(tied), axes));
  return b.where(tied, share, 0);
}

/**
 * For each entry of x the product of all the others along `axes`: Π_j where(i = j, 1, x_j) over
 * pairs (i, j). There is no division, so zeros are no exception, and neither is any further
 * derivative.
 * @throws OpError `no-derivative` along the free dimension, whose pairs are not a shape
 */
function productOfOthers(b: Formulas, x: Node, axes: readonly number[]): Node {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const moved = b.permute(x, order);
  const lead = kept.map((axis) => x.shape[axis]!);
  const run = elements(axes.map((axis) => x.shape[axis]!));
  if (run === null || isFree(run)) {
    throw new OpError("no-derivative", "`prod` along the batch has no derivative here", [showShape(x.shape)]);
  }
  const pairs: Shape = [...lead, fixed(countOf(run)), fixed(countOf(run))];
  const others = b.broadcast(b.reshape(moved, [...lead, ONE, fixed(countOf(run))]), pairs);
  const own = b.eq(b.iota(lead.length, pairs), b.iota(lead.length + 1, pairs));
  const product = b.prod(b.where(own, 1, others), [lead.length + 1]);
  return b.permute(
    b.reshape(product, moved.shape),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

/** The definition of a reduction for a run of numbers. */
export const foldOf = (name: ReductionName): Spec["fold"] => spec[name].fold;

// The keys of a record are its names.
export const reductionNames = Object.keys(spec) as ReductionName[];

function requireAxes(name: string, x: Node, axes: readonly number[]): void {
  const ordered = axes.every(
    (axis, i) =>
      Number.isInteger(axis) && axis >= 0 && axis < x.shape.length && (i === 0 || axis > axes[i - 1]!),
  );
  if (!ordered) {
    throw new OpError("bad-axis", `\`${name}\` has no axes [${axes.join(", ")}] here`, [showShape(x.shape)]);
  }
}

function reduction<K extends ReductionName>(name: K, spec: Spec): Op<K> {
  const rule = spec.vjp;
  return {
    name,
    family: "reduction",
    formula: spec.formula,
    takes: "number",
    arity: [1, 1],
    linear: name === "sum",
    range: spec.range,
    finite: name === "argmax" ? "always" : "kept",
    flops: spec.flops,
    inKernels: name !== "logsumexp" && name !== "argmax",
    sample: { domain: [[-2, 2]] },
    infer([x], attributes) {
      // Every reduction has axes; the lookup by K hides it.
      const { axes } = attributes as { readonly axes: readonly number[] };
      requireTypes(name, "number", [x!]);
      requireAxes(name, x!, axes);
      if (name === "argmax" && axes.length !== 1) {
        throw new OpError("bad-axis", "`argmax` goes along one axis", [showShape(x!.shape)]);
      }
      const shape = x!.shape.map((size, axis) => (axes.includes(axis) ? ONE : size));
      const type: ElementType = spec.result === "same" ? x!.type : spec.result;
      return { shape, type };
    },
    vjp:
      rule === "flat"
        ? { absent: "flat", because: "an index does not move when the entries move a little" }
        : (b, node, g) => {
            const { axes } = node.attributes as { readonly axes: readonly number[] };
            return [rule(b, g, node.operands[0]!, node as unknown as Node, axes)];
          },
    evaluate([x], node) {
      const { axes } = node.attributes as { readonly axes: readonly number[] };
      return folded(x!, axes, spec.fold);
    },
  };
}

export const reductionOps: Pick<OpTable, ReductionName | "softmax"> = {
  sum: reduction("sum", spec.sum),
  prod: reduction("prod", spec.prod),
  reduce_max: reduction("reduce_max", spec.reduce_max),
  reduce_min: reduction("reduce_min", spec.reduce_min),
  logsumexp: reduction("logsumexp", spec.logsumexp),
  argmax: reduction("argmax", spec.argmax),
  softmax: {
    name: "softmax",
    family: "reduction",
    formula: "e^x / Σ e^x",
    takes: "number",
    arity: [1, 1],
    range: always(BIT),
    finite: "kept",
    flops: 20,
    inKernels: false,
    infer([x], { axis }) {
      requireTypes("softmax", "number", [x!]);
      requireAxes("softmax", x!, [axis]);
      return { shape: x!.shape, type: "float" };
    },
    // d softmax x = y (dx - Σ y dx)
    vjp(b, node, g) {
      const y: Node = node;
      return [b.mul(y, b.sub(g, b.sum(b.mul(g, y), [node.attributes.axis])))];
    },
    evaluate([x], { attributes: { axis } }) {
      const top = folded(x!, [axis], largest);
      const strides = rowMajor(top.shape).map((stride, i) => (i === axis ? 0 : stride));
      // Nothing is taken from an infinite one, so that others are 0 beside ∞.
      const shift = top.data.map((t) => (Math.abs(t) === Infinity ? 0 : t));
      const tops = copyView(shift, x!.shape, strides);
      const exponentials = { shape: x!.shape, data: x!.data.map((v, i) => Math.exp(v - tops.data[i]!)) };
      const total = copyView(folded(exponentials, [axis], spec.sum.fold).data, x!.shape, strides);
      return { shape: x!.shape, data: exponentials.data.map((v, i) => v / total.data[i]!) };
    },
  },
};
