/**
 * What values an `int` input may have: where it picks one of K classes, its entries are 0 … K - 1.
 */
import { reachable } from "../graph/graph.ts";
import type { Node } from "../ir/node.ts";
import { countOf } from "../ir/size.ts";

/** The number of classes by name of input; the smallest where it picks from several. */
export function labelClasses(roots: readonly Node[]): ReadonlyMap<string, number> {
  const classes = new Map<string, number>();
  for (const node of reachable(roots)) {
    const labels =
      node.op === "one_hot" ? node.operands[0] : node.op === "gather" ? node.operands[1] : undefined;
    const entries = node.operands[0]?.shape.at(-1);
    const count =
      node.op === "one_hot" ? node.attributes.classes : entries === undefined ? undefined : countOf(entries);
    const input = labels === undefined ? null : inputBehind(labels);
    if (input !== null && count !== undefined)
      classes.set(input, Math.min(count, classes.get(input) ?? Infinity));
  }
  return classes;
}

/** The input whose entries these are, moved about; null where they are computed. */
function inputBehind(labels: Node): string | null {
  let node: Node | undefined = labels;
  while (node !== undefined) {
    switch (node.op) {
      case "input":
        return node.attributes.name;
      case "reshape":
      case "permute":
      case "broadcast":
      case "slice":
      case "windows":
      case "stop_gradient":
        node = node.operands[0];
        break;
      default:
        return null;
    }
  }
  return null;
}
