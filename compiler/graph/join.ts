/**
 * How a value over all rows of a batch follows from its values over parts of them: read off the
 * graph.
 *
 * Each node has a degree d beside its form, the power of N it is multiplied by, so that a sum over
 * rows (d = 0) divided by N is a mean (d = -1), and N itself is a constant of degree 1. What is not
 * understood couples rows.
 */
import type { Join } from "../../runtime/manifest.ts";
import type { Op } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import type { Model } from "./model.ts";
import { fact } from "../ir/fact.ts";
import type { Node, NodeOf, OpName, SliceAxis } from "../ir/node.ts";
import { countOf, isFree, sameSize, type Shape } from "../ir/size.ts";

type Form =
  /** 0 in every entry: of every form and degree. */
  | { readonly of: "zero" }
  /** N^d · c, c being the same for every batch. No axis is free. */
  | { readonly of: "constant"; readonly degree: number }
  /** N^d · v, entries of row r along the one free axis depending on row r of the inputs alone. */
  | { readonly of: "rows"; readonly degree: number }
  /**
   * N^d · Σ_r v_r, v_r depending on row r alone. No axis is free. N^d · c is such a sum, of degree
   * d - 1.
   */
  | { readonly of: "sum"; readonly degree: number }
  /** max_r v_r or min_r v_r. No axis is free. */
  | { readonly of: "max" }
  | { readonly of: "min" }
  | { readonly of: "coupled" };

const COUPLED: Form = { of: "coupled" };
const ZERO: Form = { of: "zero" };
const FIXED: Form = { of: "constant", degree: 0 };
const APART: Form = { of: "rows", degree: 0 };

export interface ModelJoins {
  /** In the order of the model's roots. */
  readonly outputs: readonly Join[];
  readonly metrics: readonly Join[];
  /** Of the loss outside training; null where there is none. */
  readonly loss: Join | null;
}

/** How what `predict` and `evaluate` compute joins. Wants a model without `grad`. */
export function modelJoins({ roots: { outputs, metrics, loss } }: Model): ModelJoins {
  const all = joins([
    ...outputs.map(({ node }) => node),
    ...metrics.map(({ node }) => node),
    ...(loss === null ? [] : [loss]),
  ]);
  const metricsEnd = outputs.length + metrics.length;
  return {
    outputs: all.slice(0, outputs.length),
    metrics: all.slice(outputs.length, metricsEnd),
    loss: all[metricsEnd] ?? null,
  };
}

/** How `roots` join, in their order. Wants nodes without `grad`. */
export const joins = (roots: readonly Node[]): Join[] => roots.map((root) => joinOf(root, formAt(root)));

const formAt = fact(formOf);

function joinOf(root: Node, form: Form): Join {
  switch (form.of) {
    case "zero":
      return freeAxis(root.shape) === null ? "constant" : "rows";
    case "constant":
      return form.degree === 0 ? "constant" : form.degree === 1 ? "sum" : "coupled";
    case "rows":
      return form.degree === 0 ? "rows" : "coupled";
    case "sum":
      return form.degree === -1 ? "mean" : form.degree === 0 ? "sum" : "coupled";
    case "max":
    case "min":
    case "coupled":
      return form.of;
    default:
      return form satisfies never;
  }
}

function formOf(node: Node, operands: readonly Form[]): Form {
  if (node.shape.filter(isFree).length > 1) return COUPLED;
  if (operands.some((form) => form.of === "coupled")) return COUPLED;
  // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
  const record = ops[node.op] as unknown as Op<OpName>;
  switch (record.family) {
    case "source":
      return sourceForm(node);
    case "elementwise":
      return elementwiseForm(node, operands, record.linear === true);
    case "reduction":
      return reductionForm(node, operands[0]!, record.linear === true);
    case "product":
      return productForm(node, operands[0]!, operands[1]!);
    case "movement":
      return movementForm(node, operands);
    case "index":
      return indexForm(node, operands);
    case "running":
      return runningForm(node, operands);
    case "loop":
      return loopForm(node, operands);
    case "derivative":
      return COUPLED;
    default:
      return record.family satisfies never;
  }
}

/**
 * What a loop carries is taken to be plain, which the scan proves: first values are, and where what
 * arrives at a place is, so is what goes on from it.
 */
function loopForm(node: Node, operands: readonly Form[]): Form {
  if (node.op !== "scan") return operands[0] ?? plain(node.shape);
  const [value, ...carries] = operands;
  return carries.every(isPlain) ? value! : COUPLED;
}

const freeAxis = (shape: Shape): number | null => {
  const axis = shape.findIndex(isFree);
  return axis < 0 ? null : axis;
};

/** A form without a power of N, such as every function of such values has. */
const plain = (shape: Shape): Form => (freeAxis(shape) === null ? FIXED : APART);

/** Whether every function, entry by entry, of such a value is of that form again. */
const isPlain = (form: Form): boolean =>
  form.of === "zero" || ((form.of === "constant" || form.of === "rows") && form.degree === 0);

