/**
 * Derivatives by differences of values alone, in f64: of the graph as it was elaborated, so that no
 * rewrite, no derivative rule and no kernel of the compiler has a part in them. A `grad` in a model
 * is a difference as well, and the gradient of one a difference of differences.
 */
import { reachable } from "../../compiler/graph/graph.ts";
import type { Node, OpName } from "../../compiler/ir/node.ts";
import type { Environment, Op, Values } from "../../compiler/ops/op.ts";
import { ops } from "../../compiler/ops/table.ts";

export interface Difference {
  readonly value: number;
  /**
   * How far two steps of the ladder differ, and what rounding adds: large at a kink, where no
   * derivative is.
   */
  readonly uncertainty: number;
}

/** From the widest step, good for smooth functions, to narrow ones, good beside a kink. */
const ladder = [2 ** -6, 2 ** -8, 2 ** -10, 2 ** -13, 2 ** -17];

/** How uncertain the entries of a `grad` may be, beside the largest of them. */
const SETTLED = 1e-8;
/** The gap of slopes, beside the largest of them, that is taken for a kink of a `grad`. */
const GAP = 1e-4;

/**
 * The derivative of f at 0 by Richardson's central difference (8 (f(h) - f(-h)) - (f(2h) - f(-2h)))
 * / 12h, whose error is of order h⁴: the two neighbors on a ladder of steps that agree best.
 */
export function differentiateAt0(f: (delta: number) => number): Difference {
  let previous = NaN;
  let best: Difference = { value: NaN, uncertainty: Infinity };
  for (const h of ladder) {
    const [far, near, back, farBack] = [f(2 * h), f(h), f(-h), f(-2 * h)];
    const value = (8 * (near - back) - (far - farBack)) / (12 * h);
    // Each value of f is off by about an ulp.
    const noise = (2 ** -51 * Math.max(Math.abs(near), Math.abs(far))) / h;
    const uncertainty = Number.isNaN(previous) ? Infinity : Math.abs(value - previous) + noise;
    if (uncertainty < best.uncertainty || Number.isNaN(best.value)) best = { value, uncertainty };
    if (uncertainty <= 1e-10 * Math.abs(value) + 2 * noise) break;
    previous = value;
  }
  return best;
}

const NARROW = 2 ** -20;

/**
 * The derivative of f at 0 by one narrow step: right to 1e-9 of f, which is less than
 * `differentiateAt0` gives, but with no kinks of f in reach than those within a millionth.
 */
export const slopeAt0 = (f: (delta: number) => number): number => (f(NARROW) - f(-NARROW)) / (2 * NARROW);

/**
 * Steps that a gap of slopes is measured at: no smooth function's is as wide at one as at the one
 * before.
 */
const WIDTHS = [2 ** -13, 2 ** -16, NARROW];

/**
 * Whether the slopes of f on both sides of 0 differ by a gap that does not close as the step
 * shrinks, at a kink and beside one, and that is wide enough to explain an error of a difference.
 */
export function isKink(f: (delta: number) => number, error: number): boolean {
  const at = f(0);
  const gaps = WIDTHS.map((h) => Math.abs((f(h) - at) / h - (at - f(-h)) / h));
  // Each value of f is off by about an ulp.
  const noise = WIDTHS.map((h) => (2 ** -49 * Math.abs(at)) / h);
  return gaps.some((gap, i) => i > 0 && gap > gaps[i - 1]! / 2 && gap > error / 2 && gap > noise[i]!);
}

/**
 * Evaluations of nodes that one difference may take: some ten seconds. A derivative of a derivative
 * of a derivative may take millions of times as many.
 */
const BUDGET = 3e6;

/** A difference that would take too long. */
export class TooCostly extends Error {}

/** Where values of nodes are read. */
interface Reader {
  readonly get: (node: Node) => Values | undefined;
}

/** What roots are worth, and how they move with one entry of a node. */
export class Numeric {
  /**
   * False once a `grad` was met whose differences do not settle, beside a kink: what depends on it
   * is not known.
   */
  settled = true;
  /** Evaluations that are left to the difference being taken. */
  #left = Infinity;
  readonly #environment: Environment;
  readonly #known = new Map<Node, Values>();
  readonly #paths = new Map<Node, Map<Node, readonly Node[]>>();

  constructor(roots: readonly Node[], environment: Environment) {
    this.#environment = environment;
    for (const node of reachable(roots)) this.#known.set(node, this.#evaluate(node, this.#known));
  }

  /**
   * Runs what takes a difference.
   * @throws TooCostly where it would take too long
   */
  within<T>(take: () => T): T {
    this.#left = BUDGET;
    try {
      return take();
    } finally {
      this.#left = Infinity;
    }
  }

  /** One of the roots, or what they depend on. */
  value(node: Node): Values {
    const value = this.#known.get(node);
    if (value === undefined) throw new RangeError("the node was not evaluated");
    return value;
  }

  /** The scalar as a function of how far an entry of the tensor is moved. */
  along(scalar: Node, tensor: Node, entry: number, known: Reader = this.#known): (delta: number) => number {
    const path = this.#path(scalar, tensor);
    const at = known.get(tensor)!;
    return (delta) => {
      const data = Float64Array.from(at.data);
      data[entry]! += delta;
      const moved = new Map<Node, Values>([[tensor, { shape: at.shape, data }]]);
      const layered: Reader = { get: (node) => moved.get(node) ?? known.get(node) };
      for (const node of path) moved.set(node, this.#evaluate(node, layered));
      return layered.get(scalar)!.data[0]!;
    };
  }

  /**
   * What moves with the tensor on the way to the scalar, operands first. Every `stop_gradient`
   * holds still.
   */
  #path(scalar: Node, tensor: Node): readonly Node[] {
    const paths = this.#paths.get(scalar) ?? new Map<Node, readonly Node[]>();
    this.#paths.set(scalar, paths);
    const known = paths.get(tensor);
    if (known !== undefined) return known;
    const moving = new Set([tensor]);
    const path = reachable([scalar]).filter((node) => {
      if (node === tensor || node.op === "stop_gradient") return false;
      if (!node.operands.some((operand) => moving.has(operand))) return false;
      moving.add(node);
      return true;
    });
    paths.set(tensor, path);
    return path;
  }

  #evaluate(node: Node, known: Reader): Values {
    if (--this.#left < 0) throw new TooCostly();
    if (node.op === "grad") {
      const [scalar, tensor] = [node.operands[0]!, node.operands[1]!];
      const at = known.get(tensor)!;
      const along = Array.from(at.data, (_, i) => this.along(scalar, tensor, i, known));
      const found = along.map(differentiateAt0);
      const scale = found.reduce((most, d) => Math.max(most, Math.abs(d.value)), 1e-3);
      if (found.some((d) => d.uncertainty > SETTLED * scale)) this.settled = false;
      // Exactly at a tie all steps agree, on what no convention gives.
      else if (along.some((f) => isKink(f, GAP * scale))) this.settled = false;
      return { shape: at.shape, data: Float64Array.from(found, (d) => d.value) };
    }
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    const operands = node.operands.map((operand) => known.get(operand)!);
    return record.evaluate(operands, node as never, this.#environment);
  }
}
