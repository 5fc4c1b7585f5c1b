/**
 * `fold` as a gather: each entry of the result is the sum of the windows that cover it. With stride
 * s, entries of one phase r = k mod s are covered by the same places u of windows, dilation·u = r
 * mod s, so a phase is a fold of stride 1 over these, and the phases are interleaved.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { countOf, fixed, ONE } from "../../ir/size.ts";
import { commonDivisor } from "../../ops/windows.ts";
import type { Rule } from "../rewrite.ts";

export const foldAsGather: Rule = {
  name: "lower-fold",
  formula: "fold(w)[k] → Σ w[i, u] over the windows i that have k at u",
  at: ["fold"],
  rewrite: ({ b }, node) => (node.op === "fold" ? gathered(b, node) : null),
};

/** What covers a phase: place `first + step·v` of window `q + shift - apart·v`, v = 0 … count - 1. */
interface Phase {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly shift: number;
  readonly apart: number;
}

/** Terms that are added up one by one; more are a sum over an axis. */
const MOST_TERMS = 8;

function gathered(b: Build, node: NodeOf<"fold">): Node {
  const { axis, length, stride, dilation } = node.attributes;
  const w = node.operands[0]!;
  const size = countOf(w.shape.at(-1)!);
  if (dilation === 1 && size <= stride) return apart(b, node);
  const windows = countOf(w.shape[axis]!);
  const rows = Math.ceil(length / stride);
  const phases = Array.from({ length: stride }, (_, phase) => coverOf(phase, size, stride, dilation));
  const covered = phases.filter((phase) => phase !== null);
  const before = Math.max(0, ...covered.map(({ shift, apart, count }) => apart * (count - 1) - shift));
  const after = Math.max(0, ...covered.map(({ shift }) => rows + shift - windows));
  const padded = padAxis(b, w, axis, before, after);
  const parts = phases.map((phase) => (phase === null ? null : summed(b, padded, axis, rows, before, phase)));
  return interleaved(b, node, parts);
}

/** Null where no window covers the phase. */
function coverOf(phase: number, size: number, stride: number, dilation: number): Phase | null {
  const g = commonDivisor(stride, dilation);
  const step = stride / g;
  for (let first = 0; first < Math.min(step, size); first++) {
    if ((dilation * first - phase) % stride !== 0) continue;
    const count = Math.ceil((size - first) / step);
    return { first, step, count, shift: (phase - dilation * first) / stride, apart: dilation / g };
  }
  return null;
}

/** Σ_v w[.., q + shift - apart·v, .., first + step·v] for each of `rows` q. */
function summed(b: Build, w: Node, axis: number, rows: number, before: number, phase: Phase): Node {
  const { first, step, count, shift, apart } = phase;
  const last = w.shape.length - 1;
  const shape = w.shape.slice(0, -1).with(axis, fixed(rows));
  if (count > MOST_TERMS) return summedAlong(b, w, axis, rows, before, phase);
  // The first windows first.
  const terms = Array.from({ length: count }, (_, i) => {
    const v = count - 1 - i;
    const start = before + shift - apart * v;
    const at = w.shape.map((_size, k) => ({
      start: k === axis ? start : k === last ? first + step * v : 0,
      fromEnd: false,
      step: 1,
    }));
    return b.reshape(b.slice(w, at, [...shape, ONE]), shape);
  });
  return terms.reduce((sum, term) => b.add(sum, term));
}

/**
 * The same as a sum over an axis: in row-major [windows, size] places v = count - 1 … 0 lie
 * apart·size - step behind one another, which are windows of the run.
 */
function summedAlong(b: Build, w: Node, axis: number, rows: number, before: number, phase: Phase): Node {
  const { first, step, count, shift, apart } = phase;
  const rank = w.shape.length;
  const size = countOf(w.shape[rank - 1]!);
  const others = w.shape.map((_, k) => k).filter((k) => k !== axis && k !== rank - 1);
  const rest = others.map((k) => w.shape[k]!);
  const run = b.reshape(b.permute(w, [...others, axis, rank - 1]), [
    ...rest,
    fixed(countOf(w.shape[axis]!) * size),
  ]);
  const start = (before + shift - apart * (count - 1)) * size + first + step * (count - 1);
  const dilation = apart * size - step;
  const length = size * (rows - 1) + dilation * (count - 1) + 1;
  const at = [...rest.map(() => 0), start].map((from) => ({ start: from, fromEnd: false, step: 1 }));
  const used = b.slice(run, at, [...rest, fixed(length)]);
  const runs = b.windows(used, { axis: others.length, size: count, stride: size, dilation });
  const sum = b.reshape(b.sum(runs, [rank - 1]), [...rest, fixed(rows)]);
  return b.permute(sum, [
    ...others.slice(0, axis).map((_, k) => k),
    others.length,
    ...others.slice(axis).map((_, k) => k + axis),
  ]);
}

/** Windows that do not reach into one another lie side by side. */
function apart(b: Build, node: NodeOf<"fold">): Node {
  const { axis, stride } = node.attributes;
  const w = node.operands[0]!;
  const last = w.shape.length - 1;
  const axes = w.shape
    .map((_, k) => k)
    .toSpliced(last, 1)
    .toSpliced(axis + 1, 0, last);
  const rows = padAxis(b, b.permute(w, axes), axis + 1, 0, stride - countOf(w.shape[last]!));
  return cut(b, rows, node);
}

/** Phase by phase of each row, where null is zeros. */
function interleaved(b: Build, node: NodeOf<"fold">, phases: readonly (Node | null)[]): Node {
  const { axis } = node.attributes;
  const like = phases.find((phase) => phase !== null)!.shape;
  const column = like.toSpliced(axis + 1, 0, ONE);
  const columns = phases.map((phase) => (phase === null ? b.zeros(column) : b.reshape(phase, column)));
  return cut(b, columns.length === 1 ? columns[0]! : b.concat(columns, axis + 1), node);
}

/** [.., rows, stride, ..] as one axis of the length that `node` has: cut off, or zeros behind. */
function cut(b: Build, x: Node, node: NodeOf<"fold">): Node {
  const { axis, length } = node.attributes;
  const whole = countOf(x.shape[axis]!) * countOf(x.shape[axis + 1]!);
  const joined = b.reshape(x, x.shape.toSpliced(axis, 2, fixed(whole)));
  if (length > whole) return padAxis(b, joined, axis, 0, length - whole);
  const at = joined.shape.map(() => ({ start: 0, fromEnd: false, step: 1 }));
  return length === whole ? joined : b.slice(joined, at, node.shape);
}

/** Zeros at both ends of an axis. */
function padAxis(b: Build, x: Node, axis: number, before: number, after: number): Node {
  const zeros = (count: number): Node[] => (count === 0 ? [] : [b.zeros(x.shape.with(axis, fixed(count)))]);
  const parts = [...zeros(before), x, ...zeros(after)];
  return parts.length === 1 ? x : b.concat(parts, axis);
}