function sourceForm(node: Node): Form {
  switch (node.op) {
    case "constant":
      return node.attributes.value === 0 ? ZERO : plain(node.shape);
    case "extent":
      return { of: "constant", degree: isFree(node.attributes.size) ? 1 : 0 };
    case "input":
    case "table":
    case "parameter":
    case "state":
    case "hyper":
    case "step":
      return plain(node.shape);
    case "iota":
      // The number of a row is another one in a part.
      return freeAxis(node.shape) === node.attributes.axis ? COUPLED : plain(node.shape);
    case "random":
      // So are random numbers, which are functions of the entry's place.
      return freeAxis(node.shape) === null ? FIXED : COUPLED;
    default:
      return COUPLED;
  }
}

function elementwiseForm(node: Node, operands: readonly Form[], linear: boolean): Form {
  const [a, b, c] = operands as [Form, Form, Form];
  if (operands.every(isPlain)) return linear && operands.every(isZero) ? ZERO : plain(node.shape);
  switch (node.op) {
    case "mul":
      return scaled(a, node.operands[1]!) ?? scaled(b, node.operands[0]!) ?? times(a, b, 1);
    case "div":
      return scaled(a, node.operands[1]!) ?? times(a, b, -1);
    case "reciprocal":
      return times(FIXED, a, -1);
    case "where":
      return isPlain(a) ? common([b, c]) : COUPLED;
    case "max":
    case "min": {
      const form = common(operands);
      return form.of === node.op ? form : COUPLED;
    }
    case "neg":
      return opposite(a);
    default:
      break;
  }
  if (linear) {
    const form = common(operands);
    // max(a) + max(b) is not max(a + b).
    return form.of === "max" || form.of === "min" ? COUPLED : form;
  }
  // N^d > 0, so which of two is larger, or whether both are equal, does not depend on it.
  const compares = node.type === "bool" && node.operands.every((x) => x.type !== "bool");
  const compared = compares ? common(operands) : COUPLED;
  return compared.of === "rows" || compared.of === "constant" ? plain(node.shape) : COUPLED;
}

const isZero = (form: Form): boolean => form.of === "zero";

const opposite = (form: Form): Form =>
  form.of === "max" ? { of: "min" } : form.of === "min" ? { of: "max" } : form;

/** The largest or smallest times, or divided by, a number that is written; null for other forms. */
function scaled(form: Form, factor: Node): Form | null {
  if (form.of !== "max" && form.of !== "min") return null;
  if (factor.op !== "constant" || factor.attributes.value === 0) return COUPLED;
  return factor.attributes.value > 0 ? form : factor.attributes.value < 0 ? opposite(form) : COUPLED;
}

/** a b^power, power being 1 or -1. */
function times(a: Form, b: Form, power: 1 | -1): Form {
  const [left, right] = [withDegree(a), withDegree(b)];
  if (left === null || right === null) return COUPLED;
  const degree = left.degree + power * right.degree;
  if (left.of === "rows" || right.of === "rows") {
    return left.of === "sum" || right.of === "sum" ? COUPLED : { of: "rows", degree };
  }
  if (right.of === "constant") return { of: left.of, degree };
  return left.of === "constant" && power === 1 ? { of: "sum", degree } : COUPLED;
}

function withDegree(form: Form): Extract<Form, { readonly degree: number }> | null {
  switch (form.of) {
    case "constant":
    case "rows":
    case "sum":
      return form;
    case "zero":
      return { of: "constant", degree: 0 };
    case "max":
    case "min":
    case "coupled":
      return null;
    default:
      return form satisfies never;
  }
}

/**
 * The form that all of these have, so that a tensor whose entries are of any of them has it, and a
 * linear combination.
 */
function common(forms: readonly Form[]): Form {
  let form = ZERO;
  for (const next of forms) form = commonOfTwo(form, next);
  return form;
}

function commonOfTwo(a: Form, b: Form): Form {
  if (a.of === "zero") return b;
  if (b.of === "zero") return a;
  if (a.of === "coupled" || b.of === "coupled") return COUPLED;
  if (a.of === "max" || a.of === "min") return b.of === a.of || isPlain(b) ? a : COUPLED;
  if (b.of === "max" || b.of === "min") return isPlain(a) ? b : COUPLED;
  if (a.of === b.of) return a.degree === b.degree ? a : COUPLED;
  if (a.of === "rows" || b.of === "rows") return COUPLED;
  const [constant, sum] = a.of === "constant" ? [a, b] : [b, a];
  return sum.degree === constant.degree - 1 ? sum : COUPLED;
}

