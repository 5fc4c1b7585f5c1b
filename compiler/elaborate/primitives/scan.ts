/** A loop over an axis, which carries something from place to place. */
import { Build } from "../../graph/build.ts";
import type { Node } from "../../ir/node.ts";
import { known, sameShape, showShape } from "../../ir/size.ts";
import { OpError } from "../../ir/op-error.ts";
import { unnamed } from "../../ir/origin.ts";
import { toAxis, toBoolean, toNode } from "../tensors.ts";
import { isCallable, kindOf, list, tensor, type Callable, type Value } from "../values.ts";
import type { PrimitiveTable } from "./primitive.ts";

export const scans: PrimitiveTable = {
  scan: {
    parameters: ["xs", "first", "body", "axis", "reverse?"],
    doc: "what `body` carries from place to place of an axis, at every place: body(carried, entry of xs) gives what is carried on",
    apply: (context, xs, first, body, axis, reverse) => {
      const { build: named, freeName } = context;
      // The result alone bears the name that it is bound to.
      const build = new Build(named.graph, unnamed(named.origin));
      if (!isCallable(body!)) {
        throw new OpError(
          "type-mismatch",
          `the body of a \`scan\` is a function, but this is ${kindOf(body!)}`,
          [],
          "write a lambda, `(h, x) => …`, or name a fn or a layer of what is carried and an entry",
        );
      }
      checkArity(body);
      const rows = itemsOf(xs!).map((value) => alongAxis(build, value, axis!, freeName));
      const [{ at, length }] = rows as [Rows, ...Rows[]];
      const other = rows.find((row) => row.length !== length);
      if (other !== undefined) {
        throw new OpError(
          "scan-lengths",
          `what a \`scan\` reads is of one length along the axis, but these are ${length} and ${other.length} long`,
          rows.map(({ shape }) => shape),
          "cut them to one length with a slice",
        );
      }
      const loop = build.graph.loop(length, toBoolean(reverse, false, "`reverse`"));
      const starts = itemsOf(first!).map((value) => toNode(build, value));
      const [stateName, entryName] = parameterNames(body);
      const carried = starts.map((node, index) =>
        tensor(called(build, stateName, index, starts).carried(loop, index, node)),
      );
      const entries = rows.map(({ node }, index) =>
        tensor(called(build, entryName, index, rows).pick(node, loop)),
      );
      const [before, entry] = [as(first!, carried), as(xs!, entries)];
      const given = itemsOf(context.callIn(loop, body!, before, entry));
      const next = nextOf(build, starts, given, first!, freeName);
      const made = context.oneLoop(loop, { first: starts, next });
      const results = made.carries.next.map((node) => {
        // Where the axis is in front already, the stack is the result.
        const bearer = Math.min(at, node.shape.length) === 0 ? named : build;
        return tensor(inPlace(named, bearer.scan(made.loop, node, made.carries), at));
      });
      return as(first!, results);
    },
  },
};

/** @throws OpError for a lambda of one argument, or of one for each value that is carried */
function checkArity(body: Callable): void {
  const count = body.kind === "lambda" ? body.lambda.parameters.length : 2;
  if (count === 2) return;
  throw new OpError(
    "argument-unexpected",
    `the body of a \`scan\` takes what is carried and an entry, two arguments, but this lambda takes ${count === 1 ? "one" : count}`,
    [],
    count < 2
      ? "write `(h, x) => …`"
      : "where several values are carried they are one list: `(s, x) => [s[0] + x, s[1]]`",
  );
}

/** What a body calls what is carried and the entry. */
function parameterNames(body: Callable): readonly (string | undefined)[] {
  switch (body.kind) {
    case "lambda":
      return body.lambda.parameters.map(({ text }) => text);
    case "function":
      return body.declaration.parameters.map(({ name }) => name.text);
    case "primitive":
      return [];
    default:
      return body satisfies never;
  }
}

/** Gives nodes the name of a parameter: of one of several tensors in it, with a number. */
function called(build: Build, name: string | undefined, index: number, all: readonly unknown[]): Build {
  if (name === undefined) return build;
  return new Build(build.graph, { ...build.origin, name: all.length === 1 ? name : `${name}${index}` });
}

/** What `xs` and `first` may be: one tensor, or a list of them. */
const itemsOf = (value: Value): readonly Value[] => {
  // A list of numbers is a tensor, as everywhere.
  const isMany =
    value.kind === "list" && value.items.some((item) => item.kind !== "number" && item.kind !== "boolean");
  return isMany ? value.items : [value];
};
const as = (given: Value, values: readonly Value[]): Value =>
  itemsOf(given)[0] === given ? values[0]! : list(values);

/** A tensor that a loop goes along, its axis in front. */
interface Rows {
  readonly node: Node;
  readonly at: number;
  readonly length: number;
  readonly shape: string;
}

function alongAxis(build: Build, value: Value, axis: Value, freeName: string): Rows {
  const node = toNode(build, value);
  const shape = showShape(node.shape, freeName);
  const at = toAxis(axis, node.shape.length, shape);
  const length = known(node.shape[at]!);
  if (length === null) {
    throw new OpError(
      "scan-over-batch",
      "a `scan` cannot go along the batch: its rows are apart from each other",
      [shape],
      "go along an axis of known size, such as the steps of each sequence, `axis = -2` of [N, T, C]",
    );
  }
  if (length === 0) {
    throw new OpError("scan-lengths", "a `scan` along an axis without entries gives nothing", [shape]);
  }
  const others = node.shape.map((_, i) => i).filter((i) => i !== at);
  return { node: build.permute(node, [at, ...others]), at, length, shape };
}

/** A stack along the first axis, as one along axis `at`, or the last where there are fewer. */
function inPlace(build: Build, stack: Node, at: number): Node {
  const rest = stack.shape.map((_, i) => i).slice(1);
  return build.permute(stack, [...rest.slice(0, at), 0, ...rest.slice(at)]);
}

/** What the body gives, as what it was given. @throws OpError where that is something else */
function nextOf(
  build: Build,
  starts: readonly Node[],
  given: readonly Value[],
  first: Value,
  freeName: string,
): readonly Node[] {
  const count = (n: number): string => (n === 1 ? "one tensor" : `a list of ${n}`);
  if (given.length !== starts.length) {
    throw new OpError(
      "scan-changes",
      `the body of a \`scan\` gives ${count(given.length)}, but was given ${count(starts.length)}`,
      [],
      first.kind === "list" && starts.length === 1 && given.length > 1
        ? "a list of numbers is one tensor: to carry them apart begin with `[zeros([]), zeros([])]`, to carry one give back `stack([…])`"
        : "give back what is carried on, in the order of `first`",
    );
  }
  return starts.map((start, i) => {
    const found = toNode(build, given[i]!);
    const node = start.type === "float" ? build.toFloat(found) : found;
    if (sameShape(node.shape, start.shape) && node.type === start.type) return node;
    const shown = [start, node].map(({ type, shape }) =>
      type === "float" && shape.length === 0
        ? "a number"
        : (type === "float" ? "" : type) + showShape(shape, freeName),
    );
    throw new OpError(
      "scan-changes",
      `the body of a \`scan\` is given ${shown[0]} and gives ${shown[1]}: what is carried keeps its shape and type`,
      [],
      sameShape(node.shape, start.shape)
        ? "begin with values of the type that the body gives"
        : `begin with the shape that the body gives, as in \`zeros(${showShape(node.shape, freeName)})\`, or let it give ${shown[0]}`,
    );
  });
}
