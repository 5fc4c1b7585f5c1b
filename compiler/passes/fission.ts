/**
 * Loop fission: of a loop only the recurrence stays in it. What does not depend on carried values is
 * computed for all places at once before the loop, so that `x @ weight_ih'` is one product; what
 * they do not depend on is computed after it, so that the gradient of a weight is one product of
 * stacks. A loop in which nothing depends on what is carried is gone. `loop-plan.ts` says what goes
 * where, `split-loop.ts` makes it so.
 */
import { Build } from "../graph/build.ts";
import { type Graph, reachable, remake } from "../graph/graph.ts";
import { listRoots, type Model } from "../graph/model.ts";
import { readersOf } from "../graph/readers.ts";
import { type LoopStep, type Step, stepsTo } from "../graph/steps.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { ONE } from "../ir/size.ts";
import type { Everywhere } from "./lift.ts";
import { planLoop } from "./loop-plan.ts";
import { loopsApart } from "./loops-apart.ts";
import { applyRules, mapModel, transplant, withinLimit } from "./rewrite.ts";
import { delayedFactor } from "./rules/delays.ts";
import { simplify } from "./simplify.ts";
import { splitByPlan, type Surroundings } from "./split-loop.ts";

/** The model with every loop reduced to its recurrence: every value is what it was, to rounding. */
export const fission = (model: Model): Model => split(model, () => true);

/** The same of loops that no others are inside of: a loop over blocks keeps its stacks within a block. */
export const fissionInBlocks = (model: Model): Model =>
  split(model, ({ body }) => body.every(({ kind }) => kind === "node"));

function split(model: Model, isSplit: (step: LoopStep) => boolean): Model {
  if (loopsOf(model).length === 0) return model;
  return withinLimit(() => {
    const given = simplify(model);
    const { limit } = given.graph;
    const graph = given.graph.fork(ROOM * limit);
    let made: Model = { ...given, graph };
    const done = new Set<number>();
    for (;;) {
      const loops = inOrder(stepsTo(listRoots(made)));
      const step = loops.find((one) => !done.has(one.loop.id) && isSplit(one));
      if (step === undefined) break;
      const others = new Set(loops.map(({ loop }) => loop.id));
      done.add(step.loop.id);
      const split = splitLoop(made, step.loop);
      // What is left of it, if anything, is its recurrence.
      for (const id of loopsOf(split)) if (!others.has(id)) done.add(id);
      const apart = loopsApart(split);
      for (const [id, of] of apart.loops) if (done.has(of)) done.add(id);
      made = apart.model;
    }
    return applyRules(simplify(transplant(made, new Map(), limit)), "fission", [delayedFactor]);
  });
}

const loopsOf = (model: Model): number[] =>
  reachable(listRoots(model)).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : []));

/** What may be made on the way, as a multiple of what the graph may hold. */
const ROOM = 8;

/** What reads a loop's stacks comes before it, and what is inside of it too. */
const inOrder = (steps: readonly Step[]): LoopStep[] =>
  steps.toReversed().flatMap((step) => (step.kind === "loop" ? [...inOrder(step.body), step] : []));

function splitLoop(model: Model, loop: Loop): Model {
  const roots = listRoots(model);
  const sweep = new Sweep(model.graph, loop, roots);
  sweep.walk(stepsTo(roots));
  return mapModel(model, (node) => sweep.map.get(node));
}

/** Makes a graph again with one of its loops split. */
class Sweep implements Surroundings {
  readonly map = new Map<Node, Node>();
  readonly #graph: Graph;
  readonly #loop: Loop;
  readonly #roots: ReadonlySet<Node>;
  readonly #readers: ReadonlyMap<Node, readonly Node[]>;
  /** Sums over the places, by what is summed. */
  readonly #totals = new Map<Node, Node>();
  /** Stacks that cost less to compute entry by entry than to store. */
  readonly #derived = new Map<Node, { readonly node: Node; readonly operands: readonly Everywhere[] }>();

  constructor(graph: Graph, loop: Loop, roots: readonly Node[]) {
    this.#graph = graph;
    this.#loop = loop;
    this.#roots = new Set(roots);
    this.#readers = readersOf(reachable(roots));
  }

  walk(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind === "node") this.map.set(step.node, this.#again(step.node));
      else if (step.loop.id === this.#loop.id) this.#split(step);
      else {
        this.walk(step.body);
        for (const scan of step.scans) this.map.set(scan, this.#again(scan));
      }
    }
  }

  #split(step: LoopStep): void {
    const readers = (node: Node): readonly Node[] => this.#readers.get(node) ?? [];
    const isSummed = (reader: Node): boolean => summedScan(reader, step.loop) !== null;
    const values = (isAsked: (scan: Node) => boolean): Node[] =>
      step.scans.flatMap((scan) => (isAsked(scan) ? [scan.operands[0]!] : []));
    const demand = {
      stacks: values((scan) => this.#roots.has(scan) || !readers(scan).every(isSummed)),
      totals: values((scan) => readers(scan).some(isSummed)),
    };
    const plan = planLoop(step, demand, (node) => readers(node).length);
    splitByPlan(step, plan, demand, this);
  }

  build = (node: Node): Build => new Build(this.#graph, node.origin);
  newLoop = ({ length, reverse }: Loop): Loop => this.#graph.loop(length, reverse);

  setTotal = (value: Node, total: Node): void => {
    this.#totals.set(value, total);
  };
  setDerived = (stack: Node, node: Node, operands: readonly Everywhere[]): void => {
    if (!this.#derived.has(stack)) this.#derived.set(stack, { node, operands });
  };

  /** The node outside of the loop that is split. */
  #again(node: Node): Node {
    const scan = summedScan(node, this.#loop);
    if (scan !== null && node.op === "sum") {
      const b = this.build(node);
      const total = this.#totals.get(scan.operands[0]!)!;
      const rest = node.attributes.axes.filter((axis) => axis > 0);
      return b.sum(b.reshape(total, [ONE, ...total.shape]), rest);
    }
    const operands = node.operands.map((x) => this.map.get(x)!);
    if (node.op === "pick") return this.entry(operands[0]!, node.attributes.loop);
    return this.remade(node, operands);
  }

  remade = (node: Node, operands: readonly Node[]): Node =>
    operands.every((x, i) => x === node.operands[i]) ? node : remake(this.#graph, node, operands);

  /** The entry of a stack at the place of a loop, computed there where that is better. */
  entry = (stack: Node, loop: Loop): Node => {
    const derived = this.#derived.get(stack);
    if (derived === undefined) return this.build(stack).pick(stack, loop);
    const { node, operands } = derived;
    if (operands.length === 0) return node;
    const entries = operands.map((x) => (x.kind === "same" ? x.node : this.entry(x.node, loop)));
    return this.remade(node, entries);
  };
}

/** The scan of the loop that a sum over places is of. */
export function summedScan(node: Node, loop: Loop): NodeOf<"scan"> | null {
  const x = node.operands[0];
  if (node.op !== "sum" || x?.op !== "scan" || x.attributes.loop.id !== loop.id) return null;
  return node.attributes.axes.includes(0) ? x : null;
}