function reductionForm(node: Node, x: Form, linear: boolean): Form {
  const operand = node.operands[0]!;
  // Ops of this family have one or the other.
  const { axes = [], axis = -1 } = node.attributes as { axes?: readonly number[]; axis?: number };
  const free = freeAxis(operand.shape);
  if (free !== null && (axes.includes(free) || axis === free)) {
    if (isZero(x)) return linear ? ZERO : COUPLED;
    if (x.of !== "rows") return COUPLED;
    if (linear) return { of: "sum", degree: x.degree };
    if (x.degree !== 0) return COUPLED;
    return node.op === "reduce_max" ? { of: "max" } : node.op === "reduce_min" ? { of: "min" } : COUPLED;
  }
  if (isPlain(x)) return linear && isZero(x) ? ZERO : plain(node.shape);
  if (x.of === "max") return node.op === "reduce_max" ? x : COUPLED;
  if (x.of === "min") return node.op === "reduce_min" ? x : COUPLED;
  return linear ? x : COUPLED;
}

/** Σ_k a[…, m, k] b[…, k, n]: over rows where k is free. */
function productForm(node: Node, a: Form, b: Form): Form {
  const left = node.operands[0]!.shape;
  const overRows = isFree(left.at(-1)!);
  const form = times(asOf(node.operands[0]!, a), asOf(node.operands[1]!, b), 1);
  if (!overRows || form.of === "coupled") return form;
  // Where the depth is free a row or a column that is free too would have made N².
  return form.of === "rows" ? { of: "sum", degree: form.degree } : COUPLED;
}

/** Zeros as values of their shape. */
const asOf = (node: Node, form: Form): Form => (form.of === "zero" ? plain(node.shape) : form);

function movementForm(node: Node, operands: readonly Form[]): Form {
  const form = common(operands);
  const operand = node.operands[0]!;
  const before = freeAxis(operand.shape);
  const after = freeAxis(node.shape);
  if (isZero(form)) return ZERO;
  switch (node.op) {
    case "reshape":
      return before === null || sameRuns(operand.shape, node.shape) ? form : COUPLED;
    case "permute":
      return form;
    case "broadcast":
      if (before !== null || after === null) return form;
      // One value for all rows.
      return form.of === "constant" ? { of: "rows", degree: form.degree } : COUPLED;
    case "slice":
      return takesAllRows(node.attributes.axes, operand.shape, node.shape) ? form : COUPLED;
    case "windows":
      return form;
    case "fold":
      // Where no window lies there are zeros.
      return form.of === "max" || form.of === "min" ? COUPLED : form;
    case "embed":
      // Zeros are added, which may be more than the largest.
      if (form.of === "max" || form.of === "min") return COUPLED;
      return takesAllRows(node.attributes.axes, operand.shape, node.shape) ? form : COUPLED;
    case "concat":
      return node.attributes.axis === after ? COUPLED : form;
    default:
      return COUPLED;
  }
}

function takesAllRows(axes: readonly SliceAxis[], before: Shape, after: Shape): boolean {
  const free = freeAxis(before);
  if (free === null || freeAxis(after) !== free) return free === freeAxis(after);
  const { start, fromEnd, step } = axes[free]!;
  return start === 0 && !fromEnd && step === 1 && sameSize(before[free]!, after[free]!);
}

/**
 * Whether as many runs of rows lie behind one another in both shapes, so that each row keeps its
 * entries.
 */
function sameRuns(a: Shape, b: Shape): boolean {
  const runs = (shape: Shape): number =>
    shape.slice(0, freeAxis(shape) ?? 0).reduce((product, size) => product * countOf(size), 1);
  return runs(a) === runs(b);
}

function indexForm(node: Node, operands: readonly Form[]): Form {
  if (node.op === "take" || node.op === "scatter") return tableForm(node, operands[0]!, operands[1]!);
  if (operands.every(isPlain)) return plain(node.shape);
  const [x, y] = operands;
  // An entry of x, or 0.
  if (node.op === "gather" && isPlain(y!) && (x!.of === "sum" || x!.of === "constant" || x!.of === "rows")) {
    return x!;
  }
  return COUPLED;
}

function tableForm(node: NodeOf<"take" | "scatter">, x: Form, ids: Form): Form {
  const [values, labels] = node.operands;
  const { batch } = node.attributes;
  const axis = freeAxis((node.op === "take" ? values! : node).shape);
  // Rows of the batch that are picked by numbers, whichever row of the batch has the number.
  if (axis === batch || !isPlain(ids)) return COUPLED;
  if (!isPlain(x))
    return freeAxis(labels!.shape) === null && (x.of === "sum" || x.of === "constant") ? x : COUPLED;
  const summed = node.op === "scatter" ? freeAxis(values!.shape) : null;
  return summed !== null && summed >= batch && summed < labels!.shape.length
    ? { of: "sum", degree: 0 }
    : plain(node.shape);
}

/** The axis that it runs along is never the batch. */
function runningForm(node: Node, operands: readonly Form[]): Form {
  if (operands.every(isPlain)) return plain(node.shape);
  const [x] = operands;
  return node.op === "cumsum" && (x!.of === "sum" || x!.of === "constant" || x!.of === "rows") ? x! : COUPLED;
}
