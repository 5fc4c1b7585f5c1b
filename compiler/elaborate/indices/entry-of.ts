/**
 * `x[…]` with indices as a view of x: for each axis a sum of indices, and what that leaves is laid
 * along the axes of the space. Nothing is computed but where a subscript is an entry of a table.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, SliceAxis } from "../../ir/node.ts";
import { countOf, fixed, isFree, isOne, ONE, sameSize, type Size } from "../../ir/size.ts";
import { addForms, boundsOf, loneAxis, scaleForm, type Axis, type Form, type Space } from "./space.ts";

/** What stands for one axis of the tensor. */
export type Subscript =
  | { readonly kind: "sum"; readonly form: Form }
  /** One of the axes of `...`, whose size may be 1 here. */
  | { readonly kind: "whole"; readonly axis: Axis }
  /** Rows named by an int entry, a node of the space's rank or a scalar. */
  | { readonly kind: "rows"; readonly ids: Node };

/** An axis of the view while it is being made: an index, or what else it stands for. */
type Label = Axis | Subscript;

/** @param subscripts inside of their axes, and alone on the batch */
export function entryOf(build: Build, x: Node, subscripts: readonly Subscript[], space: Space): Node {
  const merged = mergeDiagonals(build, { node: x, subscripts });
  const cut = cutAxes(build, merged.node, merged.subscripts);
  const taken = takeRows(build, cut, space);
  return layAlong(build, taken, space);
}

interface Subscripted {
  readonly node: Node;
  readonly subscripts: readonly Subscript[];
}

/**
 * Two axes that share an index are read as one, row by row: `a[i, i]` of a K × K matrix is entry
 * (K + 1) i of its K² entries.
 */
function mergeDiagonals(build: Build, { node, subscripts }: Subscripted): Subscripted {
  const sharing = sharedAxes(subscripts);
  if (sharing === null) return { node, subscripts };
  const [p, q] = sharing;
  const order = node.shape.map((_, axis) => axis).filter((axis) => axis !== q);
  order.splice(p + 1, 0, q);
  const moved = build.permute(node, order);
  const shape = [...moved.shape];
  const [rows, columns] = [countOf(shape[p]!), countOf(shape[p + 1]!)];
  shape.splice(p, 2, fixed(rows * columns));
  const rest = [...subscripts];
  const form = addForms(scaleForm(formAt(subscripts, p), columns), formAt(subscripts, q));
  rest.splice(q, 1);
  rest[p] = { kind: "sum", form };
  return mergeDiagonals(build, { node: build.reshape(moved, shape), subscripts: rest });
}

function formAt(subscripts: readonly Subscript[], axis: number): Form {
  const subscript = subscripts[axis]!;
  return subscript.kind === "sum" ? subscript.form : { constant: 0, terms: new Map() };
}

function sharedAxes(subscripts: readonly Subscript[]): readonly [number, number] | null {
  for (let q = 1; q < subscripts.length; q++) {
    for (let p = 0; p < q; p++) {
      const second = formAt(subscripts, q).terms;
      if ([...formAt(subscripts, p).terms.keys()].some((axis) => second.has(axis))) return [p, q];
    }
  }
  return null;
}

/** The axes of a view, by what each is. */
interface Labelled {
  readonly node: Node;
  readonly labels: readonly Label[];
}

/** Sums of indices: slices where one index is in them, windows where there are several. */
function cutAxes(build: Build, x: Node, subscripts: readonly Subscript[]): Labelled {
  const cuts = subscripts.map((subscript, axis) => cutOf(subscript, x.shape[axis]!));
  const isWhole = cuts.every(
    ({ at, size }, axis) => at.start === 0 && !at.fromEnd && at.step === 1 && sameSize(size, x.shape[axis]!),
  );
  const sliced = isWhole
    ? x
    : build.slice(
        x,
        cuts.map(({ at }) => at),
        cuts.map(({ size }) => size),
      );
  let view: Labelled = { node: sliced, labels: subscripts };
  subscripts.forEach((subscript, axis) => {
    if (subscript.kind === "whole") view = relabelled(view, axis, subscript.axis);
    if (subscript.kind !== "sum") return;
    const indices = [...subscript.form.terms];
    const [first, ...others] = indices;
    if (first === undefined) return;
    view = relabelled(view, axis, first[0]);
    if (others.length > 0) view = windowed(build, view, axis, indices);
  });
  return view;
}

const relabelled = ({ node, labels }: Labelled, axis: number, label: Label): Labelled => ({
  node,
  labels: labels.map((before, i) => (i === axis ? label : before)),
});

interface Cut {
  readonly at: SliceAxis;
  readonly size: Size;
}

