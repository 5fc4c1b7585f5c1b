/** Graphs without a source text, for tests of ops and passes alone. */
import { Build } from "../../compiler/graph/build.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { Graph } from "../../compiler/graph/graph.ts";
import { NO_ROOTS, type AppliedRule, type Model, type NamedNode } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { fixed, free, shapeAt, type Shape } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import * as pipeline from "../../compiler/passes/pipeline.ts";

/** `"N"` is the free dimension. */
export const shapeOf = (...sizes: readonly (number | "N")[]): Shape =>
  sizes.map((size) => (size === "N" ? free() : fixed(size)));

/** A builder with inputs by name. */
export class Formulas extends Build {
  constructor(name?: string) {
    super(new Graph(), name === undefined ? {} : { name });
  }
  input(name: string, ...sizes: readonly (number | "N")[]): Node {
    return this.graph.make("input", [], { name, shape: shapeOf(...sizes), type: "float" }, { name });
  }
  labels(name: string, ...sizes: readonly (number | "N")[]): Node {
    return this.graph.make("input", [], { name, shape: shapeOf(...sizes), type: "int" }, { name });
  }
  parameter(index: number, ...sizes: readonly number[]): Node {
    return this.graph.make("parameter", [], { index, shape: shapeOf(...sizes) }, { name: `w${index}` });
  }
  mean(x: Node): Node {
    return this.div(this.sumAll(x), this.count(x.shape));
  }
}

/** A model whose outputs are `nodes`. */
export function modelOf(graph: Graph, nodes: readonly Node[]): Model {
  const outputs = nodes.map((node, i): NamedNode => ({ name: `out${i}`, node }));
  return {
    name: "Test",
    freeName: "N",
    graph,
    inputs: [],
    persistent: [],
    optimizer: null,
    settings: {},
    warnings: [],
    applied: [],
    unkept: [],
    layers: [],
    roots: { ...NO_ROOTS, outputs },
  };
}

type PassName = "stabilize" | "differentiate" | "lower" | "simplify";
export const ALL: readonly PassName[] = ["stabilize", "differentiate", "lower", "simplify"];

/** The passes named, in that order, with the verifier between. */
export const runPasses = (model: Model, names: readonly PassName[]): Model =>
  names.reduce((before, name) => pipeline.runPasses(before, name), model);

export function pass(
  b: Build,
  nodes: readonly Node[],
  names: readonly PassName[],
): { readonly nodes: readonly Node[]; readonly applied: readonly AppliedRule[]; readonly model: Model } {
  const model = runPasses(modelOf(b.graph, nodes), names);
  return { nodes: model.roots.outputs.map((o) => o.node), applied: model.applied, model };
}

export const tensor = (shape: readonly number[], data: readonly number[]): Values => ({
  shape,
  data: Float64Array.from(data),
});

/**
 * Values of `nodes` where each input gets numbers in row-major order; shapes come from the inputs'
 * nodes.
 */
export function values(
  nodes: readonly Node[],
  inputs: Readonly<Record<string, readonly number[]>>,
  n = 1,
): number[][] {
  const shapes = new Map<string, readonly number[]>();
  const seen = new Set<Node>();
  const stack = [...nodes];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.op === "input") shapes.set(node.attributes.name, shapeAt(node.shape, n));
    stack.push(...node.operands);
  }
  const given = Object.entries(inputs).map(
    ([name, data]) => [name, tensor(shapes.get(name) ?? [data.length], data)] as const,
  );
  const env: Environment = {
    n,
    inputs: new Map(given),
    parameters: new Map(),
    states: new Map(),
    hyper: new Map(),
    step: 1,
    seed: 0,
  };
  return evaluate(nodes, env).map((v) => [...v.data]);
}

/** The gradients of the sum of `y` by each of `xs`, after all passes. */
export function gradientsOf(
  b: Build,
  y: Node,
  xs: readonly Node[],
  names: readonly PassName[] = ["differentiate"],
): readonly Node[] {
  const scalar = b.sumAll(y);
  return pass(
    b,
    xs.map((x) => b.grad(scalar, x)),
    names,
  ).nodes;
}

/** A deterministic stream of numbers in [0, 1), for drawing test data. */
export function stream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
