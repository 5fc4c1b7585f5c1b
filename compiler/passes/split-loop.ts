/** Makes what a loop computes by its plan: stacks before it, the loop with its recurrence, stacks and sums after it. */
import type { Build } from "../graph/build.ts";
import type { LoopStep } from "../graph/steps.ts";
import { isInside } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { fixed, ONE, type Size } from "../ir/size.ts";
import { asStack, type Everywhere, lift } from "./lift.ts";
import { type Demand, isCheap, isPick, isStill, type LoopPlan } from "./loop-plan.ts";
import { joined, sumOfStack, timesPlaces } from "./totals.ts";

/** The graph that a loop is made again in. */
export interface Surroundings {
  /** Of nodes outside of the loop, and of its scans. */
  readonly map: Map<Node, Node>;
  readonly build: (node: Node) => Build;
  readonly newLoop: (like: Loop) => Loop;
  /** The op on other operands. */
  readonly remade: (node: Node, operands: readonly Node[]) => Node;
  /** The entry of a stack at the place of a loop, computed there where that is better. */
  readonly entry: (stack: Node, loop: Loop) => Node;
  readonly setTotal: (value: Node, total: Node) => void;
  /** An entry of the stack is `node` of entries of `operands`; without these, `node` itself. */
  readonly setDerived: (stack: Node, node: Node, operands: readonly Everywhere[]) => void;
}

export function splitByPlan(step: LoopStep, plan: LoopPlan, demand: Demand, around: Surroundings): void {
  const split = new Split(step, plan, around);
  split.before();
  split.recurrence();
  split.after();
  for (const value of demand.totals) split.sum(value);
  split.results();
}

class Split {
  readonly #step: LoopStep;
  readonly #plan: LoopPlan;
  readonly #around: Surroundings;
  readonly #length: Size;
  /** What of the body is there at all places. */
  readonly #found = new Map<Node, Everywhere>();
  readonly #totals = new Map<Node, Node>();
  /** What the loop computes, in the loop that is made. */
  readonly #local = new Map<Node, Node>();

  constructor(step: LoopStep, plan: LoopPlan, around: Surroundings) {
    this.#step = step;
    this.#plan = plan;
    this.#around = around;
    this.#length = fixed(step.loop.length);
  }

