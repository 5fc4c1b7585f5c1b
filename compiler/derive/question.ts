/** Which gradients are asked for, and by which names: the nodes that formulas are written of. */
import { closest } from "../../grammar/suggest.ts";
import { Build } from "../graph/build.ts";
import { reachable } from "../graph/graph.ts";
import { ownedBy, parametersOf, pathOf, type InputInfo, type Model, type NamedNode } from "../graph/model.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { sameShape } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { ask } from "../passes/pipeline.ts";
import { DerivationError, type DeriveOptions } from "./derivation.ts";
import { isReshaped, nameNodes } from "./names.ts";
import { derivedReadably } from "./rules.ts";

/** `nodes`, and what they are other views of. */
function unviewed(nodes: readonly Node[]): Set<Node> {
  const found = new Set<Node>();
  for (let node of nodes) {
    for (; isReshaped(node); node = node.operands[0]!) found.add(node);
    found.add(node);
  }
  return found;
}

interface Target {
  readonly path: string;
  readonly node: Node;
}

/** What is to be written, with nodes as they are after differentiation. */
export interface Question {
  /** `loss`, or the outputs' names. */
  readonly of: string;
  readonly result: Node;
  readonly inputs: readonly InputInfo[];
  /** Whether the result is a function of single numbers. */
  readonly isFunction: boolean;
  readonly given: readonly string[];
  /** Forward values by name, in order. */
  readonly values: readonly NamedNode[];
  /** What flows back to them. */
  readonly cotangents: readonly NamedNode[];
  readonly gradients: readonly NamedNode[];
}

export function questionOf(model: Model, { wrt, functionName }: DeriveOptions): Question {
  const { roots, graph } = model;
  const build = new Build(graph);
  const outputs = roots.outputs.filter(({ node }) => node.type === "float");
  const results = roots.trainingLoss === null ? outputs.map(({ node }) => node) : [roots.trainingLoss];
  if (results.length === 0) {
    throw new DerivationError(
      "nothing-to-derive",
      `${model.name} has neither a loss nor an output of numbers`,
      "add a line such as `loss mse(p, y)`",
    );
  }
  const forward = reachable(results);
  const names = nameNodes(model, forward, functionName === undefined ? new Set() : unviewed(results));
  const targets = findTargets(model, forward, names, wrt, functionName !== undefined);
  const isFunction =
    results.length === 1 && targets.length > 0 && targets.every(({ node }) => isEntrywise(results[0]!, node));

  const given: string[] = [];
  const scalar = (): Node => {
    if (roots.trainingLoss !== null) return roots.trainingLoss;
    if (isFunction) return build.sumAll(results[0]!);
    return outputs
      .map(({ name, node }) => {
        if (node.shape.length === 0) return node;
        const arriving = outputs.length === 1 ? "δ" : `δ${name}`;
        given.push(arriving);
        const cotangent = graph.make("input", [], { name: arriving, shape: node.shape, type: "float" });
        return build.sumAll(build.mul(cotangent as unknown as Node, node));
      })
      .reduce((sum, term) => build.add(sum, term));
  };
  const whole = scalar();

  // In a loop it is another value at each place, of which the formulas of the loop tell.
  const floats = [...names].filter(([node]) => node.type === "float" && loopsAround(node).size === 0);
  const outputNodes = new Set(roots.trainingLoss === null ? results : []);
  // The gradient that arrives at an output has its name already.
  const reached = floats.filter(([node]) => !outputNodes.has(node));
  const gradientBy = (node: Node): Node => build.grad(whole, node);
  const { found } = ask(
    model,
    {
      results,
      values: floats.map(([node]) => node),
      cotangents: reached.map(([node]) => gradientBy(node)),
      gradients: targets.map(({ node }) => gradientBy(node)),
    },
    derivedReadably,
  );
  return {
    of: roots.trainingLoss !== null ? "loss" : outputs.map(({ name }) => name).join(", "),
    result: found.results[0]!,
    inputs: model.inputs,
    isFunction,
    given,
    values: found.values.map((node, i) => ({ name: floats[i]![1], node })),
    cotangents: found.cotangents.map((node, i) => ({ name: reached[i]![1], node })),
    gradients: found.gradients.map((node, i) => ({ name: targets[i]!.path, node })),
  };
}

function findTargets(
  model: Model,
  forward: readonly Node[],
  names: ReadonlyMap<Node, string>,
  wrt: readonly string[] | undefined,
  isLibrary: boolean,
): Target[] {
  const sources = new Map<string, Node>();
  for (const node of forward) {
    if (node.op === "input") sources.set(node.attributes.name, node);
    if (node.op === "parameter") sources.set(pathOf(model, node.attributes.index), node);
  }
  if (wrt === undefined) {
    const trained = parametersOf(model)
      .filter((p) => p.kind === "parameter" && sources.has(p.path))
      .map((p) => p.path);
    const inputs = model.inputs.filter(
      (i) => i.type === "float" && i.role === "input" && sources.has(i.name),
    );
    const names = inputs.map(({ name }) => name);
    const paths = isLibrary ? [...names, ...trained] : trained.length > 0 ? trained : names;
    if (paths.length === 0) {
      throw new DerivationError(
        "nothing-to-derive",
        `nothing in ${model.name} is trained`,
        "say what to differentiate by, as in `--wrt x`",
      );
    }
    return paths.map((path) => ({ path, node: sources.get(path)! }));
  }
  const bindings = new Map(
    [...names].flatMap(([node, name]) => (loopsAround(node).size === 0 ? [[name, node] as const] : [])),
  );
  return wrt.map((path) => {
    const node = sources.get(path) ?? bindings.get(path);
    if (node === undefined) {
      const known = [...sources.keys(), ...bindings.keys()];
      const isKnown =
        ownedBy(model).some((p) => p.path === path) || model.inputs.some((i) => i.name === path);
      const near = closest(path, known);
      throw new DerivationError(
        "unknown-wrt",
        isKnown
          ? `the loss does not depend on \`${path}\``
          : `${model.name} has no \`${path}\` that its loss depends on`,
        near === undefined
          ? `it has ${known.map((k) => `\`${k}\``).join(", ")}`
          : `did you mean \`${near}\`?`,
      );
    }
    if (node.type !== "float") {
      throw new DerivationError(
        "unknown-wrt",
        `\`${path}\` holds ${node.type}s, which have no gradient`,
        "differentiate by a numeric tensor",
      );
    }
    return { path, node };
  });
}

/** Whether entry i of `result` depends on entry i of `variable` alone. */
function isEntrywise(result: Node, variable: Node): boolean {
  if (!sameShape(result.shape, variable.shape)) return false;
  return reachable([result]).every(
    (node) =>
      node === variable ||
      ops[node.op].family === "elementwise" ||
      node.operands.length === 0 ||
      (node.op === "broadcast" && reachable([node]).every((n) => n !== variable)),
  );
}
