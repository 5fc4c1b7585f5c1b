/**
 * Writes the ops that kernels do not know in terms of those they do, in forms that one kernel a row
 * can compute.
 */
import type { Build } from "../graph/build.ts";
import type { Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { countOf, isFree, ONE, sameSize } from "../ir/size.ts";
import { behindReshapes } from "../ops/movement.ts";
import { applyRules, type Rule, type Site } from "./rewrite.ts";
import { foldRules } from "./rules/folds.ts";
import { merging } from "./rules/merging.ts";
import { padAxis } from "./rules/phases.ts";
import { throughViews, unspread } from "./rules/match.ts";

/** Labels and indices are exact up to here in f32, so it is larger than any index. */
const BEYOND = 2 ** 24;

/** Entries of a row from which on going to one of them costs less than a look at each. */
const LONG_ROW = 256;

/** Entries of a row from which on sorting it takes less time than comparing each with each: measured, f32. */
const SORTED_ROW = 64;

/** Whether it is stored anyway: a layer's result, with its bias, or what lies in memory. */
function isMade(node: Node): boolean {
  const base = behindReshapes(node);
  const [x] = base.operands;
  return (
    base.op === "matmul" || isSource(base.op) || (base.op === "add" && behindReshapes(x!).op === "matmul")
  );
}
const isSource = (op: Node["op"]): boolean => op === "input" || op === "parameter" || op === "table";

const lowerings: readonly Rule[] = [
  {
    name: "lower-logsumexp",
    formula: "log Σ e^x → s + log Σ e^(x - s), s = max x where that is finite, else 0",
    at: ["logsumexp"],
    rewrite({ b }, node) {
      if (node.op !== "logsumexp") return null;
      const { axes } = node.attributes;
      const x = node.operands[0]!;
      const shift = finiteMax(b, x, axes);
      return b.add(b.log(b.sum(b.exp(b.sub(x, shift)), axes)), shift);
    },
  },
  {
    // Of two large numbers that are near each other the difference is exact; log Σ, which is small,
    // would be lost in their like.
    name: "lower-logsumexp-difference",
    formula: "(log Σ + s) - p → log Σ - (p - s), p - (log Σ + s) → (p - s) - log Σ",
    at: ["sub"],
    rewrite(site, node) {
      const { b } = site;
      const [left, right] = node.operands;
      const subtracted = loweredLogsumexp(site, right!);
      if (subtracted !== null) return b.sub(b.sub(left!, subtracted.shift), subtracted.log);
      const from = loweredLogsumexp(site, left!);
      return from === null ? null : b.sub(from.log, b.sub(right!, from.shift));
    },
  },
  {
    name: "lower-softmax",
    // With the shift of `lower-logsumexp`, so that a loss and its gradient share e and Σ e.
    formula: "softmax x → e / Σ e, e = e^(x - s), s = max x where that is finite, else 0",
    at: ["softmax"],
    rewrite({ b }, node) {
      if (node.op !== "softmax") return null;
      const axes = [node.attributes.axis];
      const x = node.operands[0]!;
      const e = b.exp(b.sub(x, finiteMax(b, x, axes)));
      return b.div(e, b.sum(e, axes));
    },
  },
  {
    name: "lower-long-gather",
    formula: "x[…, y] → take(x, y), where the rows of x are long and stored",
    at: ["gather"],
    rewrite({ b }, node) {
      const [x, y] = node.operands;
      const last = x!.shape.length - 1;
      return countOf(x!.shape[last]!) >= LONG_ROW && isMade(x!) ? b.take(x!, y!, last) : null;
    },
  },
  {
    name: "lower-gather",
    formula: "x[…, y] → Σ_k where(k = y, x_k, 0)",
    at: ["gather"],
    rewrite({ b }, node) {
      const [x, y] = node.operands;
      const last = x!.shape.length - 1;
      const zero = b.constant(0, x!.shape, x!.type);
      return b.reshape(b.sum(b.where(indexIs(b, y!, x!), x!, zero), [last]), node.shape);
    },
  },
  {
    name: "lower-one-hot",
    formula: "one_hot y → [k = y]",
    at: ["one_hot"],
    rewrite: ({ b }, node) => indexIs(b, node.operands[0]!, node),
  },
  {
    name: "lower-argmax",
    formula: "argmax x → min_k where(x_k = max x or x_k is NaN, k, 2^24)",
    at: ["argmax"],
    rewrite({ b }, node) {
      if (node.op !== "argmax") return null;
      const { axes } = node.attributes;
      const x = node.operands[0]!;
      const chosen = b.or(b.eq(x, b.reduce_max(x, axes)), b.ne(x, x));
      const beyond = b.constant(BEYOND, x.shape, "int");
      return b.reduce("reduce_min", b.where(chosen, b.iota(axes[0]!, x.shape), beyond), axes);
    },
  },
  ...foldRules,
  ...merging,
  {
    // Parts of a concatenation are written where they lie in it, and zeros only where nothing else
    // is.
    name: "lower-padding",
    formula: "an embed of neighbors → concat(0, x, 0) along each axis",
    at: ["embed"],
    rewrite({ b }, node) {
      if (node.op !== "embed") return null;
      const { axes } = node.attributes;
      let x = node.operands[0]!;
      const sizes = (axis: number): [number, number] => [countOf(x.shape[axis]!), countOf(node.shape[axis]!)];
      const isFitting = axes.every(({ start, fromEnd, step }, axis) => {
        const isWhole = start === 0 && !fromEnd && sameSize(x.shape[axis]!, node.shape[axis]!);
        return !fromEnd && (isWhole || !isFree(node.shape[axis]!)) && (step === 1 || sizes(axis)[0] === 1);
      });
      if (!isFitting) return null;
      for (let axis = axes.length - 1; axis >= 0; axis--) {
        const [own, whole] = sizes(axis);
        const { start } = axes[axis]!;
        x = padAxis(b, x, axis, start, whole - own - start);
      }
      return x;
    },
  },
  {
    name: "lower-rank",
    // Long rows are sorted by a kernel of their own.
    formula: "rank x → Σ_j [x_j before x_i], of equal ones the first, NaN being the largest; x is short",
    at: ["rank"],
    rewrite({ b }, node) {
      if (node.op !== "rank") return null;
      const { descending } = node.attributes;
      const x = node.operands[0]!;
      const last = x.shape.length - 1;
      if (countOf(x.shape[last]!) >= SORTED_ROW) return null;
      const pairs = [...x.shape, x.shape[last]!];
      const own = b.broadcast(b.reshape(x, [...x.shape, ONE]), pairs);
      const other = b.broadcast(b.reshape(x, [...x.shape.slice(0, -1), ONE, x.shape[last]!]), pairs);
      const [less, more] = descending ? [own, other] : [other, own];
      const isLess = b.or(b.lt(less, more), b.and(b.ne(more, more), b.eq(less, less)));
      const isEqual = b.or(b.eq(less, more), b.and(b.ne(less, less), b.ne(more, more)));
      const isEarlier = b.lt(b.iota(last + 1, pairs), b.iota(last, pairs));
      const ones = b.constant(1, pairs, "int");
      const before = b.where(b.or(isLess, b.and(isEqual, isEarlier)), ones, b.constant(0, pairs, "int"));
      return b.reshape(b.sum(before, [last + 1]), x.shape);
    },
  },
  {
    name: "lower-stop-gradient",
    formula: "stop_gradient x → x",
    at: ["stop_gradient"],
    rewrite: (_, node) => node.operands[0]!,
  },
  {
    name: "lower-couple",
    formula: "couple(x, a) → x + a",
    at: ["couple"],
    rewrite: ({ b }, node) => b.add(node.operands[0]!, node.operands[1]!),
  },
];

/** max x where that is finite, else 0. */
function finiteMax(b: Build, x: Node, axes: readonly number[]): Node {
  const top = b.reduce_max(x, axes);
  return b.where(b.eq(b.abs(top), Infinity), 0, top);
}

/** The two terms that `lower-logsumexp` leaves, under the views that `node` puts over their sum. */
function loweredLogsumexp(site: Site, node: Node): { readonly log: Node; readonly shift: Node } | null {
  const { core, again } = throughViews(site, node);
  const [log, shift] = site.as(core, "add")?.operands ?? [];
  const sum = site.as(log ?? core, "log")?.operands[0];
  const exponential = site.as(sum ?? core, "sum")?.operands[0];
  const shifted = site.as(exponential ?? core, "exp")?.operands[0];
  if (shifted?.op !== "sub" || unspread(shifted.operands[1]!) !== shift) return null;
  return { log: again(log!), shift: again(shift) };
}

/** [k = y] over the last axis of `like`, whose other axes are those of y. */
function indexIs(b: Build, y: Node, like: Node): Node {
  const last = like.shape.length - 1;
  return b.eq(b.iota(last, like.shape), b.reshape(y, [...y.shape, ONE]));
}

/** The model in ops whose records say `inKernels`. Wants one without `grad`. */
export const lower = (model: Model): Model => applyRules(model, "lower", lowerings);
