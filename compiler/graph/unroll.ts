/** Formulas without loops: the body of each written once for every place. */
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import { ONE } from "../ir/size.ts";
import { Build } from "./build.ts";
import { remake, type Graph } from "./graph.ts";
import { StepRunner } from "./run-steps.ts";

/** Where a node without loops comes from. */
export interface Source {
  readonly node: Node;
  /** The places of the loops around it, outermost first. */
  readonly places: readonly { readonly loop: Loop; readonly place: number }[];
}

export interface Unrolled {
  readonly roots: readonly Node[];
  /** By node without loops; of equal nodes the first. */
  readonly sources: ReadonlyMap<Node, Source>;
}

/** @param graph where the formulas are made; it must have room for the body of a loop at every place */
export function unroll(graph: Graph, roots: readonly Node[]): Unrolled {
  const build = new Build(graph);
  const sources = new Map<Node, Source>();
  const values = new Map<Node, Node>();
  const runner = new StepRunner<Node>({
    apply: (node, operands) => {
      const made = remake(graph, node, operands);
      if (!sources.has(made)) sources.set(made, { node, places: runner.places });
      return made;
    },
    entry: (x, place) => {
      const whole = { start: 0, fromEnd: false, step: 1 };
      const axes = x.shape.map((_, axis) => (axis === 0 ? { ...whole, start: place } : whole));
      const rest = x.shape.slice(1);
      return build.reshape(build.slice(x, axes, [ONE, ...rest]), rest);
    },
    stack: (parts) =>
      build.concat(
        parts.map((part) => build.reshape(part, [ONE, ...part.shape])),
        0,
      ),
  });
  runner.run(roots, values);
  return { roots: roots.map((root) => values.get(root)!), sources };
}