/** The part of an axis that a subscript reads. */
function cutOf(subscript: Subscript, whole: Size): Cut {
  const all: Cut = { at: { start: 0, fromEnd: false, step: 1 }, size: whole };
  if (subscript.kind !== "sum") return all;
  const { form } = subscript;
  const axis = loneAxis(form);
  if (axis !== null) return { ...all, size: axis.size };
  if (form.terms.size === 0) {
    const { constant } = form;
    const start = constant < 0 ? (isFree(whole) ? -constant : countOf(whole) + constant) : constant;
    return { at: { start, fromEnd: constant < 0 && isFree(whole), step: 1 }, size: ONE };
  }
  const { least, most } = boundsOf(form);
  const [first] = form.terms;
  if (form.terms.size > 1)
    return { at: { start: least, fromEnd: false, step: 1 }, size: fixed(most - least + 1) };
  // Along one index alone, from its first value to its last.
  const size = first![0].size;
  return { at: { start: form.constant, fromEnd: false, step: isOne(size) ? 1 : first![1] }, size };
}

/**
 * An axis of which `a i + b u + c v` is read, from the least of it on: windows inside windows, the
 * last index innermost. Indices that count down are turned round afterwards.
 */
function windowed(
  build: Build,
  view: Labelled,
  axis: number,
  terms: readonly (readonly [Axis, number])[],
): Labelled {
  let { node } = view;
  const labels = [...view.labels];
  terms
    .slice(1)
    .toReversed()
    .forEach(([index, coefficient], i) => {
      const isLast = i === terms.length - 2;
      const stride = isLast ? Math.abs(terms[0]![1]) : 1;
      node = build.windows(node, {
        axis,
        size: countOf(index.size),
        stride,
        dilation: Math.abs(coefficient),
      });
      labels.push(index);
    });
  const down = new Set(terms.flatMap(([index, coefficient]) => (coefficient < 0 ? [index as Label] : [])));
  if (down.size > 0) {
    const steps = labels.map((label, i): SliceAxis =>
      down.has(label) && (i === axis || i >= view.labels.length)
        ? { start: countOf(node.shape[i]!) - 1, fromEnd: false, step: -1 }
        : { start: 0, fromEnd: false, step: 1 },
    );
    node = build.slice(node, steps, node.shape);
  }
  return { node, labels };
}

/** Rows that entries name, one axis after another. */
function takeRows(build: Build, view: Labelled, space: Space): Labelled {
  const at = view.labels.findIndex((label) => "kind" in label && label.kind === "rows");
  const rows = view.labels[at];
  if (rows === undefined || !("kind" in rows) || rows.kind !== "rows") return view;
  const { ids } = rows;
  const named = space.axes.filter((_, i) => ids.shape[i] !== undefined && !isOne(ids.shape[i]!));
  // Indices of both are the batch of both: for each of their values there is a table of its own.
  const shared = named.filter((axis) => {
    const place = view.labels.indexOf(axis);
    return place >= 0 && !isOne(view.node.shape[place]!);
  });
  const others = named.filter((axis) => !shared.includes(axis));
  const tail = view.labels
    .map((_, i) => i)
    .filter((i) => i !== at && !shared.includes(view.labels[i] as Axis));
  const table = build.permute(view.node, [...shared.map((axis) => view.labels.indexOf(axis)), at, ...tail]);
  const wanted = [...shared, ...others];
  const places = wanted.map((axis) => space.axes.indexOf(axis));
  const rest = ids.shape.map((_, i) => i).filter((i) => !places.includes(i));
  const picks = build.reshape(
    build.permute(ids, [...places, ...rest]),
    places.map((place) => ids.shape[place]!),
  );
  const isOneARow = others.length === 0 && tail.length === 0 && shared.length > 0 && table.type !== "bool";
  const taken = isOneARow ? build.gather(table, picks) : build.take(table, picks, shared.length);
  return takeRows(build, { node: taken, labels: [...wanted, ...tail.map((i) => view.labels[i]!)] }, space);
}

/** The view with an axis for each index of the space, of size 1 where it does not depend on it. */
function layAlong(build: Build, { node, labels }: Labelled, space: Space): Node {
  const places = space.axes.map((axis) => labels.indexOf(axis));
  const kept = places.filter((place) => place >= 0);
  const gone = labels.map((_, i) => i).filter((i) => !kept.includes(i));
  const ordered = build.permute(node, [...kept, ...gone]);
  if (kept.length === 0) return build.reshape(ordered, []);
  return build.reshape(
    ordered,
    places.map((place) => (place < 0 ? ONE : node.shape[place]!)),
  );
}

/** Whether every entry that the sum reads is there. */
export function isInside(form: Form, size: Size): boolean {
  const count = countOf(size);
  const axis = loneAxis(form);
  if (axis !== null) return countOf(axis.size) <= count && (isFree(size) || !isFree(axis.size));
  if (form.terms.size === 0) return form.constant >= -count && form.constant < count;
  const { least, most } = boundsOf(form);
  return least >= 0 && most < count;
}
