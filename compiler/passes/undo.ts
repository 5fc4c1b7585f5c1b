/**
 * What the backward pass takes for the values of the forward pass. As a rule these values
 * themselves; but of y = couple(x, a) it has y, and makes x again as y - a, where a in its turn is
 * made of what is had by then. So of a stack of such sums nothing but the last is kept.
 */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import { type Graph, reachable, remake } from "../graph/graph.ts";
import type { Unkept } from "../graph/model.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node, OpName } from "../ir/node.ts";
import { backwardOf } from "../ir/origin.ts";
import { ops } from "../ops/table.ts";

/** Sources that need no memory. */
const FREE: ReadonlySet<OpName> = new Set<OpName>(["random", "constant", "extent", "iota"]);

export class Undo {
  readonly #graph: Graph;
  /** By the first operand of a `couple` node, that node. */
  readonly #couples = new Map<Node, Node>();
  readonly #known = new Map<Node, Node>();
  readonly #drawn = new Map<Node, boolean>();

  /** @param nodes all that is differentiated, operands before users */
  constructor(graph: Graph, nodes: readonly Node[]) {
    this.#graph = graph;
    for (const node of nodes) {
      const [x] = node.operands;
      if (node.op === "couple" && !isKept(x!) && isBeside(x!, node)) this.#couples.set(x!, node);
    }
  }

  /**
   * The same op on what the backward pass takes for the operands.
   * @throws DiagnosticError `not-undoable` where a sum would have to be undone with the help of
   * what it is to give
   */
  again(node: Node): Node {
    if (this.#couples.size === 0) return node;
    return this.#remade(
      node,
      node.operands.map((operand) => this.#value(operand)),
    );
  }

  /**
   * What is added in sums that have been undone, as far as it has been made again: the random
   * numbers in it are the same in both passes, and would be kept otherwise.
   */
  unkept(): Unkept[] {
    return [...this.#couples].flatMap(([undone, to]): Unkept[] => {
      // A loop that runs back has stacks of what it needs.
      if (!this.#known.has(undone) || loopsAround(to).size > 0) return [];
      const from = new Set([undone]);
      const seen = new Set<Node>([undone]);
      const stack = [to.operands[1]!];
      for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
        if (seen.has(node)) continue;
        seen.add(node);
        const isInside = !this.#couples.has(node) && (this.#known.get(node) !== node || this.#isDrawn(node));
        if (isInside) stack.push(...node.operands);
        else from.add(node);
      }
      return [{ from: [...from], to }];
    });
  }

  /** Whether random numbers, and nothing else that has to be there, are behind it. */
  #isDrawn(node: Node): boolean {
    const known = this.#drawn.get(node);
    if (known !== undefined) return known;
    let isDrawn = false;
    const parts = reachable([node]);
    for (const { op } of parts) isDrawn ||= op === "random";
    isDrawn &&= parts.every(({ op }) => ops[op].family !== "source" || FREE.has(op));
    this.#drawn.set(node, isDrawn);
    return isDrawn;
  }

  #value(wanted: Node): Node {
    const open = new Set<Node>();
    const stack = [wanted];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const needs = this.#needs(node);
      const missing = needs.filter((need) => !this.#known.has(need));
      if (this.#known.has(node) || missing.length === 0) {
        stack.pop();
        open.delete(node);
        if (!this.#known.has(node)) this.#known.set(node, this.#make(node, needs));
        continue;
      }
      open.add(node);
      for (const need of missing) if (open.has(need)) throw this.#refusal(node);
      stack.push(...missing);
    }
    return this.#known.get(wanted)!;
  }

  #needs(node: Node): readonly Node[] {
    const couple = this.#couples.get(node);
    if (couple !== undefined) return [couple, couple.operands[1]!];
    // A sum that no later one undoes is where undoing begins.
    return node.op === "couple" ? [] : node.operands;
  }

  #make(node: Node, needs: readonly Node[]): Node {
    const values = needs.map((need) => this.#known.get(need)!);
    if (this.#couples.has(node))
      return this.#graph.make("sub", values, {}, backwardOf(node.origin)) as unknown as Node;
    return node.op === "couple" ? node : this.#remade(node, values);
  }

  #remade(node: Node, operands: readonly Node[]): Node {
    return operands.every((operand, i) => operand === node.operands[i])
      ? node
      : remake(this.#graph, node, operands, backwardOf(node.origin));
  }

  #refusal(node: Node): DiagnosticError {
    const { span } = (this.#couples.get(node) ?? node).origin;
    return new DiagnosticError([
      {
        code: "not-undoable",
        severity: "error",
        message: "`couple` cannot be undone here: what is added depends on what it is added to",
        labels: span === undefined ? [] : [{ span, text: "the backward pass would need x to compute x" }],
        notes: ["for y = couple(x, a) the backward pass computes x as y - a, so a must be known by then"],
        help: "let `a` depend only on the other half, as in `y1 = couple(x1, f(x2))` and `y2 = couple(x2, g(y1))`",
      },
    ]);
  }
}

/** Whether two are computed at the same places: a sum in a loop does not undo what is outside of it. */
function isBeside(a: Node, b: Node): boolean {
  const [around, others] = [loopsAround(a), loopsAround(b)];
  return around.size === others.size && [...around.keys()].every((id) => others.has(id));
}

/** A view of what lies in memory all the time is not worth making. */
function isKept(node: Node): boolean {
  let base = node;
  while (ops[base.op].family === "movement" && base.operands.length === 1) base = base.operands[0]!;
  return ops[base.op].family === "source";
}
