/** A model's formulas, of what its readings have found: lasting tensors, results, the optimizer. */
import { Build } from "../graph/build.ts";
import { reachable } from "../graph/graph.ts";
import {
  NO_ROOTS,
  type Formulas,
  type LayerState,
  type OptimizerInfo,
  type Parameter,
  type State,
} from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { membersOf } from "./groups.ts";
import type { ChosenOptimizer, Known, Machine } from "./machine.ts";
import { runOptimizer, type Group, type Trainee } from "./optimizer.ts";
import { list, tensor } from "./values.ts";

export function modelFormulas(
  known: Known,
  predicting: Machine,
  training: Machine,
): Formulas & { optimizer: OptimizerInfo | null } {
  const build = new Build(training.graph, { layer: training.root.side });
  const total = (losses: readonly Node[]): Node | null =>
    losses.length === 0 ? null : losses.reduce((sum, loss) => build.add(sum, loss));
  const loss = total(predicting.losses);
  const trainingLoss = total(training.losses);
  const gradients = known.parameters.map((p) =>
    trainingLoss === null || p.kind !== "parameter" ? null : build.grad(trainingLoss, p.node),
  );

  const { optimizers } = training;
  const members = membersOf(known, optimizers);
  const trainees = members.map((indices) =>
    indices.flatMap((index): Trainee[] => {
      const gradient = gradients[index]!;
      return gradient === null ? [] : [{ index, parameter: known.parameters[index]!, gradient }];
    }),
  );
  const results = new Map<number, ReturnType<typeof runOptimizer>>();
  optimizers.forEach((optimizer, i) => {
    const group: Group = {
      grads: list(trainees[i]!.map(({ gradient }) => tensor(gradient))),
      params: list(trainees[i]!.map(({ parameter }) => tensor(parameter.node))),
    };
    for (const trainee of trainees[i]!)
      results.set(trainee.index, runOptimizer(training, optimizer, trainee, group));
  });

  const states: State[] = [];
  const owned = known.parameters.map((p, index): Parameter | LayerState => {
    const path = known.paths[index]!;
    const gradient = gradients[index]!;
    const result = results.get(index);
    for (const { name, start, update } of result?.states ?? []) {
      const of = { parameter: index, name, path: `${path}.${name}`, shape: p.shape };
      states.push({ kind: "state", ...of, start, update, gradient: null });
    }
    const declared = {
      path,
      shape: p.shape,
      init: p.init,
      span: p.span,
      ...(p.declared === undefined ? {} : { declared: p.declared }),
      ...(p.doc === undefined ? {} : { doc: p.doc }),
      start: predicting.parameters[index]!.start,
    };
    switch (p.kind) {
      case "parameter":
        return { ...declared, kind: p.kind, gradient, update: result?.update ?? null };
      case "frozen":
        return { ...declared, kind: p.kind, gradient: null, update: null };
      case "layer-state": {
        const update = optimizers.length === 0 ? null : (training.updates.get(index) ?? null);
        return { ...declared, kind: p.kind, gradient: null, update };
      }
      default:
        return p.kind satisfies never;
    }
  });
  const persistent = [...owned, ...states];
  const used = new Set<string>();
  for (const node of reachable(persistent.flatMap(({ update }) => update ?? []))) {
    if (node.op === "hyper") used.add(node.attributes.name);
  }
  const named = (list: Machine["outputs"]) =>
    list.map(({ name, node, doc }) => (doc === undefined ? { name, node } : { name, node, doc }));
  return {
    persistent,
    roots: {
      ...NO_ROOTS,
      outputs: named(predicting.outputs),
      loss,
      metrics: named(predicting.metrics),
      trainingLoss,
    },
    optimizer:
      optimizers.length === 0
        ? null
        : {
            name: optimizers.map(titleOf).join("; "),
            hyper: optimizers.flatMap(({ hyper }) => hyper).filter(({ name }) => used.has(name)),
            groups: optimizers.map(({ callee, paths }, i) => ({
              name: callee.declaration.name.text,
              paths: paths?.map(({ text }) => text) ?? null,
              parameters: members[i]!,
            })),
          },
  };
}

/** `sgd for encoder, head.bias` */
const titleOf = ({ callee, paths }: ChosenOptimizer): string =>
  `${callee.declaration.name.text}${paths === null ? "" : ` for ${paths.map(({ text }) => text).join(", ")}`}`;
