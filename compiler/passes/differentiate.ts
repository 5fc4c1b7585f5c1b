/**
 * Reverse mode: each `grad(scalar, tensor)` becomes the formula of the gradient. One sweep from a
 * scalar back serves every tensor that its gradient is wanted by (`sweep.ts`). Grads of grads come by
 * themselves, since operands go first.
 */
import { Build } from "../graph/build.ts";
import { type Graph, reachable, remake } from "../graph/graph.ts";
import { listRoots, mapRoots, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { backwardOf, unnamed, type Origin } from "../ir/origin.ts";
import { inBlocks, type InBlocks } from "./blocks.ts";
import { Guards } from "./guards.ts";
import { loopsApart, setApart } from "./loops-apart.ts";
import { idleParameters, zeroGradients } from "./no-gradient.ts";
import { mapNotes, transplant, withinLimit } from "./rewrite.ts";
import { type Missing, type Sweep, type Sweeping, sweepBack } from "./sweep.ts";

/**
 * The model without `grad` nodes, with a warning (`no-gradient`, `flat-gradient`) for each
 * parameter that training cannot move.
 * @throws DiagnosticError `no-derivative` where an op on the way has none, `not-undoable` where a
 * `couple` cannot be undone, `graph-too-large`
 * @param inStacks whether weights that are used again and again have one product for their gradient,
 * which waits for all that it is made of
 */
export const differentiate = (model: Model, inStacks = true): Model =>
  withinLimit(() => differentiated({ model, again: new Set() }, inStacks));

/** The same for less memory: no stacks of factors, and of long loops a part of what they carry. */
export const differentiateInBlocks = (model: Model): Model =>
  withinLimit(() => differentiated(inBlocks(model), false));

function differentiated({ model, again }: InBlocks, inStacks: boolean): Model {
  const { graph } = model;
  const buildBack = (of: Node): Build => new Build(graph, backwardOf(unnamed(of.origin)));
  const order = reachable(listRoots(model));
  // Each look for loops goes over all of the graph, and a Jacobian has a sweep for every entry.
  const hasLoops = order.some(({ op }) => op === "scan");
  const map = new Map<Node, Node>();
  const sweeps = new Map<Node, Sweep>();
  const origins = new Map<Node, Origin>();
  const guards = new Guards();
  const sweeping: Sweeping = { graph, buildBack, guards, inStacks, again };

  for (const node of order) {
    if (node.op !== "grad") {
      const operands = node.operands.map((operand) => map.get(operand)!);
      const made = remake(graph, node, operands);
      guards.addOfProgram(made);
      map.set(node, made);
      continue;
    }
    const scalar = map.get(node.operands[0]!)!;
    const tensor = map.get(node.operands[1]!)!;
    let sweep = sweeps.get(scalar);
    // Scalars that differed may be one formula once the grads in them are made: then there is a
    // sweep that did not know of this tensor.
    const isUnknown = tensor.id <= scalar.id && sweep?.gradients.has(tensor) !== true;
    if (sweep === undefined || isUnknown) {
      // What the scalar depends on comes before it, so it is in the map; any other tensor has no
      // gradient.
      const wanted = order.flatMap((other) =>
        other.op === "grad" && map.get(other.operands[0]!) === scalar
          ? (map.get(other.operands[1]!) ?? [])
          : [],
      );
      sweep = sweepBack(sweeping, scalar, new Set(wanted));
      if (hasLoops) sweep = inOnePlace(graph, sweep);
      sweeps.set(scalar, sweep);
      for (const [of, cotangent] of sweep.named) {
        if (cotangent.origin.name === undefined && !origins.has(cotangent)) {
          origins.set(cotangent, { ...cotangent.origin, name: `d_${of.origin.name}` });
        }
      }
    }
    const gradient = sweep.gradients.get(tensor);
    const zeros = buildBack(tensor).zeros(node.shape);
    map.set(node, gradient === undefined || "reason" in gradient ? zeros : gradient);
  }

  const missing = (grad: Node): Missing | null => {
    const [scalar, tensor] = grad.operands.map((operand) => map.get(operand)!);
    const found = sweeps.get(scalar!)?.gradients.get(tensor!) ?? { reason: "independent" };
    return "reason" in found ? found : null;
  };
  const warnings = [...idleParameters(model, missing), ...zeroGradients(order, model, missing)];
  const formulas = mapRoots(model, (node) => map.get(node)!);
  const applied = model.applied.map((a) => ({ ...a, node: map.get(a.node) ?? a.node }));
  const notes = mapNotes(model, (node) => map.get(node));
  const unkept = [...notes.unkept, ...[...sweeps.values()].flatMap((sweep) => sweep.unkept)];
  const made = transplant(
    { ...model, ...formulas, ...notes, applied, unkept, warnings: [...model.warnings, ...warnings] },
    origins,
  );
  return hasLoops ? loopsApart(made).model : made;
}

/** A sweep whose loops have one place each. */
function inOnePlace(graph: Graph, sweep: Sweep): Sweep {
  const isFound = (gradient: Node | Missing): gradient is Node => !("reason" in gradient);
  const apart = setApart(graph, [...sweep.gradients.values()].filter(isFound));
  if (apart === null) return sweep;
  const now = (node: Node): Node => apart.map.get(node) ?? node;
  return {
    gradients: new Map([...sweep.gradients].map(([of, g]) => [of, isFound(g) ? now(g) : g])),
    named: sweep.named.map(([of, cotangent]) => [of, now(cotangent)]),
    unkept: sweep.unkept.map(({ from, to }) => ({ from: from.map(now), to: now(to) })),
  };
}
