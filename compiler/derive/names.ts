/** Names for the values of the forward pass, as a reader of the source would say them. */
import { ownedBy, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { MODEL_CALL } from "../ir/origin.ts";

/**
 * The nodes that get a name, in the order of their making: `h` as bound in the source; what a layer
 * gives by the layer's path, `h` or `h.0`, and a z inside of it `h.0.z`, as `h.0.weight` is its
 * weight; `z.2` for a second z.
 * @param nameless nodes that get none
 */
export function nameNodes(
  model: Model,
  forward: readonly Node[],
  nameless: ReadonlySet<Node>,
): ReadonlyMap<Node, string> {
  const users = new Map<Node, Node[]>();
  for (const node of forward) {
    for (const operand of node.operands) users.set(operand, [...(users.get(operand) ?? []), node]);
  }
  const candidates = forward.filter(
    (node) => node.operands.length > 0 && !nameless.has(node) && !isBoundAgain(node, users),
  );
  const callOf = ({ origin }: Node): number => origin.layer?.call ?? MODEL_CALL;
  const isModels = (node: Node): boolean => callOf(node) === MODEL_CALL;
  // Of `p = softmax(dense(x, 3))`, p is what the model binds, and not what the layer gives.
  const bound = new Set(candidates.filter(isModels).map(({ origin }) => origin.name));
  const given = new Map<Node, string>();
  for (const { path, results } of model.layers) {
    if (bound.has(path)) continue;
    // What an outer call hands on from an inner one is the outer one's.
    for (const node of results) if (!isModels(node) && !given.has(node)) given.set(node, path);
  }
  const nameOf = (node: Node): string | undefined => {
    const { name } = node.origin;
    const { path } = model.layers[callOf(node)]!;
    return given.get(node) ?? (name === undefined || path === "" ? name : `${path}.${name}`);
  };

  const names = new Map<Node, string>();
  const taken = new Set<string>([
    ...model.inputs.map(({ name }) => name),
    ...ownedBy(model).map(({ path }) => path),
  ]);
  for (const node of candidates) {
    const name = nameOf(node);
    if (name === undefined) continue;
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name}.${count}`;
    taken.add(unique);
    names.set(node, unique);
  }
  return names;
}

/** `z = z + bias`: the second z is meant. */
function isBoundAgain(node: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  if (node.origin.name === undefined) return false;
  let only = users.get(node) ?? [];
  while (only.length === 1 && isReshaped(only[0]!)) only = users.get(only[0]!) ?? [];
  return only.length === 1 && only[0]!.origin.name === node.origin.name;
}

/** Whether it is what it views, to a reader of formulas. */
export const isReshaped = ({ op }: Node): boolean =>
  op === "broadcast" || op === "reshape" || op === "permute";
