/**
 * One sweep from a scalar back: the cotangents of all that it depends on. The steps of a loop's body
 * are swept as those around it are.
 */
import type { Build } from "../graph/build.ts";
import type { Graph } from "../graph/graph.ts";
import type { Unkept } from "../graph/model.ts";
import { nodesOf, type LoopStep, type Step, stepsTo } from "../graph/steps.ts";
import { arrivesFrom, carriedBy, loopsAround, type Carries } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { fixed } from "../ir/size.ts";
import { accumulate, isSpreadOverFactors, summedRows } from "./accumulate.ts";
import { backwards } from "./backwards.ts";
import type { Guards } from "./guards.ts";
import { sweepLoop, type Flat, type FlowTo, type Named, type Swept } from "./loops-back.ts";
import { movedBy } from "./moving.ts";
import { pullBack } from "./pull-back.ts";
import type { Hides } from "./silence.ts";
import { Undo } from "./undo.ts";

/** Why a tensor has no cotangent: nothing leads to it, or only ops without slope do. */
export type Missing = { readonly reason: "independent" } | { readonly reason: "flat"; readonly at: Node };

export interface Sweep {
  /** By wanted tensor. */
  readonly gradients: ReadonlyMap<Node, Node | Missing>;
  /** Cotangents of nodes that have a name. */
  readonly named: readonly Named[];
  readonly unkept: readonly Unkept[];
}

/** What a sweep is made for, and with. */
export interface Sweeping {
  readonly graph: Graph;
  /** What writes the formulas of a node's operands. */
  readonly buildBack: (of: Node) => Build;
  readonly guards: Guards;
  /** Whether what flows to a weight from several products is the product of stacks. */
  readonly inStacks: boolean;
  /** The numbers of loops whose bodies are run again on the way back. */
  readonly again: ReadonlySet<number>;
}

/** The cotangents of `wanted`, from `scalar` back. What is carried by loops around the scalar is given. */
export function sweepBack(sweeping: Sweeping, scalar: Node, wanted: ReadonlySet<Node>): Sweep {
  const { graph, guards, buildBack } = sweeping;
  const steps = stepsTo([scalar], new Set(loopsAround(scalar).keys()));
  const order = [...nodesOf(steps)];
  const loops = carriedBy(order);
  const moving = movedBy(wanted, order, loops);
  const undo = new Undo(graph, order);
  const scene: Scene = { ...sweeping, wanted, moving, undo, hides: guards.hidden(order, scalar) };
  const start = buildBack(scalar);
  const { cotangents, named, flat } = sweep(scene, steps, null, (flowTo) => {
    if (moving.has(scalar)) flowTo(scalar, start.constant(1), start);
  });

  const ends = flatEnds(flat, loops);
  const gradients = new Map(
    [...wanted].map((tensor): [Node, Node | Missing] => {
      const gradient = cotangents.get(tensor);
      if (gradient !== undefined) return [tensor, gradient];
      const at = ends.get(tensor);
      return [tensor, at === undefined ? { reason: "independent" } : { reason: "flat", at }];
    }),
  );
  return { gradients, named, unkept: undo.unkept() };
}

/** What flows to a node, and what writes the formulas of the reader that it came from last. */
interface Flowing {
  readonly flows: Node[];
  readonly from: Build;
}

/** What holds all along a sweep. */
interface Scene extends Sweeping {
  readonly wanted: ReadonlySet<Node>;
  readonly moving: ReadonlySet<Node>;
  readonly undo: Undo;
  readonly hides: Hides;
}

/**
 * Back over the steps of a loop's body, or of what is around all loops.
 * @param start gives what the sweep begins with
 */
function sweep(
  scene: Scene,
  steps: readonly Step[],
  loop: Loop | null,
  start: (flowTo: FlowTo) => void,
): Swept {
  const level = new Level(scene, loop);
  start(level.flowTo);
  for (const step of backwards(steps)) {
    if (step.kind === "node") level.pass(step.node);
    else level.passLoop(step, (begin) => sweep(scene, step.body, step.loop, begin));
  }
  return level.found();
}

/** A sweep on its way over steps that are in no loop, or in one. */
class Level {
  readonly #scene: Scene;
  readonly #loop: Loop | null;
  /** By node, what flows to it from the last reader to the first: one order, on every machine. */
  readonly #flowing = new Map<Node, Flowing>();
  readonly #cotangents = new Map<Node, Node>();
  readonly #values = new Set<Node>();
  readonly #named: Named[] = [];
  readonly #flat: Flat[] = [];
  /** Cotangents of products: factors of the products that are their operands' cotangents. */
  readonly #factors = new Set<Node>();
  readonly #isFactor: ((node: Node) => boolean) | null;

