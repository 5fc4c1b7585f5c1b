/** Names for the values of the forward pass, as a reader of the source would say them. */
import { parametersOf, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";

/**
 * The nodes that get a name, in the order of their making: `h` as bound in the source; `h.z` for
 * the z in the layer that made h, as `h.weight` is its weight; `z.2` for a second z.
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
  const named = forward.filter(
    (node) =>
      node.origin.name !== undefined &&
      node.operands.length > 0 &&
      !nameless.has(node) &&
      !isBoundAgain(node, users),
  );
  const layers = layersOf(model, forward);
  // `h = σ(z)` in the layer that owns h.weight: h is that layer's, and z is a value inside of it.
  const owners = new Map<string, Node>();
  for (const node of named) {
    const layer = layers.get(node);
    if (layer !== undefined && baseOf(layer.path) === node.origin.name) owners.set(layer.path, node);
  }
  const names = new Map<Node, string>();
  const taken = new Set<string>([
    ...model.inputs.map(({ name }) => name),
    ...parametersOf(model).map(({ path }) => path),
  ]);
  for (const node of named) {
    const own = node.origin.name!;
    const layer = layers.get(node);
    let name = own;
    if (layer !== undefined) {
      const owner = owners.get(layer.path);
      if (owner === node || (owner === undefined && layer.direct)) name = layer.path;
      else if (layer.direct) name = `${layer.path}.${own}`;
    }
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name}.${count}`;
    taken.add(unique);
    names.set(node, unique);
  }
  return names;
}

/** `z = z + bias`: the second z is meant. */
function isBoundAgain(node: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  let only = users.get(node) ?? [];
  while (only.length === 1 && VIEWS.has(only[0]!.op)) only = users.get(only[0]!) ?? [];
  return only.length === 1 && only[0]!.origin.name === node.origin.name;
}

const VIEWS: ReadonlySet<Node["op"]> = new Set(["reshape", "permute", "broadcast"]);
const LINEAR: ReadonlySet<Node["op"]> = new Set(["matmul", "add"]);

interface Layer {
  /** What its parameters' paths begin with. */
  readonly path: string;
  /** Whether the node takes a parameter itself, and is no more than a function of what does. */
  readonly direct: boolean;
}

/** The layer that a value is made in, as far as its parameters tell. */
function layersOf(model: Model, forward: readonly Node[]): ReadonlyMap<Node, Layer> {
  const layers = new Map<Node, Layer>();
  for (const node of forward) {
    let found: Layer | undefined;
    for (const operand of node.operands) {
      let source = operand;
      while (VIEWS.has(source.op)) source = source.operands[0]!;
      if (source.op === "parameter") {
        const { path } = model.persistent[source.attributes.index]!;
        const end = path.lastIndexOf(".");
        if (end > 0) found = { path: path.slice(0, end), direct: true };
      } else {
        const before = layers.get(source);
        if (before !== undefined && found?.direct !== true) {
          found = {
            path: before.path,
            direct: before.direct && (VIEWS.has(node.op) || LINEAR.has(node.op)) && source.op === "matmul",
          };
        }
      }
    }
    if (found !== undefined) layers.set(node, found);
  }
  return layers;
}

/** `h` of `h.0`: the binding that the layer was called under. */
const baseOf = (path: string): string | undefined => path.split(".").findLast((part) => !/^\d+$/.test(part));

/**
 * The layer that each value belongs to, parameters included: the layer's path, for what lies
 * between its first use of a parameter and the value that bears the layer's name.
 */
export function ownersOf(
  model: Model,
  forward: readonly Node[],
  names: ReadonlyMap<Node, string>,
): ReadonlyMap<Node, string> {
  const layers = layersOf(model, forward);
  const owners = new Map<Node, string>();
  for (const node of forward) {
    const layer = layers.get(node);
    if (layer?.direct === true) owners.set(node, layer.path);
    if (node.op === "parameter") {
      const { path } = model.persistent[node.attributes.index]!;
      if (path.includes(".")) owners.set(node, path.slice(0, path.lastIndexOf(".")));
    }
  }
  // From the value that bears the layer's name back to what takes its parameters.
  for (const [last, name] of names) {
    const path = layers.get(last)?.path;
    if (path !== name || owners.has(last)) continue;
    const stack = [last];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (owners.has(node) || layers.get(node)?.path !== path) continue;
      owners.set(node, path);
      stack.push(...node.operands);
    }
  }
  return owners;
}
