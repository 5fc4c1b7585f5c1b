/** Which nodes stand together: those of a layer, in each pass, and those of the loss. */
import type { Model } from "../graph/model.ts";
import type { Loop } from "../ir/loop.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { MODEL_CALL } from "../ir/origin.ts";
import type { Group } from "./diagram.ts";

const LOSS: Group = { id: "loss", label: "loss", pass: "forward" };

const back = ({ id, label }: Group): Group => ({ id: `back-${id}`, label, pass: "backward", of: id });

/** The call that a node is drawn with; a gradient that the loss is made of is the model's. */
const callOf = ({ origin: { layer } }: Node, order: number): number =>
  layer?.order === order ? (layer.around ?? layer.call) : MODEL_CALL;

/**
 * Groups of the forward pass: layers, and the loss, which is what no layer comes after, where there
 * are layers.
 * @param forward operands before users
 */
export function forwardGroups(
  { layers }: Model,
  forward: readonly Node[],
  hasLoss: boolean,
): Map<Node, Group> {
  const groups = new Map<Node, Group>();
  for (const node of forward) {
    const call = callOf(node, 0);
    if (call === MODEL_CALL) continue;
    const { path } = layers[call]!;
    groups.set(node, { id: `layer-${path}`, label: path, pass: "forward" });
  }
  const leadsOn = new Set<Node>();
  for (const node of hasLoss && groups.size > 0 ? forward.toReversed() : []) {
    const isInLayer = groups.has(node);
    if (node.operands.length > 0 && !leadsOn.has(node) && !isInLayer) groups.set(node, LOSS);
    if (leadsOn.has(node) || isInLayer) for (const operand of node.operands) leadsOn.add(operand);
  }
  for (const [node, group] of loopGroups(forward, groups)) groups.set(node, group);
  return whole(groups, forward);
}

/** The bodies of outermost loops, each with what the loop leaves. */
function loopGroups(nodes: readonly Node[], layers: ReadonlyMap<Node, Group>): Map<Node, Group> {
  const members = new Map<number, { readonly loop: Loop; readonly nodes: Node[] }>();
  for (const node of nodes) {
    const around = [...loopsAround(node).values()];
    if (node.op === "scan") around.push(node.attributes.loop);
    // An outer loop is made before those in it.
    const [loop] = around.toSorted((a, b) => a.id - b.id);
    if (loop === undefined) continue;
    const known = members.get(loop.id) ?? { loop, nodes: [] };
    members.set(loop.id, known);
    known.nodes.push(node);
  }
  const groups = new Map<Node, Group>();
  for (const { loop, nodes: own } of members.values()) {
    // What the backward pass reads of a loop of the forward pass is computed there.
    if (own.every(({ op }) => op === "scan")) continue;
    const carried = own.flatMap((node) =>
      node.op === "carried" && node.attributes.loop.id === loop.id
        ? [node.origin.name ?? "what flows back"]
        : [],
    );
    const of = own
      .map((node) => layers.get(node))
      .find((group) => group !== undefined && group.id !== LOSS.id && group.of !== LOSS.id);
    const label = [
      `${of === undefined ? "" : `${of.label}: `}loop of ${loop.length} places${loop.reverse ? ", in reverse" : ""}`,
      ...(carried.length === 0 ? [] : [`carries ${carried.join(", ")}`]),
    ].join(", ");
    const group: Group = { id: `loop-${loop.id}`, label, pass: "forward" };
    for (const node of own) groups.set(node, group);
  }
  return groups;
}

/**
 * Groups of the backward pass, each of one of the forward pass; the loss's is what no other comes
 * before.
 * @param backward operands before users
 */
export function backwardGroups(
  { layers }: Model,
  backward: readonly Node[],
  forward: ReadonlyMap<Node, Group>,
): Map<Node, Group> {
  const byId = new Map([...forward.values()].map((group) => [group.id, group]));
  const groups = new Map<Node, Group>();
  const comesAfter = new Set<Node>();
  for (const node of backward) {
    const call = callOf(node, 1);
    const isAfter = call !== MODEL_CALL || node.operands.some((operand) => comesAfter.has(operand));
    if (isAfter) comesAfter.add(node);
    const group = byId.get(isAfter ? `layer-${layers[call]!.path}` : LOSS.id);
    if (group !== undefined) groups.set(node, back(group));
  }
  for (const [node, { id, label }] of loopGroups(backward, groups))
    groups.set(node, { id: `back-${id}`, label, pass: "backward" });
  return whole(groups, backward);
}

/** Without groups that other nodes come between: folded, they would lead to themselves. */
function whole(groups: Map<Node, Group>, order: readonly Node[]): Map<Node, Group> {
  const members = new Map<string, Node[]>();
  for (const node of order) {
    const id = groups.get(node)?.id;
    if (id === undefined) continue;
    const own = members.get(id);
    if (own === undefined) members.set(id, [node]);
    else own.push(node);
  }
  for (const nodes of members.values()) {
    const inside = new Set(nodes);
    const between = new Set<Node>();
    const isLeft = order.slice(order.indexOf(nodes[0]!), order.indexOf(nodes.at(-1)!) + 1).some((node) => {
      const comesAfter = node.operands.some((operand) => between.has(operand));
      if (inside.has(node)) return comesAfter;
      if (comesAfter || node.operands.some((operand) => inside.has(operand))) between.add(node);
      return false;
    });
    if (isLeft) for (const node of nodes) groups.delete(node);
  }
  return groups;
}
