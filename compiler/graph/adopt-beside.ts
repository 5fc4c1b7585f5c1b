/**
 * Nodes of one graph brought into another that has loops too. The numbers of loops are those of a graph:
 * equal ones say nothing here. So each loop gets a number of its own, or is the loop that computes the
 * same already.
 */
import { inLoop } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import { type Graph, remake } from "./graph.ts";
import { LoopTable } from "./loop-table.ts";
import { type LoopStep, type Step, stepsTo } from "./steps.ts";

/**
 * What `nodes` depend on, made again in `graph`: by the nodes that there were.
 * @param there what `graph` is asked for
 */
export function adoptBeside(
  graph: Graph,
  there: readonly Node[],
  nodes: readonly Node[],
): ReadonlyMap<Node, Node> {
  const table = new LoopTable();
  enter(table, stepsTo(there), []);
  const guest = new Guest(graph, table);
  guest.walk(stepsTo(nodes), []);
  return guest.made;
}

function enter(table: LoopTable, steps: readonly Step[], around: readonly Loop[]): void {
  for (const step of steps) {
    if (step.kind === "node") continue;
    table.of(step.loop, step, around);
    enter(table, step.body, [...around, step.loop]);
  }
}

class Guest {
  readonly made = new Map<Node, Node>();
  readonly #graph: Graph;
  readonly #table: LoopTable;
  /** What loops have become, by their numbers where they come from. */
  readonly #loops = new Map<number, Loop>();

  constructor(graph: Graph, table: LoopTable) {
    this.#graph = graph;
    this.#table = table;
  }

  walk(steps: readonly Step[], around: readonly Loop[]): void {
    for (const step of steps) {
      if (step.kind === "node") this.#make(step.node);
      else this.#walkLoop(step, around);
    }
  }

  #walkLoop(step: LoopStep, around: readonly Loop[]): void {
    const made = (node: Node): Node => this.made.get(node)!;
    const walkIn = (loop: Loop): void => {
      this.#loops.set(step.loop.id, loop);
      this.walk(step.body, [...around, loop]);
    };
    const fresh = this.#graph.loop(step.loop.length, step.loop.reverse);
    walkIn(fresh);
    const carries = { first: step.first.map(made), next: step.next.map(made) };
    const { loop } = this.#table.of(fresh, carries, around);
    // Its body is one that there is.
    if (loop !== fresh) walkIn(loop);
    for (const scan of step.scans) this.#make(scan);
  }

  #make(node: Node): void {
    const operands = node.operands.map((operand) => this.made.get(operand)!);
    this.made.set(node, remake(this.#graph, inLoop(node, this.#loops), operands));
  }
}