  /** What does not depend on what is carried. */
  before(): void {
    const { direct, isFromBefore, known } = this.#plan;
    const nodes = direct.filter(isFromBefore);
    this.#lift(nodes);
    // A carried value that is known is so when the next values are, and more may follow from it.
    for (const index of known) {
      const leaf = nodes.find((node) => this.#carriedIndex(node) === index);
      if (leaf === undefined || this.#isFirst(leaf) || !this.#plan.stacks.has(leaf)) continue;
      this.#found.set(leaf, { kind: "stack", node: this.#delayed(leaf, index) });
      this.#lift(nodes);
    }
  }

  recurrence(): void {
    const { loop, first, next } = this.#step;
    const { all, carries, inLoop, stacks } = this.#plan;
    const { map } = this.#around;
    const made = this.#around.newLoop(loop);
    for (const node of all) {
      if (!inLoop.has(node)) continue;
      const entry = this.#entryOf(node, made);
      this.#local.set(node, entry);
      map.set(node, entry);
    }
    const carried = {
      first: carries.map((i) => map.get(first[i]!)!),
      next: carries.map((i) => this.#here(next[i]!)),
    };
    const named = new Map<Node, Node>(this.#step.scans.map((scan) => [scan.operands[0]!, scan]));
    for (const [node, way] of stacks)
      if (way === "store") {
        const b = this.#around.build(named.get(node) ?? node);
        const stack = b.scan(made, this.#here(node), carried);
        this.#found.set(node, { kind: "stack", node: stack });
      }
  }

  /** What nothing that is carried on waits for. */
  after(): void {
    this.#lift(this.#plan.direct);
  }

  /** The sum of a value over the places. */
  sum(value: Node): void {
    const { totals, direct } = this.#plan;
    const { build, map, remade, setTotal } = this.#around;
    if (!isInside(value, this.#step.loop)) {
      setTotal(value, timesPlaces(build(value), map.get(value)!, this.#length));
      return;
    }
    for (const node of direct) {
      const total = totals.get(node);
      if (total === undefined || this.#totals.has(node)) continue;
      const b = build(node);
      const operands = (): Everywhere[] => node.operands.map((x) => this.#everywhere(x));
      const made =
        total.kind === "inside"
          ? remade(
              node,
              node.operands.map((x, i) => (total.summed.includes(i) ? this.#totals.get(x)! : map.get(x)!)),
            )
          : total.kind === "stack"
            ? sumOfStack(b, asStack(b, this.#length, this.#everywhere(node)))
            : // `totalOf` says so of these two ops alone.
              joined(b, node as NodeOf<"matmul"> | NodeOf<"scatter">, this.#length, operands());
      this.#totals.set(node, made);
    }
    setTotal(value, this.#totals.get(value)!);
  }

  /** The stacks that are asked for. */
  results(): void {
    const { scans } = this.#step;
    const { build, map, setDerived } = this.#around;
    for (const scan of scans) {
      const value = scan.operands[0]!;
      if (!this.#isThere(value)) continue;
      const everywhere = this.#everywhere(value);
      const stack = asStack(build(scan), this.#length, everywhere);
      if (everywhere.kind === "same") setDerived(stack, everywhere.node, []);
      map.set(scan, stack);
    }
  }

  /** The stacks that are wanted, of nodes whose operands are there. */
  #lift(nodes: readonly Node[]): void {
    const { stacks, hoisted } = this.#plan;
    for (const node of nodes) {
      if (stacks.get(node) !== "lift" || this.#found.has(node) || node.op === "carried") continue;
      if (!node.operands.every((x) => this.#isThere(x))) continue;
      const operands = node.operands.map((x) => this.#everywhere(x));
      if (operands.every(({ kind }) => kind === "same")) {
        const once = this.#around.remade(
          node,
          operands.map((x) => x.node),
        );
        this.#found.set(node, { kind: "same", node: once });
        continue;
      }
      const stack = lift(this.#around.build(node), node, this.#length, operands);
      this.#found.set(node, { kind: "stack", node: stack });
      if (isCheap(node) && !hoisted.has(node)) this.#around.setDerived(stack, node, operands);
    }
  }

  #isThere(node: Node): boolean {
    const { loop } = this.#step;
    return !isInside(node, loop) || isPick(node, loop) || this.#isFirst(node) || this.#found.has(node);
  }

  #everywhere(node: Node): Everywhere {
    const { map } = this.#around;
    const { loop, first } = this.#step;
    if (!isInside(node, loop)) return { kind: "same", node: map.get(node)! };
    if (isPick(node, loop)) return { kind: "stack", node: map.get(node.operands[0]!)! };
    if (this.#isFirst(node)) return { kind: "same", node: map.get(first[this.#carriedIndex(node)!]!)! };
    return this.#found.get(node)!;
  }

  /** A node of the body in the loop that is made. */
  #entryOf(node: Node, made: Loop): Node {
    const { build, entry, remade, map } = this.#around;
    const { carries, hoisted, isFromBefore } = this.#plan;
    const { loop } = this.#step;
    const index = this.#carriedIndex(node);
    if (index !== null && !isFromBefore(node)) return build(node).carried(made, carries.indexOf(index), node);
    if (index !== null || isPick(node, loop)) {
      const everywhere = this.#everywhere(node);
      return everywhere.kind === "same" ? everywhere.node : entry(everywhere.node, made);
    }
    if (hoisted.has(node)) {
      const everywhere = this.#everywhere(node);
      return everywhere.kind === "same" ? everywhere.node : build(node).pick(everywhere.node, made);
    }
    return remade(
      node,
      node.operands.map((x) => this.#local.get(x) ?? map.get(x)!),
    );
  }

  #here = (node: Node): Node => this.#local.get(node) ?? this.#around.map.get(node)!;

  #carriedIndex = (node: Node): number | null =>
    node.op === "carried" && node.attributes.loop.id === this.#step.loop.id ? node.attributes.index : null;

  /** Whether it is the first value of what is carried, which never changes. */
  #isFirst(node: Node): boolean {
    const index = this.#carriedIndex(node);
    return index !== null && isStill(this.#step.next[index]!, this.#step.loop, index);
  }

  /** What is carried, where the next values are known: the first value, and these without the last. */
  #delayed(leaf: Node, index: number): Node {
    const { loop, first, next } = this.#step;
    const b = this.#around.build(leaf);
    const all = asStack(b, this.#length, this.#everywhere(next[index]!));
    const start = this.#around.map.get(first[index]!)!;
    const whole = leaf.shape.map(() => ({ start: 0, fromEnd: false, step: 1 }));
    const axes = [{ start: loop.reverse ? 1 : 0, fromEnd: false, step: 1 }, ...whole];
    const rest = b.slice(all, axes, [fixed(loop.length - 1), ...leaf.shape]);
    const begin = b.reshape(start, [ONE, ...leaf.shape]);
    return b.concat(loop.reverse ? [rest, begin] : [begin, rest], 0);
  }
}
