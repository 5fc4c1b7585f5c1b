/** A value of a graph over all rows, put together from its values over parts of them as its `join` says. */
import { evaluate } from "../../compiler/graph/evaluate.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { countOf, isFree, shapeAt } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import type { Join } from "../../runtime/manifest.ts";

/** The environment of rows `from … to - 1`; every input has its rows along the axis that its node has free. */
function rowsOf(whole: Environment, inputs: readonly Node[], from: number, to: number): Environment {
  const parts = inputs.map((node) => {
    const name = node.op === "input" ? node.attributes.name : "";
    const given = whole.inputs.get(name)!;
    const free = node.shape.findIndex((size) => isFree(size));
    return [name, free < 0 ? given : along(given, free, whole.n, from, to)] as const;
  });
  return { ...whole, n: to - from, inputs: new Map(parts) };
}

/** Rows of a tensor whose axis `axis` holds as many entries of each of `n` rows, one row after another. */
function along(x: Values, axis: number, n: number, from: number, to: number): Values {
  const perRow = x.shape[axis]! / n;
  const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1) * perRow;
  const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const runs = Array.from({ length: outer }, (_, o) => [
    ...x.data.subarray((o * n + from) * inner, (o * n + to) * inner),
  ]);
  const shape = x.shape.map((size, i) => (i === axis ? perRow * (to - from) : size));
  return { shape, data: Float64Array.from(runs.flat()) };
}

/** Joins parts as docs/abi.md says of each kind. @throws for `coupled`, which cannot be */
function joined(join: Join, node: Node, parts: readonly { n: number; values: Values }[], n: number): Values {
  const fold = (first: number, next: (all: number, value: number, rows: number) => number): Values => ({
    shape: parts[0]!.values.shape,
    data: parts[0]!.values.data.map((_, i) =>
      parts.reduce((all, part) => next(all, part.values.data[i]!, part.n), first),
    ),
  });
  switch (join) {
    case "constant":
      return parts.at(-1)!.values;
    case "mean":
      return fold(0, (all, value, rows) => all + (value * rows) / n);
    case "sum":
      return fold(0, (all, value) => all + value);
    case "max":
      return fold(-Infinity, (all, value) => Math.max(all, value));
    case "min":
      return fold(Infinity, (all, value) => Math.min(all, value));
    case "rows": {
      const axis = node.shape.findIndex((size) => isFree(size));
      const outer = node.shape.slice(0, axis).reduce((all, size) => all * countOf(size), 1);
      const runs = Array.from({ length: outer }, (_, o) =>
        parts.flatMap(({ values: { data } }) => {
          const run = data.length / outer;
          return [...data.subarray(o * run, (o + 1) * run)];
        }),
      );
      return { shape: shapeAt(node.shape, n), data: Float64Array.from(runs.flat()) };
    }
    case "coupled":
      throw new Error("what couples rows has no parts");
    default:
      return join satisfies never;
  }
}

/**
 * Values of nodes over all rows beside those from parts, in f64.
 * @param cuts numbers of rows, adding up to all of them
 */
export function wholeAndParts(
  nodes: readonly { readonly node: Node; readonly join: Join }[],
  inputs: readonly Node[],
  environment: Environment,
  cuts: readonly number[],
): readonly { readonly whole: Values; readonly parts: Values }[] {
  const roots = nodes.map(({ node }) => node);
  const whole = evaluate(roots, environment);
  let from = 0;
  const pieces = cuts.map((n) => {
    const part = rowsOf(environment, inputs, from, from + n);
    from += n;
    return { n, values: evaluate(roots, part) };
  });
  return nodes.map(({ node, join }, i) => ({
    whole: whole[i]!,
    parts: joined(
      join,
      node,
      pieces.map(({ n, values }) => ({ n, values: values[i]! })),
      environment.n,
    ),
  }));
}
