/** Entries and indices as operands: of operators and of functions of numbers. */
import type { Build } from "../../graph/build.ts";
import { OpError } from "../../ir/op-error.ts";
import type { Node } from "../../ir/node.ts";
import { ONE, type Shape } from "../../ir/size.ts";
import { toNode } from "../tensors.ts";
import { number, tensor, type TensorValue, type Value } from "../values.ts";
import { addForms, constantForm, isAround, scaleForm, type Axis, type Form, type Space } from "./space.ts";

export const isEntry = (value: Value | undefined): boolean =>
  value?.kind === "entry" || value?.kind === "index";

/** A whole number, or a sum of indices times whole numbers; null for anything else. */
export function formOf(value: Value): Form | null {
  if (value.kind === "index") return value.form;
  return value.kind === "number" && Number.isSafeInteger(value.value) ? constantForm(value.value) : null;
}

/** A form without indices is a number again. */
export const ofForm = (form: Form): Value =>
  form.terms.size === 0 ? number(form.constant) : { kind: "index", form };

/** What an operator gives where that is a sum of indices; null where it is a number for each of them. */
function sumOfIndices(operator: string, values: readonly (Value | undefined)[]): Value | null {
  const [a, b] = values.map((value) => (value === undefined ? undefined : formOf(value)));
  if (a == null) return null;
  if (b === undefined) return operator === "-" ? ofForm(scaleForm(a, -1)) : null;
  if (b === null) return null;
  if (operator === "+") return ofForm(addForms(a, b));
  if (operator === "-") return ofForm(addForms(a, b, -1));
  if (operator !== "*") return null;
  if (b.terms.size === 0) return ofForm(scaleForm(a, b.constant));
  return a.terms.size === 0 ? ofForm(scaleForm(b, a.constant)) : null;
}

/** Size 1 along every axis of the space but those that `size` gives another. */
export const shapeIn = (space: Space, size: (axis: Axis) => Shape[number] | null): Shape =>
  space.axes.map((axis) => size(axis) ?? ONE);

/**
 * A value as an entry's node: of the rank of `space`, or a scalar where it depends on no index.
 * @throws OpError where it has axes of its own
 */
export function entryNode(build: Build, value: Value, space: Space): Node {
  if (value.kind === "index") return indexNode(build, value.form, space);
  if (value.kind === "entry") {
    if (!isAround(value.space, space)) {
      throw new OpError(
        "entry-needs-axes",
        "this formula has indices of its own, and takes an entry that depends on those of another",
        [],
        "give it the tensor, and subscript what comes out",
      );
    }
    const missing = space.axes.length - value.node.shape.length;
    return build.reshape(value.node, [...value.node.shape, ...Array.from({ length: missing }, () => ONE)]);
  }
  const node = toNode(build, value);
  if (node.shape.length === 0) return node;
  throw new OpError(
    "subscripts-missing",
    "in a formula with indices a tensor without subscripts must be a single number",
    [],
    "give it a subscript for each of its axes",
  );
}

/** A sum of indices as a number for each of their values. */
function indexNode(build: Build, { constant, terms }: Form, space: Space): Node {
  let sum: Node | null = null;
  for (const [axis, coefficient] of terms) {
    const counted = build.iota(
      space.axes.indexOf(axis),
      shapeIn(space, (a) => (a === axis ? axis.size : null)),
    );
    const term = coefficient === 1 ? counted : build.mul(counted, coefficient);
    sum = sum === null ? term : build.add(sum, term);
  }
  if (sum === null) return build.constant(constant, [], "int");
  return constant === 0 ? sum : build.add(sum, constant);
}

const HAVE_NODES: ReadonlySet<string> = new Set(["entry", "index", "tensor", "list"]);

/**
 * What `apply` makes of `values`, entries among them, as it would of single numbers. `space` is null
 * where there are none.
 * @throws OpError where one of them has axes of its own
 */
export function onEntries<T extends Value | undefined>(
  build: Build,
  space: Space | null,
  operator: string,
  values: readonly T[],
  apply: (values: readonly (T | TensorValue)[]) => Value,
): Value {
  if (space === null || !values.some(isEntry)) return apply(values);
  const sum = sumOfIndices(operator, values);
  if (sum !== null) return sum;
  const given = values.map((value) =>
    value !== undefined && HAVE_NODES.has(value.kind) ? tensor(entryNode(build, value, space)) : value,
  );
  const result = apply(given);
  return result.kind === "tensor" && result.node.shape.length > 0
    ? { kind: "entry", node: result.node, space }
    : result;
}
