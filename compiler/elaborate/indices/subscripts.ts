/** The value of `x[i, 2 * j + u]` inside a formula with indices. */
import type { Index } from "../../../grammar/ast.ts";
import type { Span } from "../../../grammar/diagnostic.ts";
import { countOf, isFree, showSize, type Size } from "../../ir/size.ts";
import { placed, problem, quoted } from "../complain.ts";
import type { Frame } from "../frame.ts";
import type { Machine } from "../machine.ts";
import { buildAt, checked } from "../operate.ts";
import { wholeNumbers } from "../primitives/indices.ts";
import { toNode } from "../tensors.ts";
import { show, tensor, type Value } from "../values.ts";
import { align, badSubscript } from "./align.ts";
import { entryNode, formOf, isEntry } from "./entries.ts";
import { entryOf, isInside, type Subscript } from "./entry-of.ts";
import type { Indices } from "./plan.ts";
import { boundsOf, loneAxis, type Axis, type Form } from "./space.ts";

/** Whether these are subscripts with indices, and not a slice as elsewhere. */
export const areSubscripts = (indices: Indices, e: Index, values: readonly (Value | null)[]): boolean =>
  values.some((value) => value !== null && isEntry(value)) ||
  (indices.plan?.dots != null && e.items.some((item) => item.kind === "ellipsis"));

/** @param values of the items of `e`, null for those that are no value */
export function entryAt(
  machine: Machine,
  frame: Frame,
  indices: Indices,
  e: Index,
  operand: Value,
  values: readonly (Value | null)[],
  name: string | undefined,
): Value {
  const { space, plan } = indices;
  const build = buildAt(machine, frame, e.span, name);
  const x = placed(machine, frame, e.operand.span, () => toNode(build, operand));
  const dots = plan?.dots ?? null;
  const place: Place = { machine, frame, indices, text: quoted(machine, e.operand.span) };
  const subscripts = align(machine, frame, e, x.shape, dots !== null).flatMap(
    ({ item, axis, count }): Subscript[] =>
      item.kind === "ellipsis"
        ? dots!.slice(dots!.length - count).map((whole): Subscript => ({ kind: "whole", axis: whole }))
        : [subscriptOf(place, values[e.items.indexOf(item)]!, x.shape[axis]!, axis, item.span)],
  );
  return placed(machine, frame, e.span, () => {
    const node = entryOf(build, x, subscripts, space);
    return checked(machine, node.shape.length === 0 ? tensor(node) : { kind: "entry", node, space });
  });
}

interface Place {
  readonly machine: Machine;
  readonly frame: Frame;
  readonly indices: Indices;
  /** What is subscripted. */
  readonly text: string;
}

function subscriptOf(place: Place, value: Value, size: Size, axis: number, span: Span): Subscript {
  const { machine, frame, indices, text } = place;
  const form = formOf(value);
  if (form !== null) {
    requireInside(place, form, size, axis, span);
    return { kind: "sum", form };
  }
  const where = `axis ${axis} of \`${text}\``;
  if (value.kind !== "entry" && value.kind !== "tensor") {
    throw badSubscript(machine, frame, span);
  }
  if (isFree(size)) {
    throw problem(machine, frame, {
      code: "batch-in-sum",
      span,
      message: `${where} is the batch, ${showSize(size, machine.freeName)} rows, which are not looked up by number`,
      help: "write one index for this axis",
    });
  }
  const ids = placed(machine, frame, span, () => {
    const build = buildAt(machine, frame, span);
    return wholeNumbers(build, entryNode(build, value, indices.space));
  });
  if (ids !== null) return { kind: "rows", ids };
  throw problem(machine, frame, {
    code: "subscript-not-int",
    span,
    message:
      "a subscript that is computed at run time is an entry of an int tensor, or a sum of such entries",
    label: show(value, machine.freeName),
    help: "declare the input as `int[…]`; indices may be added up and multiplied by whole numbers",
  });
}

function requireInside(place: Place, form: Form, size: Size, axis: number, span: Span): void {
  const { machine, frame, text } = place;
  const { freeName } = machine;
  const where = `axis ${axis} of \`${text}\``;
  const rows = [...form.terms.keys()].find((index) => isFree(index.size));
  const alone = loneAxis(form);
  if (alone === null && form.terms.size > 0 && (isFree(size) || rows !== undefined)) {
    throw problem(machine, frame, {
      code: "batch-in-sum",
      span,
      message: isFree(size)
        ? `${where} is the batch, ${showSize(size, freeName)} rows, which an index stands for alone`
        : `\`${rows!.name}\` counts the rows of the batch, and stands alone as a subscript`,
      help: "rows of the batch are not shifted against each other",
    });
  }
  if (isInside(form, size)) return;
  const { least, most } = boundsOf(form);
  const entries = isFree(size) ? `${showSize(size, freeName)} of them` : `0 to ${countOf(size) - 1}`;
  throw problem(machine, frame, {
    code: "subscript-outside",
    span,
    message: `this subscript leaves ${where}`,
    label:
      form.terms.size === 0
        ? `is ${form.constant}`
        : `reaches ${least < 0 ? least : shownReach(alone, most, freeName)}`,
    notes: [...form.terms.keys()].map((index) => `${index.name} is 0 to ${lastOf(index, freeName)}`),
    help:
      isFree(size) && form.terms.size === 0
        ? "every batch has a first and a last row, 0 and -1"
        : `its entries are ${entries}: shorten a range with \`in\`, or \`pad\` the tensor first`,
  });
}

const shownReach = (alone: Axis | null, most: number, freeName: string): string =>
  alone === null ? String(most) : lastOf(alone, freeName);

const lastOf = ({ size }: Axis, freeName: string): string =>
  isFree(size) ? `${showSize(size, freeName)} - 1` : String(countOf(size) - 1);
