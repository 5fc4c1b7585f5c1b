/**
 * Which windows cover the entries of an axis. With stride s, entries of one phase r = k mod s are
 * covered by the same places u of windows, dilation·u = r mod s; so a phase is a fold of stride 1
 * over these, and the phases are interleaved.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, NodeOf } from "../../ir/node.ts";
import { countOf, fixed, ONE } from "../../ir/size.ts";
import { commonDivisor } from "../../ops/windows.ts";

/** What covers entry q of a phase: place `first + step·v` of window `q + shift - apart·v`, v = 0 … count - 1. */
export interface Phase {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly shift: number;
  readonly apart: number;
}

/** One fold of those inside one another. */
export interface Folding {
  /** Of the result. */
  readonly axis: number;
  /** The entries that are wanted, from the first of them on, of `whole` that there are. */
  readonly length: number;
  readonly offset: number;
  readonly whole: number;
  readonly stride: number;
  readonly dilation: number;
  /** Of a window. */
  readonly size: number;
  /** How many windows there are. */
  readonly windows: number;
  /** Entries of a phase, the last of which may lie behind the axis. */
  readonly rows: number;
  /** Phase by phase; null where no window covers it. */
  readonly phases: readonly (Phase | null)[];
  /** Windows that are missing before the first and behind the last one, so that all phases find theirs. */
  readonly before: number;
  readonly after: number;
}

/**
 * @param wanted which entries of the result; all of them where nothing is said
 */
export function foldingOf(
  node: NodeOf<"fold">,
  wanted?: { readonly offset: number; readonly length: number },
): Folding {
  const { axis, length: whole, stride, dilation } = node.attributes;
  const { offset, length } = wanted ?? { offset: 0, length: whole };
  const { shape } = node.operands[0]!;
  const [windows, size] = [countOf(shape[axis]!), countOf(shape.at(-1)!)];
  const of = { axis, length, offset, whole, stride, dilation };
  const rows = Math.ceil(length / stride);
  const phases = Array.from({ length: stride }, (_, phase) =>
    coverOf(offset + phase, size, stride, dilation),
  );
  const covered = phases.filter((phase) => phase !== null);
  const before = Math.max(0, ...covered.map(({ shift, apart, count }) => apart * (count - 1) - shift));
  const after = Math.max(0, ...covered.map(({ shift }) => rows + shift - windows));
  return { ...of, size, windows, rows, phases, before, after };
}

/** Of entries `phase` + stride·q; null where no window covers them. */
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

/** Whether windows do not reach into one another, so that their entries lie side by side. */
export const isApart = ({ size, stride, dilation }: Folding): boolean => dilation === 1 && size <= stride;

/** Zeros at both ends of an axis. */
export function padAxis(b: Build, x: Node, axis: number, before: number, after: number): Node {
  const zeros = (count: number): Node[] =>
    count === 0 ? [] : [b.constant(0, x.shape.with(axis, fixed(count)), x.type)];
  const parts = [...zeros(before), x, ...zeros(after)];
  return parts.length === 1 ? x : b.concat(parts, axis);
}

/** So many entries of an axis from `start` on, `step` apart. */
export function entries(b: Build, x: Node, axis: number, start: number, count: number, step = 1): Node {
  if (start === 0 && step === 1 && count === countOf(x.shape[axis]!)) return x;
  const at = x.shape.map((_, k) => ({
    start: k === axis ? start : 0,
    fromEnd: false,
    step: k === axis ? step : 1,
  }));
  return b.slice(x, at, x.shape.with(axis, fixed(count)));
}

/** Entry by entry of an axis the phases, of which null is zeros. */
export function interleaved(b: Build, { axis, length }: Folding, phases: readonly (Node | null)[]): Node {
  const like = phases.find((phase) => phase !== null)!.shape;
  const column = like.toSpliced(axis + 1, 0, ONE);
  const columns = phases.map((phase) => (phase === null ? b.zeros(column) : b.reshape(phase, column)));
  return merged(b, columns.length === 1 ? columns[0]! : b.concat(columns, axis + 1), axis, 0, length);
}

/** [.., rows, stride, ..] as one axis, of which so many entries are wanted; with zeros behind where it has fewer. */
export function merged(b: Build, x: Node, axis: number, from: number, length: number): Node {
  const whole = countOf(x.shape[axis]!) * countOf(x.shape[axis + 1]!);
  const joined = b.reshape(x, x.shape.toSpliced(axis, 2, fixed(whole)));
  return entries(b, padAxis(b, joined, axis, 0, Math.max(0, from + length - whole)), axis, from, length);
}
