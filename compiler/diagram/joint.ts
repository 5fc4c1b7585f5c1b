/** Values and gradients in one graph, in the form that a person would write: what is drawn. */
import { nameNodes } from "../derive/names.ts";
import { derivedReadably } from "../derive/rules.ts";
import { Build } from "../graph/build.ts";
import { reachable } from "../graph/graph.ts";
import type { Model, NamedNode } from "../graph/model.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { ask } from "../passes/pipeline.ts";
import { forwardGroups } from "./layers.ts";
import { isDrawn, isView, unviewed } from "./visible.ts";

export interface Joint {
  readonly model: Model;
  readonly hasLoss: boolean;
  readonly results: readonly NamedNode[];
  readonly gradients: readonly NamedNode[];
  readonly names: ReadonlyMap<Node, string>;
  /** What flows back to values of the forward pass that a layer hands on or takes, by value. */
  readonly flows: ReadonlyMap<Node, Node>;
}

export function jointOf(given: Model): Joint {
  const { trainingLoss, outputs } = given.roots;
  const build = new Build(given.graph);
  const results = trainingLoss === null ? outputs : [{ name: "L", node: trainingLoss }];
  const forward = reachable(results.map(({ node }) => node));
  const names = nameNodes(given, forward, new Set());
  const groups = forwardGroups(given, forward, trainingLoss !== null);
  const groupOf = (node: Node): string | undefined => groups.get(node)?.id;

  // In a loop a value is another at each place, and nothing by itself.
  const isWhole = (node: Node): boolean => loopsAround(node).size === 0;
  const computed = forward.filter(
    (node) => node.operands.length > 0 && isDrawn(node) && node.op !== "grad" && isWhole(node),
  );
  const handed = new Set<Node>();
  const trained: NamedNode[] = [];
  for (const node of trainingLoss === null ? [] : forward) {
    for (const operand of isView(node) ? [] : node.operands.map(unviewed)) {
      const isHanded = groupOf(operand) !== groupOf(node) && operand.operands.length > 0;
      if (isHanded && operand.type === "float" && operand.op !== "grad" && isWhole(operand))
        handed.add(operand);
    }
    if (node.op !== "parameter") continue;
    const { kind, path } = given.persistent[node.attributes.index]!;
    if (kind === "parameter") trained.push({ name: `∇${path}`, node: build.grad(trainingLoss!, node) });
  }
  const { model, found } = ask(
    given,
    {
      results: results.map(({ node }) => node),
      gradients: trained.map(({ node }) => node),
      computed,
      handed: [...handed],
      flows: [...handed].map((node) => build.grad(trainingLoss!, node)),
    },
    derivedReadably,
  );
  const named = (list: readonly NamedNode[], nodes: readonly Node[]): NamedNode[] =>
    list.map(({ name }, i) => ({ name, node: nodes[i]! }));
  return {
    model,
    hasLoss: trainingLoss !== null,
    results: named(results, found.results),
    gradients: named(trained, found.gradients),
    names: new Map(
      computed.flatMap((node, i) => {
        const name = names.get(node);
        const after = unviewed(found.computed[i]!);
        return name === undefined || after.operands.length === 0 ? [] : [[after, name] as const];
      }),
    ),
    flows: new Map(found.handed.map((node, i) => [unviewed(node), unviewed(found.flows[i]!)])),
  };
}
