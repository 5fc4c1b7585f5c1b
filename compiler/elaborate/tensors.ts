/**
 * From values to nodes, shapes, axes and numbers. What does not fit is an OpError; the interpreter
 * adds the places.
 */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import {
  bySize,
  countOf,
  elements,
  fixed,
  free,
  sameShape,
  type Shape,
  showShape,
  type Size,
} from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { unnamed } from "../ir/origin.ts";
import { defaultLimits } from "./limits.ts";
import { isCallable, kindOf, number, show, type Value } from "./values.ts";

/** A tensor, or what can be read as one: numbers, booleans, sizes, and lists of them. */
export function toNode(build: Build, value: Value): Node {
  switch (value.kind) {
    case "tensor":
    case "scheduled":
      return value.node;
    case "number":
      return build.constant(value.value);
    case "boolean":
      return build.constant(value.value ? 1 : 0, [], "bool");
    case "size":
      return build.extent(free(value.count));
    case "hyper":
      return build.graph.make("hyper", [], { name: value.name }, build.origin);
    case "list":
      return listToNode(build, value);
    case "range": {
      const length = Math.max(0, value.stop - value.start);
      const shape = checkedShape([positive(length, "a range without numbers is not a tensor")], "");
      const count = build.toFloat(build.iota(0, shape));
      return value.start === 0 ? count : build.add(count, value.start);
    }
    case "entry":
    case "index":
      throw new OpError(
        "entry-needs-axes",
        `axes are needed here, and this is ${value.kind === "index" ? "an index, which is" : "an entry of a tensor,"} one number`,
        [],
        "give it the tensor, and subscript what comes out, as in `softmax(x)[i, j]`; to reduce over an index write `sum[j] x[i, j]`",
      );
    case "all":
    case "function":
    case "lambda":
    case "primitive":
    case "optimizer":
    case "model":
      throw new OpError(
        "type-mismatch",
        `a tensor or a number is needed, but this is ${kindOf(value)}`,
        [],
        value.kind === "function" && value.declaration.name.text === "step"
          ? "`step` is the number of the step only in the arguments of an `optimizer` line, and in what they call"
          : isCallable(value)
            ? "call it, as in `f(x)`"
            : "give a tensor or a number",
      );
    default:
      return value satisfies never;
  }
}

/** A tensor of floats; `int` and `bool` are read as numbers. */
export const toFloat = (build: Build, value: Value): Node => build.toFloat(toNode(build, value));

function listToNode(build: Build, list: Value & { readonly kind: "list" }): Node {
  if (list.items.length === 0)
    throw new OpError("empty-list", "an empty list is not a tensor", [], "a tensor has at least one entry");
  const values: number[] = [];
  const type = typeOfItems(list);
  const sizes = type === null ? null : tableSizes(list, values);
  if (type !== null && sizes !== null) {
    return build.graph.make(
      "table",
      [],
      { values, shape: sizes.map(fixed), type },
      // The name is that of the formula that reads the list: `z = x / [1, 2]` does not make [1, 2]
      // a z.
      unnamed(build.origin),
    );
  }
  const nodes = toOneType(build, list.items);
  if (!nodes.every((node) => sameShape(node.shape, nodes[0]!.shape))) {
    throw new OpError(
      "ragged-list",
      "the items of this list are of different shapes",
      [],
      "a list is a tensor where its items are of one shape; `concat` joins tensors along an axis",
    );
  }
  return stack(build, nodes, 0);
}

/** Tensors as they are where all are of one type; floats where they are not. */
export function toOneType(build: Build, values: readonly Value[]): Node[] {
  const nodes = values.map((value) => toNode(build, value));
  return nodes.every(({ type }) => type === nodes[0]!.type)
    ? nodes
    : nodes.map((node) => build.toFloat(node));
}

/**
 * Whether a nested list holds nothing but numbers, or nothing but `true` and `false`; `null` where
 * it holds something else.
 * @throws OpError where it holds both
 */
function typeOfItems(list: Value & { readonly kind: "list" }): "float" | "bool" | null {
  let found: "float" | "bool" | null = null;
  for (const item of list.items) {
    const type =
      item.kind === "list"
        ? typeOfItems(item)
        : item.kind === "number"
          ? "float"
          : item.kind === "boolean"
            ? "bool"
            : null;
    if (type === null) return null;
    if (found !== null && type !== found) {
      throw new OpError(
        "type-mismatch",
        "this list mixes numbers and booleans",
        [],
        "a tensor has entries of one kind: write 1 and 0, or compare numbers, as in `x > 0`",
      );
    }
    found = type;
  }
  return found;
}

/**
 * The sizes of a nested list of nothing but numbers or booleans, which are appended to `values`;
 * `null` for another list.
 */
function tableSizes(value: Value, values: number[]): number[] | null {
  if (value.kind === "number" || value.kind === "boolean") {
    values.push(Number(value.value));
    return [];
  }
  if (value.kind !== "list" || value.items.length === 0) return null;
  let inner: number[] | null = null;
  for (const item of value.items) {
    const sizes = tableSizes(item, values);
    if (sizes === null) return null;
    if (inner !== null && sizes.join() !== inner.join()) {
      throw new OpError(
        "ragged-list",
        "the rows of this list are not of one length",
        [],
        "give every row as many entries",
      );
    }
    inner = sizes;
  }
  return [value.items.length, ...inner!];
}

