/** Names for buffers and kernels, from the names in the source. */
import { pathOf, type Model, type Probe } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { ops } from "../ops/table.ts";
import { isStep, type Buffer, type EntryName, type Kernel } from "./kernel.ts";
import { isLaid } from "./kinds.ts";

/** Hands out each name once: `h`, `h_2`, `h_3`. */
export class Unique {
  readonly #taken = new Set<string>();
  readonly #next = new Map<string, number>();

  take(stem: string): string {
    let name = stem;
    for (let i = this.#next.get(stem) ?? 2; this.#taken.has(name); i++) {
      name = `${stem}_${i}`;
      this.#next.set(stem, i + 1);
    }
    this.#taken.add(name);
    return name;
  }
}

/** A valid identifier: `h.0.weight` → `h_0_weight`. */
export function identifier(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_]+/g, "_");
  return /^[A-Za-z_]/.test(plain) ? plain : `v_${plain}`;
}

const OP_NAMES: Readonly<Record<string, string>> = {
  matmul: "product",
  reduce_max: "max",
  reduce_min: "min",
};

/** As in the source; else the nearest name it is a view of, or has parts of, else its op. */
export function nodeName(node: Node): string {
  let at = node;
  while (at.origin.name === undefined && (isLaid(at) || at.op === "concat")) at = at.operands.at(-1)!;
  return at.origin.name ?? OP_NAMES[at.op] ?? at.op;
}

/** `h.0.mean`, and of a parameter `h.0.weight.updates`. */
export const probeName = (model: Model, { call, figure, parameter }: Probe): string =>
  `${parameter === null ? model.layers[call]!.path : pathOf(model, parameter)}.${figure}`;

/** Whether `nodeName` found nothing better than the op. */
const isOpName = (name: string): boolean =>
  Object.hasOwn(ops, name.replace(/_\d+$/, "")) || Object.values(OP_NAMES).includes(name);

/** The parameter, or the state of a layer, that a buffer belongs to. */
export function ownerOf(role: Buffer["role"]): number | null {
  if (role.kind === "parameter" || role.kind === "layer-state" || role.kind === "gradient") return role.index;
  return role.kind === "state" ? role.parameter : null;
}

/** What an optimizer's definition calls it, whichever parameter it belongs to. */
export function generalName(role: Buffer["role"]): string | null {
  if (role.kind === "parameter") return "param";
  if (role.kind === "gradient") return "grad";
  return role.kind === "state" ? role.name : null;
}

/**
 * After what it is for: `start_h_weight`, `update_adam`, or `update_h_weight` where the gradient is
 * a product and the update its epilogue; else after the last tensor it makes that has a name in the
 * source.
 */
export function kernelName(
  entry: EntryName,
  destinations: readonly Buffer[],
  model: Model,
  kind: Kernel["kind"],
): string {
  const { name, role } = destinations.findLast((buffer) => !isOpName(buffer.name)) ?? destinations.at(-1)!;
  if (entry === "initialize") return identifier(`start_${name}`);
  if (isStep(entry) && role.kind === "layer-state") return identifier(`update_${name.split(".").at(-1)}`);
  const updates = isStep(entry) && (role.kind === "parameter" || role.kind === "state");
  if (updates && kind === "product") return identifier(`update_${parameterName(destinations, model)}`);
  if (!updates) return identifier(name);
  const owner = ownerOf(role);
  const group = model.optimizer?.groups.find(
    ({ parameters }) => owner !== null && parameters.includes(owner),
  );
  return identifier(`update_${group?.name ?? "parameter"}`);
}

function parameterName(destinations: readonly Buffer[], model: Model): string {
  const owner = destinations.map(({ role }) => ownerOf(role)).find((index) => index !== null);
  return (owner !== undefined && model.persistent[owner]?.path) || "parameter";
}