  constructor(scene: Scene, loop: Loop | null) {
    this.#scene = scene;
    this.#loop = loop;
    this.#isFactor = scene.inStacks && loop === null ? (node) => this.#factors.has(node) : null;
  }

  flowTo: FlowTo = (node, flow, from) => {
    const others = this.#flowing.get(node)?.flows;
    others?.push(flow);
    this.#flowing.set(node, { flows: others ?? [flow], from });
  };

  pass(node: Node): void {
    this.#values.add(node);
    const found = this.#flowing.get(node);
    if (found === undefined) return;
    const { flows, from } = found;
    const { wanted, moving, undo, buildBack, hides, guards } = this.#scene;
    const build = buildBack(node);
    const isFactor = this.#isFactor;
    if (isFactor !== null && isSpreadOverFactors(node, flows, isFactor) && !wanted.has(node)) {
      const [row] = node.operands;
      for (const flow of flows) this.flowTo(row!, build.unbroadcast(flow, row!.shape), build);
      return;
    }
    const cotangent = accumulate(from, flows, isFactor);
    this.#note(node, cotangent);
    // A row that all rows read has the sum of theirs.
    if (node.op === "matmul") this.#factors.add(summedRows(cotangent) ?? cotangent);
    if (!node.operands.some((operand) => moving.has(operand))) return;
    if (node.op === "pick") {
      this.#passPick(node, cotangent, build);
      return;
    }

    const pulled = pullBack(build, undo.again(node), cotangent, hides, guards);
    if (guards.has(node)) for (const flow of pulled ?? []) if (flow?.op === "where") guards.add(flow);
    node.operands.forEach((operand, i) => {
      if (!moving.has(operand)) return;
      const flow = operand.type === "float" ? (pulled?.[i] ?? null) : null;
      if (flow !== null) this.flowTo(operand, flow, build);
      // What is no float has lost its slope itself: an index, a comparison.
      else if (node.op !== "stop_gradient")
        this.#flat.push([operand, operand.type === "float" ? node : operand]);
    });
  }

  /**
   * An entry of a tensor. That of a loop around the scalar lies where the loop is; the loop that is swept
   * hands all of them on at once.
   */
  #passPick(node: NodeOf<"pick">, cotangent: Node, b: Build): void {
    const { loop } = node.attributes;
    if (loop.id === this.#loop?.id) return;
    const [whole] = node.operands;
    const place = b.pick(b.iota(0, [fixed(loop.length)]), loop);
    this.flowTo(whole!, b.where(b.eq(b.iota(0, whole!.shape), place), cotangent, 0), b);
  }

  passLoop(step: LoopStep, sweepBody: (start: (flowTo: FlowTo) => void) => Swept): void {
    const { moving, buildBack, guards, again } = this.#scene;
    const b = buildBack(step.scans[0]!);
    for (const scan of step.scans) {
      this.#values.add(scan);
      const found = this.#flowing.get(scan);
      if (found !== undefined) this.#note(scan, accumulate(found.from, found.flows, this.#isFactor));
    }
    if (!step.scans.some((scan) => this.#cotangents.has(scan))) return;
    const way = { step, b, again: again.has(step.loop.id), moving, cotangents: this.#cotangents, sweepBody };
    const { swept, made, stacks } = sweepLoop(way, this.flowTo);
    for (const stack of stacks) this.#values.add(stack);
    for (const [before, after] of made) if (guards.has(before)) guards.add(after);
    for (const [of, cotangent] of swept.named) this.#named.push([of, made.get(cotangent) ?? cotangent]);
    this.#flat.push(...swept.flat);
  }

  #note(node: Node, cotangent: Node): void {
    this.#cotangents.set(node, cotangent);
    if (node.origin.name !== undefined) this.#named.push([node, cotangent]);
  }

  found(): Swept {
    const outside = [...this.#flowing].flatMap(([node, { flows, from }]): [Node, Node][] =>
      this.#values.has(node) ? [] : [[node, accumulate(from, flows, null)]],
    );
    return {
      cotangents: this.#cotangents,
      outside,
      values: this.#values,
      named: this.#named,
      flat: this.#flat,
    };
  }
}

/** For each node at or behind the first of a pair of `flat`, the second: the op without slope. */
function flatEnds(flat: readonly Flat[], loops: ReadonlyMap<number, Carries>): ReadonlyMap<Node, Node> {
  const ends = new Map<Node, Node>();
  for (const [behind, at] of flat) {
    const stack = [behind];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (ends.has(node)) continue;
      ends.set(node, at);
      stack.push(...arrivesFrom(node, loops));
    }
  }
  return ends;
}