/** Tensors of one shape along a new axis. */
export function stack(build: Build, nodes: readonly Node[], axis: number): Node {
  const parts = nodes.map((node) => {
    const shape = [...node.shape];
    shape.splice(axis, 0, fixed(1));
    return build.reshape(node, shape);
  });
  return parts.length === 1 ? parts[0]! : build.concat(parts, axis);
}

/** Whether a value is known while the program is read and takes part in arithmetic there. */
export function isStatic(value: Value): boolean {
  return value.kind === "number" || value.kind === "boolean" || value.kind === "size";
}

/** @throws OpError where the value is no whole number */
export function toInteger(
  value: Value | undefined,
  what: string,
  help = "give a whole number, a constant or a setting",
): number {
  if (value?.kind === "number" && Number.isSafeInteger(value.value)) return value.value;
  const got = value === undefined ? "nothing" : value.kind === "number" ? String(value.value) : kindOf(value);
  throw new OpError(
    "type-mismatch",
    `${what} must be a whole number known when compiling, not ${got}`,
    [],
    help,
  );
}

export function toBoolean(value: Value | undefined, otherwise: boolean, what: string): boolean {
  if (value === undefined) return otherwise;
  if (value.kind === "boolean") return value.value;
  throw new OpError(
    "type-mismatch",
    `${what} must be true or false, not ${kindOf(value)}`,
    [],
    "write `true` or `false`",
  );
}

/** @throws OpError where the value is no size that a tensor can have */
export function toSize(value: Value, freeName: string): Size {
  if (value.kind === "size") return free(value.count);
  if (value.kind === "number") return positive(value.value, `${value.value} cannot be a size`);
  if (value.kind === "tensor") {
    throw new OpError(
      "bad-size",
      "a size must be known when compiling, but this is computed at run time",
      [],
      `a size is a whole number or a whole multiple of ${freeName}`,
    );
  }
  throw new OpError(
    "bad-size",
    `a size must be a whole number, but this is ${kindOf(value)}`,
    [],
    "a size is a whole number, 1 or more",
  );
}

function positive(count: number, message: string): Size {
  if (Number.isSafeInteger(count) && count >= 1) return fixed(count);
  throw new OpError("bad-size", message, [], "a size is a whole number, 1 or more");
}

/** A shape: a list of sizes, or one size. @throws OpError */
export function toShape(value: Value, freeName: string): Shape {
  const items = value.kind === "list" ? value.items : [value];
  return checkedShape(
    items.map((item) => toSize(item, freeName)),
    freeName,
  );
}

/** @throws OpError where a tensor of this shape would be too large, or has the batch on two axes */
export function checkedShape(shape: Shape, freeName: string): Shape {
  const size = oneBatch(shape, freeName);
  const shown = showShape(shape, freeName);
  if (countOf(size) > defaultLimits.entries) {
    throw new OpError(
      "tensor-too-large",
      `a tensor of ${shown} would take more than 2 GB`,
      [],
      "make it smaller",
    );
  }
  return shape;
}

/**
 * How many entries it has: of what is never stored, such as the products that a sum over indices
 * adds up, there may be any number. @throws OpError where it has the batch on two axes
 */
export function oneBatch(shape: Shape, freeName: string): Size {
  const size = elements(shape);
  if (size !== null) return size;
  throw new OpError(
    "free-squared",
    `${showShape(shape, freeName)} has the batch ${freeName} on two axes`,
    [],
    `a tensor may have ${freeName} once: pairs of rows are not formed`,
  );
}

export const sizeValue = (size: Size): Value => bySize(size, number, (count) => ({ kind: "size", count }));

/** One axis, counted from the end where negative. @throws OpError */
export function toAxis(value: Value, rank: number, shown: string): number {
  const axis = toInteger(value, "`axis`");
  const at = axis < 0 ? axis + rank : axis;
  if (at >= 0 && at < rank) return at;
  const range =
    rank === 0 ? "a scalar has no axes" : `its axes are 0 to ${rank - 1}, or -1 to -${rank} from the end`;
  throw new OpError("bad-axis", `there is no axis ${axis} in ${shown}`, [], range);
}

/** Axes to reduce: all of them where nothing is said. @throws OpError */
export function toAxes(value: Value | undefined, node: Node, freeName: string): readonly number[] {
  const rank = node.shape.length;
  const shown = showShape(node.shape, freeName);
  if (value === undefined || value.kind === "all") return node.shape.map((_, axis) => axis);
  if (value.kind !== "list") return [toAxis(value, rank, shown)];
  const axes = value.items.map((item) => toAxis(item, rank, shown));
  if (new Set(axes).size !== axes.length) {
    throw new OpError(
      "bad-axis",
      `the axes ${show(value, freeName)} name one axis twice`,
      [],
      "name each axis once",
    );
  }
  return axes;
}
