/**
 * Runs formulas one after another, and the body of a loop at each of its places, over whatever a
 * value is: numbers, entries of a tape, another framework's tensors, or nodes of a graph without
 * loops.
 */
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import { type LoopStep, placesOf, type Step, stepsTo } from "./steps.ts";

/** What can be done with values. */
export interface Calculus<T> {
  /** What a node computes of its operands; it is asked for neither `scan` nor `pick`. */
  readonly apply: (node: Node, operands: readonly T[]) => T;
  /** What a loop carries, as it arrives at a place; itself unless said otherwise. */
  readonly arrive?: (carried: T) => T;
  /** An entry along the first axis. */
  readonly entry: (x: T, place: number) => T;
  /** Values of one shape along a new first axis, one at least. */
  readonly stack: (parts: readonly T[]) => T;
}

/** Where a running loop is. */
interface Open<T> {
  readonly loop: Loop;
  readonly place: number;
  readonly carried: readonly T[];
}

export class StepRunner<T> {
  readonly #calculus: Calculus<T>;
  /** Loops that run, by number, outermost first. */
  readonly #open = new Map<number, Open<T>>();

  constructor(calculus: Calculus<T>) {
    this.#calculus = calculus;
  }

  /** The place of each loop that runs, outermost first. */
  get places(): readonly { readonly loop: Loop; readonly place: number }[] {
    return [...this.#open.values()];
  }

  /** What has arrived at the places of the loops that run. */
  get carried(): readonly T[] {
    return [...this.#open.values()].flatMap(({ carried }) => carried);
  }

  /**
   * Computes what `roots` need and `values` does not have. What is computed in a loop has its value at
   * the last place in the end. While a loop runs, roots may be inside of it.
   */
  run(roots: readonly Node[], values: Map<Node, T>): void {
    this.#steps(stepsTo(roots, new Set(this.#open.keys())), values, (node) => !values.has(node));
  }

  #steps(steps: readonly Step[], values: Map<Node, T>, isMissing: (node: Node) => boolean): void {
    for (const step of steps) {
      if (step.kind === "loop") {
        if (step.scans.some(isMissing)) this.#loop(step, values);
      } else if (isMissing(step.node)) values.set(step.node, this.#valueOf(step.node, values));
    }
  }

  #valueOf(node: Node, values: ReadonlyMap<Node, T>): T {
    const operands = node.operands.map((operand) => values.get(operand)!);
    if (node.op !== "carried" && node.op !== "pick") return this.#calculus.apply(node, operands);
    const { place, carried } = this.#open.get(node.attributes.loop.id)!;
    return node.op === "pick" ? this.#calculus.entry(operands[0]!, place) : carried[node.attributes.index]!;
  }

  #loop({ loop, scans, first, next, body }: LoopStep, values: Map<Node, T>): void {
    const { arrive = (x: T) => x, stack } = this.#calculus;
    const results = scans.map((): T[] => []);
    let carried = first.map((node) => values.get(node)!);
    for (const place of placesOf(loop)) {
      this.#open.set(loop.id, { loop, place, carried: carried.map(arrive) });
      this.#steps(body, values, () => true);
      for (const [i, scan] of scans.entries()) results[i]![place] = values.get(scan.operands[0]!)!;
      carried = next.map((node) => values.get(node)!);
    }
    this.#open.delete(loop.id);
    for (const [i, scan] of scans.entries()) values.set(scan, stack(results[i]!));
  }
}
